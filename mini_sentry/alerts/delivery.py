"""Deliveries → channels: each attempted until it is through or hopeless, every attempt recorded whatever happens.

An attempt is written down before it is made. Its holder keeps the delivery for LEASE_SECONDS and holds on while it is at
work; what a killed process held is attempted again, under the same uid. Destinations do not wait for each other: each has
a few attempts at once at most, and one that does not answer rests, with all that is due to it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from mini_sentry.alerts import excerpt, templates
from mini_sentry.alerts.addresses import MAIL
from mini_sentry.alerts.channels import CHANNELS
from mini_sentry.alerts.channels.base import Channel, Message, SendFailed
from mini_sentry.alerts.models import Attempt, Delivery, Notification
from mini_sentry.projects.statements import CLOCKS_APART

logger = logging.getLogger(__name__)

WAITS: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""How long after each failure; after the last there is one more attempt, and no other."""
AT_ONCE: Final = 32
AT_ONCE_PER_DESTINATION: Final = 2
MAILS_AT_ONCE: Final = 8
BURST: Final = 20
PER_SECOND: Final = 5.0
"""Attempts of one process: a burst at once, then so many a second, so that a flood of alerts leaves ingest its machine."""
LEASE_SECONDS: Final = 20.0
HOLD_SECONDS: Final = 4.0
"""How often the leases of running attempts are prolonged."""
REST: Final = timedelta(seconds=30)
POLL_SECONDS: Final = 0.5
DETAIL_CHARS: Final = 500
EXCERPTS_KEPT: Final = 64
"""Of the events told of last: many rules tell of the same one, and to read it costs more than to send the message."""


class Sent(NamedTuple):
    """How an attempt ended."""

    outcome: Attempt.Outcome
    duration_ms: int
    status_code: int | None = None
    detail: str = ""
    is_unreachable: bool = False


class Allowance:
    """How many attempts may be made now: a bucket of BURST that fills up by PER_SECOND. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_at = clock()

    def left(self) -> int:
        now = self._clock()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * PER_SECOND)
        self._filled_at = now
        return int(self._tokens)

    def take(self, count: int) -> None:
        self._tokens -= count


_allowance: Final = Allowance()


def deliver_due(
    *,
    clock: Callable[[], datetime] = timezone.now,
    channels: Mapping[str, Channel] = CHANNELS,
    goes_on: Callable[[], bool] = lambda: True,
    allowance: Allowance = _allowance,
) -> int:
    """Attempt what is due until nothing is, and return how many attempts were made. What falls due meanwhile is attempted
    as well. `goes_on` is asked before each new attempt."""
    attempts = 0
    running: dict[Future[Sent], Delivery] = {}
    ended: list[tuple[Delivery, Sent]] = []
    held_at = time.monotonic()
    excerpt_of = lru_cache(EXCERPTS_KEPT)(excerpt.of_event)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alerts-delivery") as pool:
        while True:
            may_attempt = allowance.left() if goes_on() else 0
            claimed = _turn(ended, running.values(), most=may_attempt, now=clock())
            for delivery in claimed:
                running[pool.submit(_attempt, delivery, message_of(delivery, excerpt_of), channels)] = delivery
            allowance.take(len(claimed))
            attempts += len(claimed)
            if not running and (may_attempt or not goes_on()):
                return attempts
            # All that ends within a while is recorded together: every commit is one that the digest may wait for.
            if not running:
                time.sleep(POLL_SECONDS)
            done, _ = wait(running, timeout=POLL_SECONDS)
            ended = [(running.pop(future), future.result()) for future in done]
            if time.monotonic() - held_at > HOLD_SECONDS:
                held_at = time.monotonic()
                _hold([delivery.pk for delivery in running.values()], now=clock())


def is_any_due(now: datetime) -> bool:
    """Whether a delivery waits for somebody to attempt it."""
    return _due((), now=now).exists()


def deliver_now(notification: Notification, *, channels: Mapping[str, Channel] = CHANNELS) -> None:
    """One attempt for each target of a notification, all at once, and no other. For what a person waits for."""
    now = timezone.now()
    held = Delivery.objects.select_related("notification__rule").filter(notification=notification)
    with transaction.atomic():
        claimed = [delivery for delivery in held if _claim(delivery, now=now)]
    with ThreadPoolExecutor(max(1, min(AT_ONCE, len(claimed))), thread_name_prefix="alerts-test") as pool:
        sent = {pool.submit(_attempt, one, message_of(one), channels): one for one in claimed}
        ended = [(delivery, future.result()) for future, delivery in sent.items()]
    with transaction.atomic():
        for delivery, one in ended:
            _record(delivery, one, now=timezone.now(), is_last=True)


def message_of(
    delivery: Delivery, excerpt_of: Callable[[int, str | None], dict[str, Any]] = excerpt.of_event
) -> Message:
    """What the delivery's next attempt says: its templates over the notification's facts and what is kept of the event."""
    notification = delivery.notification
    facts = notification.facts | excerpt_of(notification.rule.project_id, notification.facts.get("event_id"))
    subject = templates.subject(delivery.subject_template, facts)
    return Message(
        uid=f"{notification.uid}",
        attempt=delivery.attempt_count,
        subject=f"{subject} (test)" if notification.is_test else subject,
        text=templates.body(delivery.body_template, facts),
        facts=facts,
        secret=notification.rule.secret,
        is_test=notification.is_test,
    )


def _turn(
    ended: Sequence[tuple[Delivery, Sent]], running: Collection[Delivery], *, most: int, now: datetime
) -> list[Delivery]:
    """Record what ended and claim at most `most` of what is due, in one transaction, or in none if there is nothing to do."""
    most = min(most, AT_ONCE - len(running))
    if not ended and not (most and _due(running, now=now)[:1]):
        return []
    with transaction.atomic():
        for delivery, sent in ended:
            _record(delivery, sent, now=now)
        return _claim_due(running, most=most, now=now)


def _claim_due(running: Collection[Delivery], *, most: int, now: datetime) -> list[Delivery]:
    held = list(running)
    claimed: list[Delivery] = []
    while most > len(claimed):
        busy = Counter(delivery.destination for delivery in held)
        found = False
        for delivery in _due(held, now=now)[: most - len(claimed)]:
            if busy[delivery.destination] < _cap(delivery.destination) and _claim(delivery, now=now):
                busy[delivery.destination] += 1
                held.append(delivery)
                claimed.append(delivery)
                found = True
        if not found:
            break
    return claimed


def _due(held: Collection[Delivery], *, now: datetime) -> QuerySet[Delivery]:
    """What may be attempted now, the longest due first, without the destinations that have enough to do."""
    busy = Counter(delivery.destination for delivery in held)
    full = [destination for destination, count in busy.items() if count >= _cap(destination)]
    return (
        Delivery.objects.select_related("notification__rule")
        .filter(_free(now), _ripe(now), status=Delivery.Status.WAITING)
        .exclude(destination__in=full)
        # Theirs is the lease, however the clock was set since they took it.
        .exclude(pk__in=[delivery.pk for delivery in held])
        .order_by("next_attempt_at", "pk")
    )


def _cap(destination: str) -> int:
    return MAILS_AT_ONCE if destination == MAIL else AT_ONCE_PER_DESTINATION


def _free(now: datetime) -> Q:
    lease = timedelta(seconds=LEASE_SECONDS)
    return Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + lease + CLOCKS_APART)


def _ripe(now: datetime) -> Q:
    """Due, or due so far ahead as nobody made it wait: the clock was set back since."""
    ripe = Q(next_attempt_at__lte=now)
    for attempt_count, pause in enumerate((timedelta(0), *WAITS)):
        longest = max(pause, REST) + CLOCKS_APART
        ripe |= Q(attempt_count=attempt_count, next_attempt_at__gt=now + longest)
    return ripe


def _claim(delivery: Delivery, *, now: datetime) -> bool:
    """Take the delivery and write the attempt down; False when another has it. Must run inside a transaction."""
    taken = Delivery.objects.filter(
        _free(now), pk=delivery.pk, status=Delivery.Status.WAITING, attempt_count=delivery.attempt_count
    ).update(leased_until=now + timedelta(seconds=LEASE_SECONDS), attempt_count=F("attempt_count") + 1)
    if not taken:
        return False
    if delivery.attempt_count:
        Attempt.objects.filter(delivery=delivery, outcome="").update(
            outcome=Attempt.Outcome.FAILED, detail="The process ended before the answer came."
        )
    delivery.attempt_count += 1
    Attempt.objects.create(delivery=delivery, number=delivery.attempt_count, started_at=now)
    return True


def _attempt(delivery: Delivery, message: Message, channels: Mapping[str, Channel]) -> Sent:
    """In a thread of the pool, without the database."""
    started_at = time.monotonic()

    def lasted() -> int:
        return round((time.monotonic() - started_at) * 1000)

    try:
        status_code = channels[delivery.target_type].send(delivery.target_value, message)
    except SendFailed as failure:
        outcome = Attempt.Outcome.REFUSED if failure.is_permanent else Attempt.Outcome.FAILED
        return Sent(outcome, lasted(), failure.status_code, failure.detail, failure.is_unreachable)
    except Exception as error:
        logger.exception("Delivery %d failed in an unforeseen way", delivery.pk)
        return Sent(Attempt.Outcome.FAILED, lasted(), detail=f"{type(error).__name__}: {error}")
    return Sent(Attempt.Outcome.SENT, lasted(), status_code)


def _record(delivery: Delivery, sent: Sent, *, now: datetime, is_last: bool = False) -> None:
    status, next_attempt_at = Delivery.Status.SENT, None
    if sent.outcome != Attempt.Outcome.SENT:
        is_last |= sent.outcome == Attempt.Outcome.REFUSED or delivery.attempt_count > len(WAITS)
        status = Delivery.Status.FAILED if is_last else Delivery.Status.WAITING
        next_attempt_at = None if is_last else now + WAITS[delivery.attempt_count - 1]
    Attempt.objects.filter(delivery=delivery, number=delivery.attempt_count).update(
        outcome=sent.outcome,
        duration_ms=sent.duration_ms,
        status_code=sent.status_code,
        detail=sent.detail.replace("\0", "")[:DETAIL_CHARS],
    )
    Delivery.objects.filter(pk=delivery.pk, attempt_count=delivery.attempt_count).update(
        status=status, next_attempt_at=next_attempt_at, leased_until=None
    )
    if sent.is_unreachable:
        Delivery.objects.filter(
            _free(now),
            status=Delivery.Status.WAITING,
            destination=delivery.destination,
            next_attempt_at__lt=now + REST,
        ).exclude(pk=delivery.pk).update(next_attempt_at=now + REST)


def _hold(ids: list[int], *, now: datetime) -> None:
    if ids:
        Delivery.objects.filter(pk__in=ids, status=Delivery.Status.WAITING).update(
            leased_until=now + timedelta(seconds=LEASE_SECONDS)
        )
