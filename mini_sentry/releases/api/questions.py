"""What the health and comparison endpoints are asked, read from a query string, and put to the store that is to answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ParseError

from mini_sentry.analytics import sessions as columns
from mini_sentry.analytics.columns import asking
from mini_sentry.analytics.sessions import Place, SessionBucket, SessionCounts
from mini_sentry.projects.api import project_or_404
from mini_sentry.releases import health as rows
from mini_sentry.rest import params
from mini_sentry.rest.errors import invalid

DAY: Final = timedelta(hours=24)
BACKENDS: Final = ("db", "ch")

CountErrors = Callable[[int, datetime | None, datetime, Sequence[str]], dict[Place, int]]
"""Project id, start (None: since ever), end and environments (none: all) → events of level error and fatal received in that
time, by release and environment. For the relational store, whose events belong to a package above this one."""


def none_counted(
    project_id: int, start: datetime | None, end: datetime, environments: Sequence[str]
) -> dict[Place, int]:
    """`CountErrors` of a place without events."""
    return {}


PARAMETERS: Final = [
    OpenApiParameter("project", str, required=True, description="A slug. An unknown one is a 404."),
    OpenApiParameter("range", str, description="Back from `to` or now: `15m`, `24h`, `7d`; at most 400 days."),
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="ISO 8601; wins over `range`."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="ISO 8601, exclusive; now when absent."),
    OpenApiParameter(
        "environment", str, many=True, explode=True, description="Repeatable, or separated by commas; all when absent."
    ),
    OpenApiParameter(
        "backend",
        str,
        enum=BACKENDS,
        description="Which store counts: the relational one (`db`) or the columns (`ch`).",
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """Sessions of a project that began from `start` (None: since ever) up to `end`, in whole milliseconds."""

    project_id: int
    start: datetime | None
    end: datetime
    environments: tuple[str, ...]
    backend: str

    def during(self, start: datetime) -> "Asked":
        """The same from another time on."""
        return replace(self, start=start)

    def counts(self, version: str | None = None) -> dict[Place, SessionCounts]:
        """Sessions by release and environment, of one version or (None) of all."""
        if self.backend == "db":
            return rows.counts_by_place(
                self.project_id, self.start, self.end, environments=self.environments, version=version
            )
        with asking() as store:
            return columns.counts_by_place(
                store, self.project_id, self.start, self.end, environments=self.environments, version=version
            )

    def series(self, start: datetime, width: timedelta, version: str | None = None) -> list[SessionBucket]:
        """Raises the 400 when the width is below a second, or cuts the time into too many."""
        seconds = int(width.total_seconds())
        try:
            if self.backend == "db":
                return rows.series(
                    self.project_id, start, self.end, seconds, environments=self.environments, version=version
                )
            with asking() as store:
                return columns.series(
                    store, self.project_id, start, self.end, seconds, environments=self.environments, version=version
                )
        except ValueError as error:
            raise invalid("interval", f"This cannot cut the time: {error}.") from error

    def errors(self, count_in_rows: CountErrors) -> dict[Place, int]:
        """Events of level error and fatal by release and environment; `count_in_rows` counts them in the relational store."""
        if self.backend == "db":
            return count_in_rows(self.project_id, self.start, self.end, self.environments)
        with asking() as store:
            return columns.errors_by_place(store, self.project_id, self.start, self.end, environments=self.environments)


def read(query: QueryDict, *, now: datetime, default: timedelta | None) -> Asked:
    """`default` is the time when none is asked for; None for all that is kept. Raises 400 and 404."""
    slug = params.text(query, "project")
    if not slug:
        raise ParseError("project required")
    project = project_or_404(slug)
    backend = params.choice(query, "backend", BACKENDS, "db")
    environments = tuple(params.words(query, "environment") or params.words(query, "env"))
    if default is None and not any(params.text(query, name) for name in ("range", "from", "to")):
        return Asked(project.pk, None, _whole(now), environments, backend)
    span = params.bounded_span(query, now=now, default=default or DAY)
    return Asked(project.pk, _whole(span.start), _whole(span.end), environments, backend)


def version_of(query: QueryDict) -> str | None:
    """The `version` parameter; None for all versions."""
    return params.text(query, "version") or None


def _whole(moment: datetime) -> datetime:
    """Both stores compare whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
