"""Large texts of a request, and of an answer, through files: what is in memory is a megabyte of them at a time."""

import codecs
import mmap
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import IO, Any, Final

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.exceptions import ParseError

from mini_sentry.releases import artifacts
from mini_sentry.rest.errors import TooLarge, invalid
from mini_sentry.rest.parsing import MsgspecParser
from mini_sentry.rest.rendering import to_json

PART_BYTES: Final = 1 << 20
_SEARCHED_BYTES: Final = 1 << 16
_ESCAPE_BYTES: Final = 6
"""The longest escape, `\\u00e9`; two of them may be one character."""

TOO_LARGE: Final = "{field}: This has more than {limit} MB (MAX_ARTIFACT_MB)."

_decode = msgspec.json.Decoder().decode
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Escaped:
    """A JSON text in a file without a name, still as it was sent. Whoever is done with it closes it."""

    def __init__(self, file: mmap.mmap, text: msgspec.Raw) -> None:
        self._file = file
        self._text = text

    def write_to(self, out: IO[bytes], *, limit: int, field: str) -> None:
        """Write what the text says. Raises ParseError, and TooLarge beyond `limit` bytes."""
        with memoryview(self._text) as whole, whole[1:-1] as text:
            start = 0
            while start < len(text):
                end = _cut(text, start)
                try:
                    part = _decode(b'"%b"' % bytes(text[start:end])).encode()
                except (msgspec.MsgspecError, UnicodeError) as error:
                    raise ParseError(f"The body is not JSON: {error}") from error
                start = end
                _write(out, part, limit=limit, field=field)

    def close(self) -> None:
        """A request lives on for a while in references to itself; the pages of the file need not."""
        self._text = msgspec.Raw(b'""')
        with suppress(BufferError):
            self._file.close()


class UploadParser(MsgspecParser):
    """JSON objects whose `content` may be very long: it becomes an `Escaped`, and other keys than ours are passed over."""

    names: Final = ("name", "content_type", "dist", "file")

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """As its base."""
        view = (parser_context or {}).get("view")
        most_bytes: int = getattr(view, "most_body_bytes", None) or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        with artifacts.contents().spooled() as file:
            size = 0
            while part := stream.read(PART_BYTES):
                size += len(part)
                if size > most_bytes:
                    raise TooLarge(TOO_LARGE.format(field="content", limit=settings.MAX_ARTIFACT_MB))
                file.write(part)
            file.flush()
            if size == 0:
                return {}
            # The map outlives the name, and goes with the last who refers to it.
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            given = _read_object(mapped)
            found: dict[str, Any] = {name: _decode(given[name]) for name in self.names if name in given}
            if (content := given.get("content")) is not None:
                is_text = bytes(memoryview(content)[:1]) == b'"'
                found["content"] = Escaped(mapped, content) if is_text else _decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            with suppress(BufferError):
                mapped.close()
            raise ParseError(f"The body is not JSON, or no object: {error}") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        return found


def spool(content: "Escaped | str | UploadedFile[bytes]", out: IO[bytes], *, field: str) -> None:
    """Write an upload's content to a file, as UTF-8. Raises the 400 or 413 that names `field`."""
    limit = settings.MAX_ARTIFACT_MB << 20
    if isinstance(content, Escaped):
        content.write_to(out, limit=limit, field=field)
        return
    if isinstance(content, str):
        _write(out, content.encode(), limit=limit, field=field)
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for part in content.chunks(PART_BYTES):
            decoder.decode(part)
            _write(out, part, limit=limit, field=field)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise invalid(field, "This is not text in UTF-8.") from error


def escaped_parts(checksum: str) -> Iterator[bytes]:
    """The content of an artifact as the inside of a JSON text; nothing when its file is gone."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    parts = artifacts.contents().parts(checksum)
    with closing(parts):  # type: ignore[type-var]
        try:
            for part in parts:
                yield to_json(decoder.decode(part))[1:-1]
        except OSError:
            return
    yield to_json(decoder.decode(b"", final=True))[1:-1]


def _write(out: IO[bytes], part: bytes, *, limit: int, field: str) -> None:
    if out.tell() + len(part) > limit:
        raise TooLarge(TOO_LARGE.format(field=field, limit=settings.MAX_ARTIFACT_MB))
    out.write(part)


def _cut(text: memoryview, start: int) -> int:
    """Where a part that begins at `start` may end: within no escape, pair of them or character. A text of nothing but escapes
    is one part."""
    end = start + PART_BYTES
    if end >= len(text):
        return len(text)
    for at in range(end, max(start + _ESCAPE_BYTES, end - _SEARCHED_BYTES), -1):
        if text[at] & 0xC0 != 0x80 and b"\\" not in bytes(text[at - _ESCAPE_BYTES : at]):
            return at
    return len(text)
