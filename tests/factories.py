"""Rows as the pipeline would have made them, with the fields a test does not care about filled in."""

import itertools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import zstandard

from mini_sentry.digest.facts import facts_of
from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import explain
from mini_sentry.grouping.group import group as grouping_of
from mini_sentry.groups.bodies import Body, pack
from mini_sentry.groups.detail import bodies
from mini_sentry.groups.models import Event, Group, GroupHash, GroupScope
from mini_sentry.projects.create import create_project
from mini_sentry.projects.models import Project
from mini_sentry.protocol import rest_event
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.normalize import normalize
from mini_sentry.releases.models import Release
from mini_sentry.symbolication import stacktext

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


def make_event(group: Group, payload: Mapping[str, Any] | None = None, *, rest: bool = False, **fields: Any) -> Event:
    """An event of a group. With `payload` (an SDK's, or with `rest` one of the REST routes) its body is stored as the
    digest would store it, and its hashes lead to the group; without, the body is one that is no longer kept."""
    values: dict[str, Any] = {
        "project": group.project,
        "group": group,
        "event_id": uuid.uuid4(),
        "received_at": NOON,
        "timestamp": NOON,
        "level": group.level,
        "environment": "production",
        "message": group.value,
        "body_id": 0,
    }
    if payload is not None:
        values |= _stored(group, payload, fields.get("received_at", NOON), rest=rest)
    return Event.objects.create(**values | fields)


def _stored(group: Group, payload: Mapping[str, Any], received_at: datetime, *, rest: bool) -> dict[str, Any]:
    context = Context(project_id=group.project_id, received_at=received_at.timestamp(), fallback_id=uuid.uuid4().hex)
    body = msgspec.json.encode(payload)
    if rest:
        event = rest_event.to_event(rest_event.parse(body), context, parse_stack=stacktext.parse)
    else:
        event = normalize(body, context)
    grouping = grouping_of(event, config=config())
    for found in grouping.hashes:
        GroupHash.objects.get_or_create(
            project=group.project,
            hash=found.hash,
            defaults={
                "group": group,
                "variant": found.variant,
                "config": grouping.config,
                "explanation": [msgspec.to_builtins(part) for part in explain(event, config=config())],
            },
        )
    packed = zstandard.ZstdCompressor().compress(pack(event.payload, facts_of(event, grouping)))
    stored = Body(group.project_id, event.event_id, received_at.timestamp(), 0, packed)
    (body_id,) = bodies().write(received_at.date(), [stored])
    return {
        "event_id": uuid.UUID(event.event_id),
        "level": event.level,
        "environment": event.environment,
        "timestamp": datetime.fromtimestamp(event.timestamp, UTC),
        "user": event.user_tag,
        "message": (event.message or grouping.value or grouping.title)[:200],
        "body_id": body_id,
    }
