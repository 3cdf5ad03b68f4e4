"""Which engine keeps the bodies: the one place that knows."""

from collections.abc import Callable
from pathlib import Path

from django.db import connection

from mini_sentry.groups import dictionaries
from mini_sentry.groups.bodies.daily_files import DailyFiles
from mini_sentry.groups.bodies.store import Bodies


def open_bodies(directory: Path, *, load_dictionary: Callable[[int], bytes] = dictionaries.load) -> Bodies:
    """The store of bodies: beside the rows in PostgreSQL, else the daily files in `directory`."""
    if connection.vendor == "postgresql":
        from mini_sentry.groups.bodies.postgres import PartitionedBodies

        return PartitionedBodies(load_dictionary=load_dictionary)
    return DailyFiles(directory, load_dictionary=load_dictionary)
