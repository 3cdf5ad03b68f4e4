"""What leads to few events among many of a project, where no index of the events does: the groups they are in."""

from collections.abc import Sequence
from typing import Final

from django.db import connection
from django.db.models import Q

from mini_sentry.groups.models import GroupScope
from mini_sentry.projects.models import Project

MAX_NAMED: Final = 1_000
"""Groups that are named one by one."""


def groups_seen(project: Project, *, environments: Sequence[str], release: str) -> Q:
    """True of every event of the project in one of the environments and in the release (empty: in any). Where few groups were
    seen there, it names them. SQLite, whose tables are smaller, is not asked."""
    if connection.vendor != "postgresql":
        return Q()
    scopes = GroupScope.objects.filter(group__project=project)
    if environments:
        scopes = scopes.filter(environment__in=environments)
    if release:
        scopes = scopes.filter(release_version=release)
    ids = list(scopes.values_list("group_id", flat=True)[: MAX_NAMED + 1])
    return Q(group__in=set(ids)) if len(ids) <= MAX_NAMED else Q()
