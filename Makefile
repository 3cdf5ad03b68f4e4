# Every word here works on a fresh clone: what it needs is installed first, into .venv and frontend/node_modules.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
export MINI_SENTRY_DATA ?= $(CURDIR)/data

UI := mini_sentry/web/dist/index.html
UI_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/e2e/*' -not -name '*.test.ts*' 2>/dev/null)
# Node 22 or newer from the machine, else the one that requirements/build.txt puts into .venv.
WITH_NODE := PATH="$$($(CURDIR)/tools/node-path $(CURDIR)/$(BIN)):$$PATH"

# Most of the long tests wait; more than two files at once on two cores make those late that look at the clock.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder

.NOTPARALLEL:
.PHONY: help setup run dev test test-embedded test-engines test-frontend check fix e2e bench screenshots wheel openapi ladder chromium \
        openapi-validate openapi-validate-docker postman

help: ## Show these words
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 26

setup: $(VENV)/.run $(UI) ## Install what running needs and build the UI

run: setup ## Start Mini Sentry on http://127.0.0.1:8000 with its data in ./data
	@$(BIN)/mini-sentry run --host $(HOST) --port $(PORT)

dev: $(VENV)/.dev frontend/node_modules/.installed ## Server with reload on 8000, UI with reload on 5173
	@$(BIN)/python tools/dev.py --host $(HOST) --port $(PORT)

test: test-embedded test-frontend ## Run every test: unit, contract, flow, client, fault, browser, front end

test-embedded: $(VENV)/.dev $(UI) tests/clients/node_modules/.installed chromium ## The server's on the embedded engines: unit, contract, flow, client, fault, browser
	$(BIN)/python -m pytest -m "" $(SIDE_BY_SIDE)

test-engines: $(VENV)/.dev $(UI) tests/clients/node_modules/.installed chromium ## The same on PostgreSQL, Redis, a Kafka-protocol broker and ClickHouse
	TEST_ENGINES=postgres,redis,kafka,clickhouse $(BIN)/python -m pytest -m "" $(SIDE_BY_SIDE)

test-frontend: frontend/node_modules/.installed ## The front end's
	cd frontend && $(WITH_NODE) npm test

check: $(VENV)/.dev frontend/node_modules/.installed ## Format, lint, types and import order of all parts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd frontend && $(WITH_NODE) npm run check

fix: $(VENV)/.dev frontend/node_modules/.installed ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd frontend && $(WITH_NODE) npm run fix

e2e: $(VENV)/.dev $(UI) tests/clients/node_modules/.installed chromium ## Only the tests that drive a browser
	$(BIN)/python -m pytest -m browser

bench: $(VENV)/.dev $(UI) ## Measure, and print the tables of benchmarks/README.md
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/.dev $(UI) chromium ## Every page and state in light and dark, into build/screenshots
	$(BIN)/python tools/screenshots.py build/screenshots

openapi: $(VENV)/.dev ## Generate docs/openapi.yaml, and from it the collection and the UI's types
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn
	$(BIN)/python tools/postman.py
	cd frontend && $(WITH_NODE) npm run openapi

openapi-validate: $(VENV)/.dev ## Check docs/openapi.yaml against the OpenAPI specification
	$(BIN)/openapi-spec-validator docs/openapi.yaml

openapi-validate-docker: ## The same in a container, with nothing else installed
	docker run --rm -v "$(CURDIR)/docs/openapi.yaml:/openapi.yaml:ro" python:3.13-slim sh -c \
	  "pip install --quiet --root-user-action=ignore $$(grep '^openapi-spec-validator==' requirements/dev.txt) && openapi-spec-validator /openapi.yaml"

postman: $(VENV)/.dev ## Generate the Postman collection from docs/openapi.yaml
	$(BIN)/python tools/postman.py

wheel: $(VENV)/.dev $(UI) ## Build the wheel, UI inside
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

ladder: $(VENV)/.dev ## Check that packages import only from those before them
	$(BIN)/lint-imports

chromium:
	@tools/chromium

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml
	@tools/python-version $(PYTHON)
	@echo "Installing Python packages into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.txt
	@tools/node-path $(CURDIR)/$(BIN) >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "Installing the tools for tests and checks …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	@touch $@

frontend/node_modules/.installed: $(VENV)/.run frontend/package.json frontend/package-lock.json
	@echo "Installing the front end's packages …"
	@cd frontend && $(WITH_NODE) npm install --no-save --no-fund --no-audit --loglevel=error
	@touch $@

tests/clients/node_modules/.installed: $(VENV)/.run tests/clients/package.json tests/clients/package-lock.json
	@echo "Installing the SDKs that the tests send with …"
	@cd tests/clients && $(WITH_NODE) npm install --no-save --no-fund --no-audit --loglevel=error
	@touch $@

$(UI): frontend/node_modules/.installed $(UI_SOURCES)
	@echo "Building the UI …"
	@cd frontend && $(WITH_NODE) npm run --silent build
	@touch $@
