"""JSON request bodies → Python values, strictly: no NaN, no lone surrogates, no nesting that breaks the reader."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

_decode = msgspec.json.Decoder().decode


class MsgspecParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError (a 400). An empty body is an empty object, as clients post without one."""
        body = stream.read()
        if not body.strip():
            return {}
        try:
            return _decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
