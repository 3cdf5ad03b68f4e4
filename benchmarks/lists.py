"""The issue list and the issue page with a million events in ten thousand groups."""

import http.client
import json
import sqlite3
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from benchmarks.report import Report
from tests.installation import Installation

GROUPS = 10_000
DAY = 86_400
_ROWS_AT_ONCE = 50_000
"""More in one statement would not fit into the memory that the engine allows itself."""


def measure(report: Report, made: Installation, *, events: int, rounds: int) -> None:
    project = made.create_project()
    body_id = _one_real_event(made, project)
    seed(made, project["id"], events=events, body_id=body_id)
    size = f"{events:,} events, {GROUPS:,} groups"
    pages = (
        ("issue list API", "/api/groups/?project=shop&limit=50", "p50 under 15 ms"),
        ("issue list API, one environment", "/api/groups/?project=shop&limit=50&environment=staging", ""),
        ("issue list API, words", "/api/groups/?project=shop&limit=50&q=timeout", ""),
        ("issue list API, second page", _second_page(made), ""),
        ("one issue", "/api/groups/5000/", ""),
        ("one issue's latest event", "/api/groups/5000/events/latest/", ""),
        ("trends and users of 50 issues", _stats(made), ""),
        ("tag shares of an issue", "/api/groups/5000/tags/", ""),
    )
    for what, path, goal in pages:
        waits = sorted(_get(made.port, path) for _ in range(rounds))
        p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99) - 1]
        report.add(f"{what}, {size}", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", goal)


def _get(port: int, path: str) -> float:
    """Milliseconds of one request on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.connect()
        started = time.perf_counter()
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        waited = (time.perf_counter() - started) * 1000
    if reply.status != 200:
        raise SystemExit(f"GET {path} was answered {reply.status}: {body[:300]!r}")
    return waited


def _second_page(made: Installation) -> str:
    link = made.get("/api/groups/?project=shop&limit=50").headers["link"]
    return link.split("<")[1].split(">")[0].removeprefix(made.address)


def _stats(made: Installation) -> str:
    groups = made.get("/api/groups/?project=shop&limit=50").json()
    return "/api/groups/stats/?project=shop&range=24h&" + "&".join(f"id={group['id']}" for group in groups)


def _one_real_event(made: Installation, project: dict[str, object]) -> int:
    """Send one event through the whole pipeline; the seeded ones borrow its body."""
    payload = {"platform": "python", "exception": {"values": [{"type": "TimeoutError", "value": "no answer"}]}}
    made.request("POST", f"/api/{project['id']}/store/?sentry_key={project['key']}", json.dumps(payload).encode())
    made.wait_until(lambda: bool(_rows(made, "SELECT body_id FROM groups_event")), "the event is stored")
    return int(_rows(made, "SELECT body_id FROM groups_event")[0][0])


def _rows(made: Installation, sql: str) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(f"file:{made.data_dir / 'main.db'}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def seed(made: Installation, project: int, *, events: int, body_id: int) -> None:
    """Write groups, scopes and events as the digest would have, straight into the stores."""
    with closing(sqlite3.connect(made.data_dir / "main.db", timeout=60)) as database, database:
        database.execute("PRAGMA synchronous=OFF")
        database.executemany(
            "INSERT INTO groups_group (id, project_id, number, title, type, value, culprit, level, platform, handled, "
            "grouping_config, count, stored_count, first_seen, last_seen, status, assignee, is_bookmarked) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'python', 0, 'x', ?, ?, ?, ?, ?, '', 0)",
            _groups(project, events),
        )
        database.executemany(
            "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                (group, environment, f"shop@1.{group % 20}", events // GROUPS // 2, _at(2 * DAY), _at(group % DAY))
                for group in range(10, GROUPS + 10)
                for environment in ("production", "staging")
            ),
        )
        database.executemany(
            "INSERT INTO groups_event (project_id, group_id, event_id, received_at, timestamp, level, environment, "
            "user, message, body_id) VALUES (?, ?, ?, ?, ?, 'error', ?, ?, 'no answer', ?)",
            (
                (
                    project,
                    10 + number % GROUPS,
                    f"{number:032x}",
                    (at := _at(DAY * number / events)),
                    at,
                    ("production", "staging")[number % 2],
                    f"id:{number % 997}",
                    body_id,
                )
                for number in range(events)
            ),
        )
        database.execute("UPDATE projects_project SET next_group_number = ?", (GROUPS + 100,))
    for first in range(0, events, _ROWS_AT_ONCE):
        _columns(
            made,
            "INSERT INTO sentry.events (project_id, event_id, group_id, received_at, timestamp, level, environment, "
            f"user, title, tags, v) SELECT {project}, "
            "toUUID(concat('00000000-0000-0000-0000-', leftPad(hex(number), 12, '0'))), "
            f"10 + number % {GROUPS}, now64(3) - toIntervalSecond(intDiv(number * {DAY}, {events})), "
            f"now64(3) - toIntervalSecond(intDiv(number * {DAY}, {events})), 'error', "
            "if(number % 2 = 0, 'production', 'staging'), concat('id:', toString(number % 997)), "
            "'TimeoutError: no answer', "
            "map('region', concat('eu-', toString(number % 3)), 'shard', toString(number % 16)), 1 "
            f"FROM numbers({first}, {min(_ROWS_AT_ONCE, events - first)})",
        )


def _groups(project: int, events: int) -> Iterator[tuple[object, ...]]:
    kinds = ("ValueError", "TimeoutError", "KeyError", "TypeError")
    for group in range(10, GROUPS + 10):
        kind = kinds[group % 4]
        value = f"step {group} of the order failed"
        count = events // GROUPS
        status = "resolved" if group % 10 == 0 else "unresolved"
        seen = (_at(2 * DAY), _at(group % DAY))
        yield (
            group,
            project,
            group,
            f"{kind}: {value}",
            kind,
            value,
            "shop.orders in pay",
            "error",
            count,
            count,
            *seen,
            status,
        )


def _at(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _columns(made: Installation, statement: str) -> None:
    url = json.loads((made.data_dir / "columns.json").read_text())["url"]
    login, address = url.removeprefix("http://").split("@")
    user, password = login.split(":")
    address = address.split("/")[0]
    request = urllib.request.Request(f"http://{address}/?user={user}&password={password}", data=statement.encode())
    try:
        urllib.request.urlopen(request, timeout=120).read()
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"The columns refused the seeded rows: {refused.read(300)!r}") from refused
