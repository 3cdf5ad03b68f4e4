"""Processes that decode parts of a batch beside the digest while a backlog waits: one interpreter uses one core.

They start by themselves when batches come full, read the store but decide nothing, and end when nothing came for a while.
Whatever goes wrong with one, the digest decodes the part itself: a helper can be lost at any moment.

The protocol: over a pair of sockets the digest sends what a decoder needs to know, then again and again `(number, records)`;
each is answered with `(number, Decoded)`, or `(number, None)` when it could not be done.
"""

import logging
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from django.db import close_old_connections

from mini_sentry.digest.decode import Decoded
from mini_sentry.digest.decoder import Decoder
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.log import Record

logger = logging.getLogger(__name__)

FEWEST_RECORDS = 400
FEWEST_BYTES = 600_000
"""A batch with as many records or bytes is worth sharing; smaller ones come while nothing waits."""
FULL_BATCHES = 3
"""So many in a row are a backlog."""
IDLE_SECONDS = 10.0
"""A helper that heard nothing for so long ends."""
ANSWER_SECONDS = 60.0
REST_SECONDS = 60.0
"""After a helper was lost none is started for so long."""


@dataclass(slots=True)
class Share:
    """A part of a batch that a helper has in hand."""

    records: Sequence[Record]
    helper: "_Helper"
    number: int

    def decoded(self) -> Decoded | None:
        """What the part holds; None when the helper could not tell. The events come without their stacks."""
        return self.helper.answer(self.number)


class Helpers:
    """At most `most` helpers of one digest, each started with `command` and the number of a socket. Used by one thread; `stop`
    by any."""

    def __init__(self, most: int, command: Sequence[str] = (), *, limits: Limits, may_repeat: bool = False) -> None:
        self._most = most
        self._command = command
        self._decoder_wants = (limits, may_repeat)
        self._helpers: list[_Helper] = []
        self._full_batches = 0
        self._rests_until = 0.0
        self._is_stopped = False

    def share(self, records: Sequence[Record]) -> tuple[Sequence[Record], list[Share]]:
        """Split a batch: what is left to do here, and what helpers have begun with."""
        if not self._most or not _is_full(records):
            self._full_batches = 0
            return records, []
        self._full_batches += 1
        self._forget_ended()
        if self._full_batches > FULL_BATCHES and len(self._helpers) < self._most:
            self._start_one()
        ready = [helper for helper in self._helpers if helper.is_ready()]
        size = -(-len(records) // (len(ready) + 1))
        own, *parts = (records[start : start + size] for start in range(0, len(records), size))
        shares = []
        for helper, part in zip(ready, parts, strict=False):
            if number := helper.ask(part):
                shares.append(Share(part, helper, number))
            else:
                own = [*own, *part]
        return own, shares

    def stop(self) -> None:
        self._is_stopped = True
        for helper in self._helpers:
            helper.end()
        self._helpers.clear()

    def _start_one(self) -> None:
        if self._is_stopped or time.monotonic() < self._rests_until:
            return
        try:
            self._helpers.append(_Helper(self._command, self._decoder_wants))
            logger.info("A backlog waits: a helper of the digest starts")
        except OSError as error:
            logger.warning("The digest goes on alone, no helper can be started: %s", error)
            self._rests_until = time.monotonic() + REST_SECONDS

    def _forget_ended(self) -> None:
        for helper in [helper for helper in self._helpers if helper.has_ended()]:
            self._helpers.remove(helper)
            if helper.process.returncode and not self._is_stopped:
                logger.warning("A helper of the digest ended with %d", helper.process.returncode)
                self._rests_until = time.monotonic() + REST_SECONDS
            helper.end()


class _Helper:
    """One process, as the digest sees it."""

    def __init__(self, command: Sequence[str], decoder_wants: tuple[Limits, bool]) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno())], stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
            self._connection = Connection(ours.detach())
        self._asked = self._answered = 0
        self._is_up = False
        self._connection.send(decoder_wants)

    def is_ready(self) -> bool:
        """Whether it can be asked now. One that starts says when it is up; one that is late with an answer is left alone."""
        try:
            while self._connection.poll():
                self._take()
        except (EOFError, OSError):
            self._lose()
        return self._is_up and self._answered == self._asked

    def ask(self, records: Sequence[Record]) -> int:
        """The number under which the answer will come; 0 when it has gone."""
        try:
            self._connection.send((self._asked + 1, list(records)))
        except OSError:
            self._lose()
            return 0
        self._asked += 1
        return self._asked

    def answer(self, number: int) -> Decoded | None:
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while self._connection.poll(max(0.0, deadline - time.monotonic())):
                decoded = self._take()
                if self._answered == number:
                    return decoded
            logger.warning("A helper of the digest did not answer within %d s", ANSWER_SECONDS)
        except (EOFError, OSError):
            pass
        self._lose()
        return None

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        """It ends by itself when the connection does."""
        self._connection.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _take(self) -> Decoded | None:
        self._answered, decoded = self._connection.recv()
        self._is_up = True
        return decoded if isinstance(decoded, Decoded) else None

    def _lose(self) -> None:
        """An orderly end looks the same from here; the code that it ended with tells."""
        self._is_up = False
        self._asked = -1
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _is_full(records: Sequence[Record]) -> bool:
    return len(records) >= FEWEST_RECORDS or sum(len(record.value) for record in records) >= FEWEST_BYTES


def serve(connection: Connection) -> None:
    """The helper's side: answer until nothing comes for a while. Raises EOFError or OSError when nobody is there any more."""
    limits, may_repeat = connection.recv()
    decoder = Decoder(limits, may_repeat=may_repeat)
    connection.send((0, None))
    while connection.poll(IDLE_SECONDS):
        number, records = connection.recv()
        try:
            decoder.begin()
            decoded: Decoded | None = decoder.decode(records).bare()
        except Exception:
            # The digest meets the same when it tries, and knows what to do about it.
            logger.debug("A part of a batch is handed back", exc_info=True)
            close_old_connections()
            decoded = None
        connection.send((number, decoded))
