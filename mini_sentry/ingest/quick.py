"""The short way of the usual envelope: one call from the parsed request to the log, and one from the commit to the answer.

Nearly every request is a small envelope with one item, from a key that is in memory, and passes. Such a one needs no task, no
coroutine and no message between server and application, which together cost more than accepting it. Whatever is not like that
(`take` says no) goes the long way, `sdk.envelope`, from its beginning: nothing is decided here that is decided otherwise there.
"""

from functools import partial
from typing import Final, Protocol

from mini_sentry.ingest import items, sdk
from mini_sentry.ingest.body import INLINE_BYTES, encoding_of
from mini_sentry.ingest.edge import Intake, Peer
from mini_sentry.ingest.guard import DISK_FULL
from mini_sentry.ingest.publish import unavailable
from mini_sentry.ingest.quotas import Admission, Bucket, QuotasUnavailable
from mini_sentry.ingest.replies import Refused, closed, event_id_response, refused_response
from mini_sentry.ingest.routes import Kind, route
from mini_sentry.ingest.senders import Sender
from mini_sentry.protocol import envelope as envelopes
from mini_sentry.protocol.envelope import Item
from mini_sentry.protocol.errors import ProtocolError
from mini_sentry.protocol.inflate import inflate
from mini_sentry.protocol.outcomes import Outcome, Reason
from mini_sentry.streams.log import LogError
from mini_sentry.streams.topics import INGEST, pack


class Answer(Protocol):
    """Where the whole response goes, head and body; `is_void` when nobody waits for it any more."""

    @property
    def is_void(self) -> bool: ...

    def write(self, response: bytes) -> None: ...


class QuickEnvelopes:
    """For one event loop, between the edge's start and its end."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._longest = min(INLINE_BYTES, intake.edge.limits.request_bytes)

    def may_take(self, url: bytes) -> bool:
        """Whether it is worth collecting the body: a look at the address, nothing more."""
        return b"/envelope" in url

    def take(
        self, url: bytes, headers: list[tuple[bytes, bytes]], client: Peer | None, body: bytes, answer: Answer
    ) -> bool:
        """Accept a POST whose body came whole, or False, and then nothing has happened.

        `url` is the request's target; the names in `headers` are in lower case. `answer` gets the response once the record is
        durable, or when it turns out that it cannot be.
        """
        path, _, query = url.partition(b"?")
        found = route(path.decode("latin-1"))
        if found is None or found.kind is not Kind.ENVELOPE or not 0 < len(body) <= self._longest:
            return False
        intake = self._intake
        edge = intake.edge
        by_name = dict(headers)
        sender = intake.senders.known(found.project_id, by_name, query)
        if sender is None or edge.guard.closed is not None:
            return False
        encoding = encoding_of(by_name.get(b"content-encoding"))
        try:
            plain = inflate(body, encoding, max_bytes=edge.limits.inflated_bytes)
            scanned = envelopes.scan(plain, limits=edge.limits)
        except ProtocolError:
            return False
        if len(scanned.items) != 1 or (scanned.dsn and scanned.dsn != sender.checked_dsn):
            return False
        now = edge.now()
        bucket = items.BUCKET_OF_ITEM.get(scanned.items[0].type)
        admission: Admission | None = _FREE
        if bucket is not None:
            try:
                admission = edge.quotas.admit(sender.project_id, bucket, 1, now=now)
            except QuotasUnavailable:
                return False
            if admission is not None and not admission.admitted:
                return False
        event_id = items.answered_id(scanned.items, scanned.event_id, plain)
        client_ip = intake.client_ip(client, by_name)
        record = pack(sdk.message("envelope", sender, by_name, client_ip, now, event_id, encoding, body, []))
        pending = _Pending(intake, answer, sender.project_id, event_id)
        if admission is None and bucket is not None:
            then = partial(self._told, sender, scanned.items[0], bucket, record, pending)
            edge.quotas.ask_soon(sender.project_id, bucket, 1, now=now, then=then)
            return True
        try:
            intake.publisher.submit(INGEST, sender.log_key, record, pending)
        except LogError:
            # The quota counts it twice when the long way is lucky; it never lets more pass for that.
            return False
        return True

    def _told(
        self,
        sender: Sender,
        item: Item,
        bucket: Bucket,
        record: bytes,
        pending: "_Pending",
        admission: Admission | QuotasUnavailable,
    ) -> None:
        """The rest, for a quota that had to be asked for."""
        if isinstance(admission, QuotasUnavailable):
            pending.refuse(closed(DISK_FULL, project_id=0, category="error"))
        elif not admission.admitted:
            for category, quantity in items.categories([item], [0]).items():
                self._intake.edge.refusals.count(
                    sender.project_id, Outcome.RATE_LIMITED, Reason.PROJECT_LIMIT, category, quantity
                )
            pending.refuse(sdk.limited([(bucket, admission.retry_after_seconds)], sender.project_id, quantity=0))
        else:
            try:
                self._intake.publisher.submit(INGEST, sender.log_key, record, pending)
            except LogError as error:
                pending.set_exception(error)


class _Pending:
    """A record on its way to the disk (`streams.publisher.Waiter`)."""

    __slots__ = ("_answer", "_event_id", "_intake", "_project_id")

    def __init__(self, intake: Intake, answer: Answer, project_id: int, event_id: str) -> None:
        self._intake = intake
        self._answer = answer
        self._project_id = project_id
        self._event_id = event_id

    def done(self) -> bool:
        return self._answer.is_void

    def set_result(self, _: None) -> None:
        self._answer.write(event_id_response(self._event_id) if self._event_id else _NO_EVENT)

    def set_exception(self, error: Exception) -> None:
        if not isinstance(error, LogError):
            raise error
        self.refuse(unavailable(error, project_id=self._project_id, category="error"))

    def refuse(self, refused: Refused) -> None:
        self._intake.count(refused)
        if not self._answer.is_void:
            self._answer.write(refused_response(refused))


_FREE: Final = Admission(1, 0)
_NO_EVENT: Final = event_id_response("")
