"""One body as bytes: the facts and the payload, compressed with zstd and, once its project has one, a dictionary trained on
that project's scrubbed bodies."""

import struct
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec
import zstandard

_LENGTH = struct.Struct("<I")
_MOST_BYTES: Final = 64 << 20


class StoredBody(msgspec.Struct):
    """`payload` is the JSON object as sent, scrubbed; `facts` is what `digest.facts` says of the event."""

    payload: bytes
    facts: dict[str, Any]


def pack(payload: bytes, facts: bytes) -> bytes:
    """`facts` is a JSON object."""
    return _LENGTH.pack(len(facts)) + facts + payload


class Compressor:
    """Compresses one project's bodies; `dictionary_id` 0 means without a dictionary."""

    def __init__(self, dictionary_id: int, dictionary: bytes | None) -> None:
        self.dictionary_id = dictionary_id
        if dictionary is None:
            self._zstd = zstandard.ZstdCompressor(level=3, write_checksum=False)
        else:
            trained = zstandard.ZstdCompressionDict(dictionary)
            trained.precompute_compress(level=3)
            self._zstd = zstandard.ZstdCompressor(level=3, dict_data=trained, write_checksum=False, write_dict_id=False)

    def compress(self, body: bytes) -> bytes:
        return self._zstd.compress(body)


class Decompressors:
    """Reads what any compressor wrote. `load_dictionary` is asked once a thread for the bytes of each dictionary."""

    def __init__(self, load_dictionary: Callable[[int], bytes]) -> None:
        self._load_dictionary = load_dictionary
        self._local = threading.local()

    def unpack(self, dictionary_id: int, data: bytes) -> StoredBody:
        raw = self._of(dictionary_id).decompress(data, max_output_size=_MOST_BYTES)
        (length,) = _LENGTH.unpack_from(raw)
        start = _LENGTH.size
        return StoredBody(payload=raw[start + length :], facts=msgspec.json.decode(raw[start : start + length]))

    def _of(self, dictionary_id: int) -> zstandard.ZstdDecompressor:
        # A decompressor must not be used by two threads at once.
        made: dict[int, zstandard.ZstdDecompressor] = self._local.__dict__.setdefault("made", {})
        decompressor = made.get(dictionary_id)
        if decompressor is None:
            dictionary = zstandard.ZstdCompressionDict(self._load_dictionary(dictionary_id)) if dictionary_id else None
            decompressor = made[dictionary_id] = zstandard.ZstdDecompressor(dict_data=dictionary)
        return decompressor
