"""A PostgreSQL database with the tables of bodies, beside the one that the suite runs on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.db import connections
from django.db.utils import ConnectionHandler

from mini_sentry.config.databases import postgres
from mini_sentry.config.environment import Environment
from tests.engines.postgres import drop_database, make_database

ALIAS = "day-tables"


@contextmanager
def day_tables(server_url: str) -> Iterator[str]:
    """The name that Django knows the database by. Its connections commit by themselves."""
    name = f"mini_sentry_days_{os.getpid()}"
    address = make_database(server_url, name)
    configured = ConnectionHandler({"default": postgres(address, Environment({}))})
    connections.settings[ALIAS] = configured.settings["default"]
    try:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(import_module("mini_sentry.groups.migrations.0003_bodies_and_gone_days").TABLES)
        yield ALIAS
    finally:
        connections[ALIAS].close()
        connections[ALIAS].close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
        del connections[ALIAS], connections.settings[ALIAS]
        drop_database(server_url, name)
