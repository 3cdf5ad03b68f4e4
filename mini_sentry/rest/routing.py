"""Routes that answer with and without the slash at their end, whatever the method."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, register_converter
from django.urls.converters import StringConverter
from django.urls.resolvers import RoutePattern


class IdConverter:
    """A row id: decimal digits that fit into 64 bits; anything else is no such path."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class EventIdConverter(StringConverter):
    """An event id as people write it: 32 hex digits in either case, with or without hyphens."""

    regex = "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        return value.replace("-", "").lower()


register_converter(IdConverter, "id")
register_converter(EventIdConverter, "event_id")


class _EitherSlash(RoutePattern):
    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        found = super().match(path)
        if found is None and not path.endswith("/"):
            return super().match(f"{path}/")
        return found


def route(path: str, view: Callable[..., Any], *, name: str) -> URLPattern:
    """One endpoint. `path` ends in a slash: that is the address links are built with."""
    return URLPattern(_EitherSlash(path, name=name, is_endpoint=True), view, None, name)
