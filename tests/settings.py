"""The project's settings, with a scratch directory for data so that a test run touches nobody's own.

With `postgres` in TEST_ENGINES the suite's database is on PostgreSQL: at TEST_DATABASE_URL, or a server that starts with
the first test that asks for the database (`tests/conftest.py`).
"""

import os
import tempfile

from tests.engines import is_wanted
from tests.installation import free_port

if "MINI_SENTRY_DATA" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["MINI_SENTRY_DATA"] = tempfile.mkdtemp(prefix="mini-sentry-tests-")

POSTGRES_PORT = free_port()
if is_wanted("postgres"):
    os.environ["DATABASE_URL"] = os.environ.get(
        "TEST_DATABASE_URL", f"postgresql://postgres@127.0.0.1:{POSTGRES_PORT}/postgres"
    )

from mini_sentry.config.settings import *  # noqa: F403

if is_wanted("postgres"):
    # One database a run, so that several runs may share a server.
    DATABASES["default"]["TEST"] = {"NAME": f"mini_sentry_tests_{os.getpid()}", "TEMPLATE": "template0"}  # noqa: F405
    del os.environ["DATABASE_URL"]
