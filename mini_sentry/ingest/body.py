"""A request's body: read with a cap on the wire, inflated with a cap."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mini_sentry.ingest.replies import ClientGone, Receive
from mini_sentry.protocol.errors import BodyTooLarge
from mini_sentry.protocol.inflate import inflate

INLINE_BYTES: Final = 64 * 1024
"""Longer bodies are inflated in a thread: a small one is done before a thread would have begun."""

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="inflate")
"""Two at most, whoever asks: that bounds the memory that large bodies can take at once."""


async def read(receive: Receive, content_length: bytes | None, *, max_bytes: int) -> bytes:
    """The body as it came. `content_length` is the raw header, None for a chunked body.

    Raises BodyTooLarge as soon as it is clear, ClientGone when the body ends early.
    """
    if content_length is not None and content_length.isdigit() and int(content_length) > max_bytes:
        raise BodyTooLarge(max_bytes)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    first: bytes = message.get("body", b"")
    size = len(first)
    if size > max_bytes:
        raise BodyTooLarge(max_bytes)
    if not message.get("more_body", False):
        return first
    parts = [first]
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise BodyTooLarge(max_bytes)
        parts.append(part)
    return b"".join(parts)


async def inflated(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """The plain bytes. Raises EncodingUnknown, EncodingInvalid, BodyTooLarge."""
    if not encoding:
        if len(body) > max_bytes:
            raise BodyTooLarge(max_bytes)
        return body
    if len(body) <= INLINE_BYTES:
        return inflate(body, encoding, max_bytes=max_bytes)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: inflate(body, encoding, max_bytes=max_bytes))


def encoding_of(header: bytes | None) -> str:
    """The content encoding's name as the log keeps it: lower case, "" for a body that is plain."""
    if header is None:
        return ""
    name = header.decode("latin-1").strip().lower()
    return "" if name in ("identity", "utf-8", "utf8") else name
