"""Content encodings undone, with a cap: no input makes this allocate much more than `max_bytes`.

Speaks gzip (several members too), deflate (with or without the zlib header), br and zstd.
"""

from collections.abc import Callable

import brotli  # type: ignore[import-untyped, unused-ignore]
import zstandard
from isal import igzip_lib, isal_zlib

from mini_sentry.protocol.errors import BodyTooLarge, EncodingInvalid, EncodingUnknown

_GZIP_MAGIC = b"\x1f\x8b\x08"
_CHUNK_BYTES = 256 * 1024


def inflate(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """The plain bytes of `body`, whose `Content-Encoding` is `encoding` (any case; "" and `identity` mean plain).

    Raises EncodingUnknown, EncodingInvalid when the data is damaged or ends early, BodyTooLarge past `max_bytes`.
    """
    if encoding == "gzip":
        return _gzip(body, max_bytes)
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        raise EncodingUnknown(encoding)
    return decode(body, max_bytes)


def is_known(encoding: str) -> bool:
    """Whether `inflate` speaks this `Content-Encoding`."""
    return encoding.strip().lower() in _DECODERS


def _plain(body: bytes, max_bytes: int) -> bytes:
    if len(body) > max_bytes:
        raise BodyTooLarge(max_bytes)
    return body


def _gzip(body: bytes, max_bytes: int) -> bytes:
    members: list[bytes] = []
    size = 0
    rest = body
    while True:
        member, rest = _stream(rest, 31, "gzip", max_bytes - size, max_bytes)
        members.append(member)
        size += len(member)
        # Padding and other trailing bytes are ignored, as gzip itself does; only another header goes on.
        rest = rest.lstrip(b"\0")
        if not rest.startswith(_GZIP_MAGIC):
            return members[0] if len(members) == 1 else b"".join(members)


def _deflate(body: bytes, max_bytes: int) -> bytes:
    """RFC 1950 as the standard says, raw RFC 1951 as some clients understand it."""
    # The second condition is the header's own checksum; a raw stream that passes it by chance fails as zlib and is tried raw.
    if len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0:
        try:
            return _stream(body, 15, "deflate", max_bytes, max_bytes)[0]
        except EncodingInvalid:
            pass
    return _stream(body, -15, "deflate", max_bytes, max_bytes)[0]


def _stream(body: bytes, window_bits: int, encoding: str, room: int, max_bytes: int) -> tuple[bytes, bytes]:
    """One deflate stream from the start of `body`: its plain bytes (at most `room`), and what follows it."""
    decompressor = isal_zlib.decompressobj(window_bits)
    try:
        plain = decompressor.decompress(body, room + 1)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub forgets the base class
        raise EncodingInvalid(encoding, str(error)) from error
    if len(plain) > room:
        raise BodyTooLarge(max_bytes)
    if not decompressor.eof:
        raise EncodingInvalid(encoding, "it ends early")
    return plain, decompressor.unused_data


def _brotli(body: bytes, max_bytes: int) -> bytes:
    decompressor = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    feed = body
    try:
        while not decompressor.is_finished():
            part = decompressor.process(feed, output_buffer_limit=min(_CHUNK_BYTES, max_bytes - size + 1))
            feed = b""
            size += len(part)
            parts.append(part)
            if size > max_bytes:
                raise BodyTooLarge(max_bytes)
            if not part and not decompressor.is_finished() and decompressor.can_accept_more_data():
                raise EncodingInvalid("br", "it ends early")
    except brotli.error as error:
        raise EncodingInvalid("br", str(error)) from error
    return b"".join(parts)


def _zstd(body: bytes, max_bytes: int) -> bytes:
    # A frame may ask for a window of up to 2 GiB; nothing that fits under the cap needs more than the cap (8 MiB at least,
    # which is what every encoder assumes that it may use).
    window = max(8 * 1024 * 1024, 1 << max_bytes.bit_length())
    decompressor = zstandard.ZstdDecompressor(max_window_size=window)
    parts: list[bytes] = []
    rest = body
    try:
        # A size-only pass: the one interface with a cap does not notice when the data ends early, the other has no cap.
        frames = decompressor.stream_reader(body, read_across_frames=True)
        room = max_bytes
        while part := frames.read(min(_CHUNK_BYTES, room + 1)):
            room -= len(part)
            if room < 0:
                raise BodyTooLarge(max_bytes)
        while True:
            frame = decompressor.decompressobj()
            parts.append(frame.decompress(rest))
            if not frame.eof:
                raise EncodingInvalid("zstd", "it ends early")
            rest = frame.unused_data
            if not rest:
                return parts[0] if len(parts) == 1 else b"".join(parts)
    except zstandard.ZstdError as error:
        raise EncodingInvalid("zstd", str(error)) from error


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "": _plain,
    "identity": _plain,
    "utf-8": _plain,
    "utf8": _plain,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
