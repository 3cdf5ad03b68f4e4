"""Rows as the pipeline would have made them, with the fields a test does not care about filled in."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from mini_sentry.groups.models import Event, Group, GroupScope
from mini_sentry.projects.create import create_project
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Release

NOON: Final = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def make_project(name: str = "", *, slug: str | None = None, platform: str = "") -> Project:
    return create_project(name or f"Project {next(_numbers)}", slug, platform=platform)


def make_release(project: Project, version: str = "1.0.0", *, environment: str = "production") -> Release:
    return Release.objects.create(project=project, version=version, environment=environment)


def make_group(
    project: Project,
    title: str = "ValueError: broken",
    *,
    environments: tuple[str, ...] = ("production",),
    release: str = "",
    **fields: Any,
) -> Group:
    """A group that was seen in each of `environments` under `release` (a version, or "")."""
    project.refresh_from_db(fields=["next_group_number"])
    number = project.next_group_number
    Project.objects.filter(pk=project.pk).update(next_group_number=number + 1)
    kind, _, value = title.partition(": ")
    group = Group.objects.create(
        **{
            "project": project,
            "number": number,
            "title": title,
            "type": kind if value else "",
            "value": value or title,
            "culprit": "shop.cart in pay",
            "platform": "python",
            "count": 1,
            "stored_count": 1,
            "first_seen": NOON,
            "last_seen": NOON,
            "grouping_config": "2026-01",
        }
        | fields
    )
    GroupScope.objects.bulk_create(
        GroupScope(
            group=group,
            environment=environment,
            release_version=release,
            count=group.count,
            first_seen=group.first_seen,
            last_seen=group.last_seen,
        )
        for environment in environments
    )
    return group


def make_event(group: Group, *, body_id: int = 0, **fields: Any) -> Event:
    """An event of a group as a row alone; `body_id` 0 is a body that is no longer kept."""
    return Event.objects.create(
        **{
            "project": group.project,
            "group": group,
            "event_id": uuid.uuid4(),
            "received_at": NOON,
            "timestamp": NOON,
            "level": group.level,
            "environment": "production",
            "message": group.value,
            "body_id": body_id,
        }
        | fields
    )
