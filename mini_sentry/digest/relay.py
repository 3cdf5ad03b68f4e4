"""The outbox: messages that a committed batch owes to other topics, and their way there.

A row is written in the batch's transaction and deleted once its messages are durable in the log. A crash in between
sends them again, which changes nothing for their readers.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import zstandard

from mini_sentry.groups.models import Outbox
from mini_sentry.streams.log import Log

_MOST_BYTES = 256 << 20


class Owed(msgspec.Struct, array_like=True, gc=False):
    """One message: where it goes, its partition key and its value."""

    topic: str
    key: bytes
    value: bytes


class Debt(NamedTuple):
    """What one batch owes: the row it is written down in, and the messages."""

    pk: int
    messages: Sequence[Owed]


def owe(messages: Sequence[Owed]) -> Debt | None:
    """Write them down, inside the caller's transaction; None when there are none. Hand it to `settle` after the commit."""
    return Debt(Outbox.objects.create(body=_packed(messages)).pk, messages) if messages else None


def settle(log: Log, debt: Debt) -> None:
    """Send what a batch owes and forget it. Raises LogError; then `deliver` sends it later."""
    by_topic: dict[str, list[tuple[bytes, bytes]]] = {}
    for message in debt.messages:
        by_topic.setdefault(message.topic, []).append((message.key, message.value))
    for topic, entries in by_topic.items():
        log.append(topic, entries)
    Outbox.objects.filter(pk=debt.pk).delete()


def deliver(log: Log) -> int:
    """Send all that is owed by whomever, oldest first, and forget it: what a digest that died or could not send has left.

    Another digest may be about to settle some of it, which then goes twice. Returns how many messages went. Raises LogError.
    """
    sent = 0
    for pk, body in list(Outbox.objects.order_by("pk").values_list("pk", "body")):
        debt = Debt(pk, _unpacked(bytes(body)))
        settle(log, debt)
        sent += len(debt.messages)
    return sent


def forget(topics: Collection[str]) -> None:
    """Drop what is owed to these topics: their readers know it already."""
    for pk, body in list(Outbox.objects.order_by("pk").values_list("pk", "body")):
        left = [message for message in _unpacked(bytes(body)) if message.topic not in topics]
        if left:
            Outbox.objects.filter(pk=pk).update(body=_packed(left))
        else:
            Outbox.objects.filter(pk=pk).delete()


def _packed(messages: Sequence[Owed]) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(messages))


def _unpacked(body: bytes) -> list[Owed]:
    packed = zstandard.ZstdDecompressor().decompress(body, max_output_size=_MOST_BYTES)
    return msgspec.msgpack.decode(packed, type=list[Owed])
