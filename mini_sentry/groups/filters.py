"""The filters that lists of groups and events share: a query string → the rows it asks for."""

from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from mini_sentry.groups.leads import groups_seen
from mini_sentry.groups.matching import Asked, events_matching, groups_matching
from mini_sentry.groups.models import Event, Group, GroupScope, Level, Status
from mini_sentry.groups.search import SearchInvalid, parse
from mini_sentry.projects.models import Project
from mini_sentry.rest import params
from mini_sentry.rest.errors import invalid

LEVELS: Final = tuple(Level.values)
STATUSES: Final = tuple(Status.values)
FILTERS: Final = ("level", "status", "range", "from", "to", "environment", "env", "release", "q")
"""The parameters that `filtered_events` heeds beside `project`."""


def named_project(query: QueryDict) -> tuple[Project | None, bool]:
    """The project that `project` names; the second value is False when it names one that does not exist."""
    slug = params.text(query, "project")
    if not slug:
        return None, True
    project = Project.objects.filter(slug=slug).first()
    return project, project is not None


def filtered_groups(query: QueryDict, *, person: str, now: datetime) -> tuple[QuerySet[Group], Project | None]:
    """The groups that match, in no order, and the project asked for; none of them for a project that does not exist.

    `range`, `from` and `to` keep groups that were seen within that time.
    """
    project, exists = named_project(query)
    if not exists:
        return Group.objects.none(), None
    span = params.span(query, now=now, default=None)
    condition = Q(project=project) if project else Q()
    if levels := params.words(query, "level", allowed=LEVELS):
        condition &= Q(level__in=levels) if len(levels) > 1 else Q(level=levels[0])
    if statuses := params.words(query, "status", allowed=STATUSES):
        condition &= Q(status__in=statuses) if len(statuses) > 1 else Q(status=statuses[0])
    if span:
        condition &= Q(last_seen__gte=span.start, first_seen__lt=span.end)
    environments, release = environments_of(query), params.text(query, "release")
    if environments or release:
        scopes = GroupScope.objects.filter(group=OuterRef("pk"))
        if environments:
            scopes = scopes.filter(environment__in=environments)
        if release:
            scopes = scopes.filter(release_version=release)
        condition &= Q(Exists(scopes))
    if text := params.text(query, "q"):
        asked = Asked(project, person=person, now=now, since=span.start if span else None)
        try:
            condition &= groups_matching(parse(text), asked)
        except SearchInvalid as error:
            raise invalid("q", str(error)) from error
    return Group.objects.filter(condition), project


def filtered_events(query: QueryDict, *, person: str, now: datetime, group: Group | None = None) -> QuerySet[Event]:
    """The events that match, of one group or of the project asked for, in no order; none for a project that does not exist."""
    project, exists = (group.project, True) if group else named_project(query)
    if not exists:
        return Event.objects.none()
    span = params.span(query, now=now, default=None)
    condition = Q(group=group) if group else Q(project=project) if project else Q()
    if levels := params.words(query, "level", allowed=LEVELS):
        condition &= Q(level__in=levels)
    if statuses := params.words(query, "status", allowed=STATUSES):
        condition &= Q(group__status__in=statuses)
    if span:
        condition &= Q(received_at__gte=span.start, received_at__lt=span.end)
    environments, release = environments_of(query), params.text(query, "release")
    if environments:
        condition &= Q(environment__in=environments)
    if release:
        condition &= Q(release__version=release)
    if project and not group and (environments or release):
        condition &= groups_seen(project, environments=environments, release=release)
    if text := params.text(query, "q"):
        asked = Asked(project, person=person, now=now, since=span.start if span else None)
        try:
            condition &= events_matching(parse(text), asked, group_id=group.pk if group else None)
        except SearchInvalid as error:
            raise invalid("q", str(error)) from error
    return Event.objects.filter(condition)


def is_filtered(query: QueryDict) -> bool:
    """Whether the query asks for anything but a project's or a group's events."""
    return any(value.strip() for name in FILTERS for value in query.getlist(name))


def environments_of(query: QueryDict) -> list[str]:
    """`environment`, or its short form `env`."""
    return params.words(query, "environment") or params.words(query, "env")
