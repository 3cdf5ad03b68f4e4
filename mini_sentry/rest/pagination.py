"""Lists in parts: the limit/offset object of the events list, and cursors in the `Link` header for bare arrays.

A cursor names the last row of a page by its sort value and id, so a page costs the same wherever it is and rows that
arrive meanwhile neither repeat nor hide others.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from django.db.models import Q
from django.http import HttpRequest, QueryDict

from mini_sentry.rest.errors import invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{1,16})-([0-9]{1,18})")


class Cursor(NamedTuple):
    """`value` is the last row's sort value: a count, or microseconds since 1970 for a time."""

    value: int
    id: int

    def __str__(self) -> str:
        return f"{self.value}-{self.id}"

    @property
    def moment(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.value)


class Page(TypedDict):
    count: int
    next: str | None
    previous: str | None
    results: Sequence[Any]


def cursor_at(value: datetime | int, row_id: int) -> Cursor:
    if isinstance(value, datetime):
        value = (value - _EPOCH) // timedelta(microseconds=1)
    return Cursor(value, row_id)


def read_cursor(query: QueryDict) -> Cursor | None:
    """The `cursor` parameter. Raises the 400 for what no page gave out."""
    text = query.get("cursor", "").strip()
    if not text:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "This is not a cursor that a page gave.")
    return Cursor(int(match[1]), int(match[2]))


def rows_behind(column: str, value: datetime | int, row_id: int) -> Q:
    """In descending order of a column and then of ids: the rows behind the one with this value and id."""
    # The first condition is implied by the second; it lets an index on the column be entered at the row.
    return Q(**{f"{column}__lte": value}) & (Q(**{f"{column}__lt": value}) | Q(pk__lt=row_id))


def cursor_headers(request: HttpRequest, *, following: Cursor | None, total: int) -> dict[str, str]:
    """`X-Hits` says how many rows match; `Link` leads to the next page, when there is one."""
    headers = {"X-Hits": str(total)}
    if following is not None:
        url = _with(request, cursor=str(following))
        headers["Link"] = f'<{url}>; rel="next"; results="true"; cursor="{following}"'
    return headers


def page(request: HttpRequest, results: Sequence[Any], *, count: int, limit: int, offset: int) -> Page:
    """The object of the events list, with addresses of the pages beside it."""
    after, before = offset + limit, max(0, offset - limit)
    return Page(
        count=count,
        next=_with(request, limit=str(limit), offset=str(after)) if after < count else None,
        previous=_with(request, limit=str(limit), offset=str(before)) if offset > 0 else None,
        results=results,
    )


def _with(request: HttpRequest, **parameters: str) -> str:
    query = request.GET.copy()
    for name, value in parameters.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
