"""What an operator does from the terminal: look at dead letters and replay them, fill the column store again."""

import argparse
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import django
import msgspec

if TYPE_CHECKING:
    from mini_sentry.streams.dead_letters import Buried


def run(options: argparse.Namespace) -> int:
    """Carry out `dead-letters …` or `columns …`; returns the exit code."""
    django.setup()
    return _rebuild(options.since) if options.command == "columns" else _dead_letters(options)


def _dead_letters(options: argparse.Namespace) -> int:

    from mini_sentry.config.wiring import open_log
    from mini_sentry.streams import dead_letters

    log = open_log()
    try:
        match options.verb:
            case "list":
                newest = deque(dead_letters.dead_letters(log), maxlen=options.limit)
                for letter in reversed(newest):
                    print(_line(letter))
                print(f"{len(newest)} shown." if newest else "There are no dead letters.")
            case "show":
                print(_shown(dead_letters.show(log, options.id)))
            case _:
                wanted = options.id or [one.id for one in dead_letters.dead_letters(log) if not one.is_replayed]
                for letter_id in wanted:
                    dead_letters.replay(log, letter_id, now=time.time())
                print(f"{len(wanted)} put back into the log, to be digested again.")
    except dead_letters.NotBuried as error:
        print(f"mini-sentry: {error}", file=sys.stderr)
        return 1
    finally:
        log.close()
    return 0


def _line(letter: "Buried") -> str:
    when = datetime.fromtimestamp(letter.died_at, UTC).isoformat(timespec="seconds")
    replayed = "  (replayed)" if letter.is_replayed else ""
    return f"{letter.id:>8}  {when}  {letter.topic}/{letter.offset}  {letter.reason}: {letter.detail[:100]}{replayed}"


def _shown(letter: "Buried") -> str:
    """The letter with what can be read of its request, secrets removed."""
    from mini_sentry.digest.scrubbing import scrub
    from mini_sentry.protocol.errors import ProtocolError
    from mini_sentry.protocol.inflate import inflate
    from mini_sentry.streams.topics import unpack

    lines = [_line(letter), f"{letter.size_bytes} bytes"]
    try:
        request = unpack(letter.value)
        body = inflate(request.body, request.encoding, max_bytes=1 << 20)
    except (msgspec.MsgspecError, ProtocolError) as error:
        return "\n".join([*lines, f"Its bytes cannot be read: {error}"])
    lines += [f"project {request.project_id}, {request.kind}, from {request.user_agent or 'an unnamed client'}", ""]
    return "\n".join([*lines, scrub(body).decode(errors="replace")[:20_000]])


def _rebuild(since: str) -> int:
    from mini_sentry.analytics import columns
    from mini_sentry.analytics.rows import SESSIONS_TABLE
    from mini_sentry.analytics.snuba import rebuild
    from mini_sentry.analytics.store import ColumnsError, Store
    from mini_sentry.config.column_store import migrate_columns
    from mini_sentry.config.exclusive import Occupied
    from mini_sentry.digest.rows import stored_rows
    from mini_sentry.releases import sessions

    try:
        start = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
    except ValueError:
        print(f"mini-sentry: --since {since} is no date. Write it as 2026-01-31.", file=sys.stderr)
        return 1
    store = Store(columns.url)
    try:
        # Whoever else is at it leaves the tables as they are wanted here.
        with suppress(Occupied):
            migrate_columns(store)
        count = rebuild(store, stored_rows(since=start))
        session_count = rebuild(store, sessions.stored_rows(since=start), table=SESSIONS_TABLE)
    except ColumnsError as error:
        print(f"mini-sentry: the columns cannot be reached ({error}). Start the server first.", file=sys.stderr)
        return 1
    print(f"{count} events and {session_count} sessions are in the columns.")
    return 0
