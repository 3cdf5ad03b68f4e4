"""The query parameters of groups and events for the API's document; `filters` reads them."""

from collections.abc import Iterable
from copy import copy
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from mini_sentry.groups.models import Level, Status


def filter_of(name: str, text: str, *, many: bool = False, kind: Any = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text, many=many, explode=True if many else None, **more)


PROJECT = filter_of("project", "A slug. An unknown one gives an empty list.")
ENVIRONMENT = filter_of("environment", "Repeatable, or separated by commas.", many=True)
RANGE = filter_of("range", "Back from `to` or now: `15m`, `24h`, `7d`.")
TIMES = [
    RANGE,
    filter_of("from", "ISO 8601; wins over `range`.", kind=OpenApiTypes.DATETIME),
    filter_of("to", "ISO 8601, exclusive; now when absent.", kind=OpenApiTypes.DATETIME),
]
SEARCH = filter_of("q", "The search language: `is:unresolved level:error browser:Firefox !env:staging words`.")
FILTERS = [
    PROJECT,
    filter_of("level", "Repeatable, or separated by commas.", many=True, enum=Level.values),
    ENVIRONMENT,
    filter_of("release", "A version."),
    filter_of("status", "Of the group. Repeatable, or separated by commas.", many=True, enum=Status.values),
    *TIMES,
    SEARCH,
]
IDS = filter_of("id", "Group ids, at most 100. Repeatable, or separated by commas.", many=True, kind=int)


def required(parameter: OpenApiParameter) -> OpenApiParameter:
    """The same parameter where it cannot be left out."""
    changed = copy(parameter)
    changed.required = True
    return changed


def number(name: str, text: str) -> OpenApiParameter:
    return filter_of(name, text, kind=int)


def path(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=text)


def choice(name: str, values: Iterable[str], text: str) -> OpenApiParameter:
    return filter_of(name, text, enum=list(values))


LIMIT = filter_of("limit", "1 to 100.", kind=int)
CURSOR = filter_of("cursor", "From the `Link` header of the page before.")
INTERVAL = filter_of("interval", "The width of a bucket: `5m`, `1h`.")
PAGE_HEADERS = [
    OpenApiParameter(
        "Link", str, OpenApiParameter.HEADER, response=True, description='The next page, `rel="next"`, with its cursor.'
    ),
    OpenApiParameter("X-Hits", int, OpenApiParameter.HEADER, response=True, description="How many match in all."),
]
