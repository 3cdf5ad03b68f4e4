"""Groups and events by the hundred thousand, made by the database itself in a few statements."""

from datetime import datetime, timedelta
from typing import Any, Final

import zstandard
from django.db import connection

from mini_sentry.groups import partitions
from mini_sentry.projects.models import Project
from tests.factories import make_project

KINDS: Final = ("ValueError", "TimeoutError", "KeyError", "TypeError", "OSError")


def seed(*, groups: int, events: int, days: int, now: datetime, projects: int = 4) -> list[Project]:
    """So many rows, spread evenly over the last `days` days. The first project has as much as all the others together; in
    each, a tenth of the groups has most of the events. Ids of groups count from 1."""
    made = [make_project(slug=f"app-{number}") for number in range(projects)]
    start = now - timedelta(days=days)
    partitions.receive(start + timedelta(days=day) for day in range(days + 1))
    values: dict[str, Any] = {
        "groups": groups,
        "events": events,
        "first": made[0].pk,
        "others": projects - 1,
        "start": start.strftime("%Y-%m-%d %H:%M:%S"),
        "explanation": zstandard.ZstdCompressor().compress(b"[]"),
        "step": days * 86_400 / events,
        "group_step": days * 86_400 / groups,
    }
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(_in_dialect(statement), values)
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval('groups_group_id_seq', %s)", [groups])
            cursor.execute("VACUUM (ANALYZE) groups_group, groups_groupscope, groups_grouphash, groups_event")
    Project.objects.filter(pk__in=[project.pk for project in made]).update(next_group_number=groups + 1)
    return made


# The project of a group and the group of an event follow from their numbers. The words are those of both dialects.
_PROJECT: Final = "(%(first)s + CASE WHEN {0} %% 2 = 0 THEN 0 ELSE 1 + ({0} / 2) %% %(others)s END)"
_GROUP: Final = "(1 + CASE WHEN n %% 10 < 8 THEN n %% (%(groups)s / 10) ELSE (n * 7) %% %(groups)s END)"
_KIND: Final = "CASE {0} %% 5 " + " ".join(f"WHEN {number} THEN '{kind}'" for number, kind in enumerate(KINDS)) + " END"

_STATEMENTS: Final = (
    (
        "INSERT INTO groups_group (id, project_id, number, title, type, value, culprit, level, platform, handled, "
        "grouping_config, count, stored_count, first_seen, last_seen, status, assignee, is_bookmarked) "
        f"SELECT n, {_PROJECT.format('n')}, n, {_KIND.format('n')} || ': step ' || n || ' of the order failed', "
        f"{_KIND.format('n')}, 'step ' || n || ' of the order failed', 'shop.orders in pay', "
        "CASE WHEN n %% 7 = 0 THEN 'warning' ELSE 'error' END, 'python', FALSE, '', "
        "1 + %(events)s / %(groups)s, 1 + %(events)s / %(groups)s, {start}, {start + n * %(group_step)s}, "
        "CASE WHEN n %% 10 = 0 THEN 'resolved' ELSE 'unresolved' END, '', FALSE FROM {numbers groups}"
    ),
    (
        "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "
        "SELECT id, 'production', 'shop@1.' || id %% 20, count, first_seen, last_seen FROM groups_group"
    ),
    (
        "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "
        "SELECT id, 'staging', 'shop@1.' || id %% 20, 1, first_seen, last_seen FROM groups_group WHERE id %% 5 = 0"
    ),
    (
        "INSERT INTO groups_grouphash (project_id, hash, group_id, variant, config, explanation, created_at) "
        "SELECT project_id, {hash}, id, 'app', '', %(explanation)s, first_seen FROM groups_group"
    ),
    (
        "INSERT INTO groups_event (project_id, group_id, event_id, received_at, timestamp, level, environment, "
        '"user", message, body_id) '
        f"SELECT {_PROJECT.format(_GROUP)}, {_GROUP}, {{uuid}}, {{start + n * %(step)s}}, {{start + n * %(step)s}}, "
        "CASE WHEN n %% 11 = 0 THEN 'warning' ELSE 'error' END, CASE WHEN n %% 9 = 0 THEN 'staging' ELSE 'production' END, "
        "'id:' || n %% 997, 'step ' || n || ' of the order failed', 0 FROM {numbers events}"
    ),
)


def _in_dialect(statement: str) -> str:
    is_postgres = connection.vendor == "postgresql"
    dialect: dict[str, Any] = {
        "{hash}": "md5(id::text)" if is_postgres else "printf('%%032x', id)",
        "{uuid}": "md5(n::text)::uuid" if is_postgres else "printf('%%032x', n * 7919)",
        "{start}": "%(start)s::timestamptz" if is_postgres else "%(start)s",
    }
    for name in ("groups", "events"):
        dialect[f"{{numbers {name}}}"] = (
            f"generate_series(1, %({name})s) AS n"
            if is_postgres
            else f"(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %({name})s) "
            "SELECT n FROM numbers)"
        )
    for name in ("step", "group_step"):
        dialect[f"{{start + n * %({name})s}}"] = (
            f"%(start)s::timestamptz + n * make_interval(secs => %({name})s)"
            if is_postgres
            else f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', julianday(%(start)s) + n * %({name})s / 86400.0)"
        )
    for written, meant in dialect.items():
        statement = statement.replace(written, meant)
    return statement
