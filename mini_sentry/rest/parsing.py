"""JSON request bodies → Python values, strictly: no NaN, no lone surrogates, no nesting that breaks the reader."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from mini_sentry.rest.errors import TooLarge

_decode = msgspec.json.Decoder().decode


class MsgspecParser(BaseParser):
    """Takes bodies of at most the view's `most_body_bytes`, where it has that, or of what a form may have."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError (a 400) and TooLarge (a 413). An empty body is an empty object, as clients post without one."""
        view = (parser_context or {}).get("view")
        most_bytes: int = getattr(view, "most_body_bytes", None) or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most_bytes + 1)
        if len(body) > most_bytes:
            raise TooLarge(f"The body has more than {most_bytes >> 20} MB.")
        if not body.strip():
            return {}
        try:
            return _decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
