"""What the health and comparison endpoints are asked, read from a query string, and put to the store that is to answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ParseError

from mini_sentry.analytics import sessions as columns
from mini_sentry.analytics.columns import asking
from mini_sentry.analytics.queries import bucket_starts
from mini_sentry.analytics.sessions import Place, SessionBucket, SessionCounts
from mini_sentry.analytics.store import Store
from mini_sentry.projects.api import project_or_404
from mini_sentry.releases import health as rows
from mini_sentry.rest import params
from mini_sentry.rest.errors import Unavailable, invalid

DAY: Final = timedelta(hours=24)
BACKENDS: Final = ("db", "ch")
ROWS_MOST: Final = 20_000
"""Session rows that are read where nobody says which store is to count; the columns count more of them sooner."""

_Answer = TypeVar("_Answer")

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
        description="Which store counts: the relational one (`db`) or the columns (`ch`). Both give the same numbers; when "
        "absent, the one that is quicker.",
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """Sessions of a project that began from `start` (None: since ever) up to `end`, in whole milliseconds.

    `kept_from` is where retention lies (None: everything is kept): what is older counts in neither store, so that both say
    the same, whichever of them still has it. `backend` is empty when it was not asked for.
    """

    project_id: int
    start: datetime | None
    end: datetime
    environments: tuple[str, ...]
    backend: str
    kept_from: datetime | None = None

    def during(self, start: datetime) -> "Asked":
        """The same from another time on."""
        return replace(self, start=start)

    def counts(self, version: str | None = None) -> dict[Place, SessionCounts]:
        """Sessions by release and environment, of one version or (None) of all."""
        start = self._counted_from(self.start)
        return self._ask(
            lambda: rows.counts_by_place(
                self.project_id, start, self.end, environments=self.environments, version=version
            ),
            lambda store: columns.counts_by_place(
                store, self.project_id, start, self.end, environments=self.environments, version=version
            ),
        )

    def series(self, start: datetime, width: timedelta, version: str | None = None) -> list[SessionBucket]:
        """Raises the 400 when the width is below a second, or cuts the time into too many."""
        seconds = int(width.total_seconds())
        try:
            starts = bucket_starts(start, self.end, seconds)
        except ValueError as error:
            raise invalid("interval", f"This cannot cut the time: {error}.") from error
        counted_from = self._counted_from(start) or start
        if counted_from >= self.end:
            return [SessionBucket(one, SessionCounts()) for one in starts]
        found = self._ask(
            lambda: rows.series(
                self.project_id, counted_from, self.end, seconds, environments=self.environments, version=version
            ),
            lambda store: columns.series(
                store, self.project_id, counted_from, self.end, seconds, environments=self.environments, version=version
            ),
        )
        return [SessionBucket(one, SessionCounts()) for one in starts[: len(starts) - len(found)]] + found

    def errors(self, count_in_rows: CountErrors) -> dict[Place, int]:
        """Events of level error and fatal by release and environment; `count_in_rows` counts them in the relational store."""
        start = self._counted_from(self.start)
        return self._ask(
            lambda: count_in_rows(self.project_id, start, self.end, self.environments),
            lambda store: columns.errors_by_place(
                store, self.project_id, start, self.end, environments=self.environments
            ),
        )

    def _counted_from(self, start: datetime | None) -> datetime | None:
        if start is None or self.kept_from is None:
            return start or self.kept_from
        return max(start, self.kept_from)

    def _ask(self, of_rows: Callable[[], _Answer], of_columns: Callable[[Store], _Answer]) -> _Answer:
        """Put a question to the store that was asked for, else to the quicker one, and to the rows where that is away."""
        if self.backend == "db" or (not self.backend and self._are_few()):
            return of_rows()
        try:
            with asking() as store:
                return of_columns(store)
        except Unavailable:
            if self.backend:
                raise
            return of_rows()

    def _are_few(self) -> bool:
        return not rows.are_more(self.project_id, self._counted_from(self.start), self.end, than=ROWS_MOST)


def read(query: QueryDict, *, now: datetime, default: timedelta | None) -> Asked:
    """`default` is the time when none is asked for; None for all that is kept. Raises 400 and 404."""
    slug = params.text(query, "project")
    if not slug:
        raise ParseError("project required")
    project = project_or_404(slug)
    backend = params.choice(query, "backend", BACKENDS, "db") if params.text(query, "backend") else ""
    environments = tuple(params.words(query, "environment") or params.words(query, "env"))
    kept_from = _whole(now - timedelta(days=settings.RETENTION_DAYS)) if settings.RETENTION_DAYS else None
    if default is None and not any(params.text(query, name) for name in ("range", "from", "to")):
        return Asked(project.pk, None, _whole(now), environments, backend, kept_from)
    span = params.bounded_span(query, now=now, default=default or DAY)
    return Asked(project.pk, _whole(span.start), _whole(span.end), environments, backend, kept_from)


def version_of(query: QueryDict) -> str | None:
    """The `version` parameter; None for all versions."""
    return params.text(query, "version") or None


def _whole(moment: datetime) -> datetime:
    """Both stores compare whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
