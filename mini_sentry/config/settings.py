"""Django's settings, read from the environment and `.env`. `docs/settings.md` describes each variable.

Engine variables that are unset mean the embedded engine. A value that cannot be used stops the start with its name.
"""

import os
import secrets
from pathlib import Path
from typing import Any

from dotenv import load_dotenv

import mini_sentry
from mini_sentry.config.column_store import check_columns
from mini_sentry.config.databases import database
from mini_sentry.config.environment import BadSetting, Environment, data_directory, published_on, usable_cores
from mini_sentry.config.kafka import column_topics, kafka
from mini_sentry.config.logs import configuration as log_configuration
from mini_sentry.config.redis import caches, redis_url

load_dotenv(Path.cwd() / ".env")

env = Environment(os.environ)

DATA_DIR: Path = data_directory(os.environ)
BODIES_DIR = DATA_DIR / "bodies"
ARTIFACTS_DIR = DATA_DIR / "artifacts"


def _secret_key() -> str:
    """The operator's key, or one made on the first start and kept in the data directory (mode 0600)."""
    given = env.text("SECRET_KEY", "")
    if given:
        return given
    path = DATA_DIR / "secret_key"
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


SECRET_KEY = _secret_key()
DEBUG = env.flag("DJANGO_DEBUG", False)
ALLOWED_HOSTS: list[str] = [*env.words("ALLOWED_HOSTS", ""), "localhost", ".localhost", "127.0.0.1", "[::1]"]
PUBLIC_URL = env.text("PUBLIC_URL", "").rstrip("/")
PUBLISHED_ON = published_on(os.environ)
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS", "")
FORCE_SCRIPT_NAME: str | None = env.text("SCRIPT_NAME_PREFIX", "").rstrip("/") or None

RATE_LIMIT_EVENTS_PER_MINUTE = env.number("RATE_LIMIT_EVENTS_PER_MINUTE", 120)
RETENTION_DAYS = env.number("RETENTION_DAYS", 30)
EVENT_STORAGE_LIMIT_MB = env.number("EVENT_STORAGE_LIMIT_MB", 0)
MAX_REQUEST_MB = env.number("MAX_REQUEST_MB", 20)
MAX_EVENT_KB = env.number("MAX_EVENT_KB", 1024)
MAX_ARTIFACT_MB = env.number("MAX_ARTIFACT_MB", 100)
ARTIFACT_RETENTION_DAYS = env.number("ARTIFACT_RETENTION_DAYS", 90)
CLICKHOUSE_URL = env.text("CLICKHOUSE_URL", "")
CLICKHOUSE_DATABASE = env.text("CLICKHOUSE_DATABASE", "sentry")
CLICKHOUSE_CLUSTER = env.text("CLICKHOUSE_CLUSTER", "")
check_columns(CLICKHOUSE_URL, database=CLICKHOUSE_DATABASE, cluster=CLICKHOUSE_CLUSTER)
KAFKA = kafka(env, max_request_mb=MAX_REQUEST_MB)
COLUMN_TOPICS = column_topics(env, KAFKA)
DIGEST_SIDE_DECODERS = env.number("DIGEST_SIDE_DECODERS", min(2, usable_cores() - 1))
SPOOL_DIR = env.text("SPOOL_DIR", "")
SPOOL_MB = env.number("SPOOL_MB", 1024)
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")

_MAIL_BACKENDS = {
    "console": "django.core.mail.backends.console.EmailBackend",
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
}
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "smtp" if EMAIL_HOST else "console")
EMAIL_BACKEND = _MAIL_BACKENDS.get(EMAIL_BACKEND, EMAIL_BACKEND)
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", False)
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise BadSetting("EMAIL_USE_SSL", "1", "EMAIL_USE_TLS is on as well, and only one of them can be")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "mini-sentry@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
WEBHOOK_REFUSE_PRIVATE_ADDRESSES = env.flag("WEBHOOK_REFUSE_PRIVATE_ADDRESSES", False)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "mini_sentry.accounts",
    "mini_sentry.projects",
    "mini_sentry.releases",
    "mini_sentry.groups",
    "mini_sentry.alerts",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASE_URL = env.text("DATABASE_URL", "")
SQLITE_PATH = DATA_DIR / "main.db"
REDIS_URL = redis_url(env)
CACHES = caches(REDIS_URL)
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "")
DATABASES: dict[str, Any] = {"default": database(env, sqlite_path=SQLITE_PATH)}
ATOMIC_REQUESTS = False

MIDDLEWARE = [
    "mini_sentry.web.hosts.LoopbackOnly",
    "mini_sentry.web.policies.ContentPolicy",
    "django.middleware.security.SecurityMiddleware",
    "mini_sentry.web.built_files.BuiltFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mini_sentry.web.access.OpenUntilTheFirstUser",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
APPEND_SLASH = False
ROOT_URLCONF = "mini_sentry.config.urls"
WSGI_APPLICATION = "mini_sentry.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

WEB_DIST = Path(__file__).resolve().parents[1] / "web" / "dist"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_INDEX_FILE = False


def _is_hashed(path: str, url: str) -> bool:
    return "/assets/" in url


WHITENOISE_IMMUTABLE_FILE_TEST = _is_hashed

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_MB << 20
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["mini_sentry.rest.rendering.MsgspecRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "mini_sentry.rest.parsing.MsgspecParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mini_sentry.rest.rendering.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mini_sentry.rest.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mini Sentry",
    "DESCRIPTION": "The REST API of Mini Sentry, a self-hosted, Sentry-compatible error tracker.",
    "VERSION": mini_sentry.__version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "PATH_CONVERTER_OVERRIDES": {"id": int, "event_id": str},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "PartState": "mini_sentry.web.health.PARTS",
        "StatusEnum": "mini_sentry.groups.models.Status.values",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "mini_sentry.web.document.add_edge",
        "mini_sentry.web.document.add_errors",
    ],
}

MINI_SENTRY_HEALTH_PORT = env.number("MINI_SENTRY_HEALTH_PORT", 0)
MINI_SENTRY_HEALTH_HOST = env.text("MINI_SENTRY_HEALTH_HOST", "127.0.0.1")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOG_FORMAT = env.text("LOG_FORMAT", "line").lower()
LOGGING = log_configuration(LOG_LEVEL, LOG_FORMAT)
