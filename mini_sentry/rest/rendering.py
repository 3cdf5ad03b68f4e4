"""Answers as JSON bytes. Times are ISO 8601 in UTC with `Z`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


def _plain(value: Any) -> Any:
    """What the encoder does not know by itself: subclasses of text, mappings and sequences, and lazy text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return str.__str__(value) if isinstance(value, str) else str(value)


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def to_json(value: Any) -> bytes:
    """Times must be aware and in UTC (`utc` makes them so)."""
    return _encode(value)


def utc(moment: datetime) -> datetime:
    """The same instant in UTC, so that it is written with `Z`."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


class MsgspecRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else _encode(data)


class AlwaysJson(BaseContentNegotiation):
    """There is one form of answer; what a client says it accepts changes nothing and is never a 406."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        media_type = request.content_type or ""
        wanted = media_type.partition(";")[0].strip().lower()
        for parser in parsers:
            if parser.media_type == wanted:
                return parser
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """The same bytes from outside a view: middleware and error pages."""
    return HttpResponse(_encode(value), status=status, content_type="application/json")
