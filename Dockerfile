# syntax=docker/dockerfile:1
# One image for every role: `docker run … mini-sentry <role>`. Without a role it is the one-command installation.

FROM node:24-bookworm-slim AS ui
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-fund --no-audit
COPY frontend ./
RUN npm run build

FROM python:3.13-slim-bookworm AS packages
WORKDIR /src
RUN python -m venv /opt/venv
COPY requirements/run.txt requirements/run.txt
# Only wheels: there is no compiler here either.
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY mini_sentry ./mini_sentry
COPY --from=ui /src/mini_sentry/web/dist ./mini_sentry/web/dist
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data mini-sentry \
 && install --directory --owner mini-sentry --group mini-sentry --mode 0750 /data /spool
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TZ=UTC \
    MINI_SENTRY_DATA=/data
USER 10001:10001
VOLUME ["/data", "/spool"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=5)"]
CMD ["mini-sentry", "run", "--host", "0.0.0.0", "--port", "8000"]
