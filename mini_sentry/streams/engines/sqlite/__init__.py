"""The log in one SQLite file: durable, shared by several processes, nothing to install."""

from mini_sentry.streams.engines.sqlite.log import SqliteLog

__all__ = ["SqliteLog"]
