"""A column of JSON that is long, alike from row to row and seldom read: kept as zstd."""

from typing import Any, Final

import msgspec
import zstandard
from django.db import models

_MOST_BYTES: Final = 64 << 20


class CompressedJSON(models.BinaryField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Holds any JSON value. It cannot be searched."""

    def get_prep_value(self, value: Any) -> bytes:
        return zstandard.ZstdCompressor(level=6, write_checksum=False).compress(msgspec.json.encode(value))

    def from_db_value(self, value: Any, *_: object) -> Any:
        if value is None:
            return None
        return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(bytes(value), max_output_size=_MOST_BYTES))

    def to_python(self, value: Any) -> Any:
        return value
