"""How far the digest has got: a row beside the data, moved in the transaction that stores the work.

Whatever the log itself has committed is a copy, for lag and trimming. Moving by compare-and-set fences a consumer that
another one has replaced, and makes counters that have no key of their own exact.
"""

from mini_sentry.groups.models import DigestPosition


class Fenced(Exception):
    """Another consumer has moved this position: roll back and read it again."""


def load(log_id: str, topic: str, partition: int) -> int | None:
    """The next offset to digest; None when this log was never digested."""
    return (
        DigestPosition.objects.filter(log_id=log_id, topic=topic, partition=partition)
        .values_list("next_offset", flat=True)
        .first()
    )


def move(log_id: str, topic: str, partition: int, *, start: int | None, to: int) -> None:
    """Move from `start` (None: there was no row) to `to`, inside the caller's transaction. Raises Fenced."""
    if start is None:
        _, made = DigestPosition.objects.get_or_create(
            log_id=log_id, topic=topic, partition=partition, defaults={"next_offset": to}
        )
        moved = int(made)
    else:
        moved = DigestPosition.objects.filter(
            log_id=log_id, topic=topic, partition=partition, next_offset=start
        ).update(next_offset=to)
    if not moved:
        raise Fenced(f"{topic}/{partition} is not at {start} any more")
