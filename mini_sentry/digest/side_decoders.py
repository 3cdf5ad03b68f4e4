"""Processes that decode parts of a batch beside the digest while a backlog waits: one interpreter uses one core.

They start by themselves when batches come full, and end when nothing came for a while. What is stored, and in which
transaction, is the digest's alone; and whatever goes wrong with one, the digest decodes the part itself: a side decoder can
be lost at any moment.

Over a pair of sockets the digest sends `Terms`, which are answered with `(0, None)`, then again and again
`(number, records)`; each is answered with `(number, Decoded)`, or `(number, None)` when the digest had better do it.
"""

import logging
import pickle
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import msgspec
from django.db import close_old_connections, connection

import mini_sentry
from mini_sentry.digest.decode import FAILED, Decoded, distinct
from mini_sentry.digest.decoder import Decoder
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.log import Record

logger = logging.getLogger(__name__)

FEWEST_RECORDS = 400
FEWEST_BYTES = 600_000
"""A batch with as many records or bytes is worth sharing; smaller ones come while nothing waits."""
FULL_BATCHES = 4
"""So many of one partition in a row are a backlog."""
IDLE_SECONDS = 10.0
"""A side decoder that heard nothing for so long ends."""
ANSWER_SECONDS = 10.0
"""A part takes some tenths of a second."""
END_SECONDS = 2.0
REST_SECONDS = 60.0
"""After one was lost none is started for so long."""


class Terms(msgspec.Struct, frozen=True):
    """What both sides must agree about: a program or a store that changed since the digest began would judge otherwise."""

    version: str
    store: str
    limits: Limits
    may_repeat: bool

    @classmethod
    def here(cls, limits: Limits, *, may_repeat: bool) -> "Terms":
        """Those of this process."""
        store = {name: str(connection.settings_dict[name]) for name in ("ENGINE", "NAME", "HOST", "PORT")}
        return cls(mini_sentry.__version__, repr(store), limits, may_repeat)


@dataclass(slots=True)
class Share:
    """A part of a batch that a side decoder has in hand; `number` is 0 when it could not be asked."""

    records: Sequence[Record]
    decoder: "_SideDecoder"
    number: int

    def decoded(self) -> Decoded | None:
        """What the part holds; None when the digest must find out. The events come without their stacks."""
        return self.decoder.answer(self.number) if self.number else None


class SideDecoders:
    """At most `most` of them for one digest, each started with `command` and the number of a socket. Used by one thread."""

    def __init__(self, most: int, command: Sequence[str] = (), *, limits: Limits, may_repeat: bool = False) -> None:
        self._most = most
        self._command = command
        self._limits = limits
        self._may_repeat = may_repeat
        self._running: list[_SideDecoder] = []
        self._full_batches: Counter[int] = Counter()
        self._rests_until = 0.0

    def share(self, records: Sequence[Record]) -> tuple[Sequence[Record], list[Share]]:
        """Split a batch: what is left to do here, and what comes after it and has been begun elsewhere."""
        if self._running:
            self._forget_ended()
        partition = records[0].partition
        if not self._most or not _is_full(records):
            self._full_batches.pop(partition, None)
            return records, []
        self._full_batches[partition] += 1
        if self._full_batches[partition] >= FULL_BATCHES and len(self._running) < self._most:
            self._start_one()
        ready = [decoder for decoder in self._running if decoder.is_ready()]
        if not ready:
            return records, []
        if self._may_repeat:
            records = distinct(records)
        size = -(-len(records) // (len(ready) + 1))
        own, *parts = (records[start : start + size] for start in range(0, len(records), size))
        return own, [Share(part, decoder, decoder.ask(part)) for decoder, part in zip(ready, parts, strict=False)]

    def stop(self) -> None:
        for decoder in self._running:
            decoder.end()
        self._running.clear()

    def _start_one(self) -> None:
        if time.monotonic() < self._rests_until:
            return
        try:
            self._running.append(_SideDecoder(self._command, Terms.here(self._limits, may_repeat=self._may_repeat)))
        except OSError as error:
            logger.warning("The digest decodes alone, no side decoder can be started: %s", error)
            self._rests_until = time.monotonic() + REST_SECONDS

    def _forget_ended(self) -> None:
        for decoder in [decoder for decoder in self._running if decoder.has_ended()]:
            self._running.remove(decoder)
            decoder.end()
            if code := decoder.process.returncode:
                logger.warning("A side decoder ended with %d; the digest goes on without for a while", code)
                self._rests_until = time.monotonic() + REST_SECONDS


class _SideDecoder:
    """One process, as the digest sees it."""

    def __init__(self, command: Sequence[str], terms: Terms) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                # A process that stands still must not hold the digest up in the middle of a message.
                ours.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", int(ANSWER_SECONDS), 0))
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno())], stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
            self._connection = Connection(ours.detach())
        # Fetches its exit code when it ends, however long the digest then has nothing to do.
        threading.Thread(target=self.process.wait, name="side-decoder-end", daemon=True).start()
        self._asked = self._answered = 0
        self._is_up = False
        try:
            self._connection.send(terms)
        except OSError:
            self._lose()

    def is_ready(self) -> bool:
        """Whether it can be asked now. One that starts says when it is up; one that is late with an answer is left alone."""
        try:
            while self._connection.poll():
                self._take()
        except Exception as error:
            self._lose(error)
        return self._is_up and self._answered == self._asked

    def ask(self, records: Sequence[Record]) -> int:
        """The number under which the answer will come; 0 when it is gone."""
        try:
            self._connection.send((self._asked + 1, list(records)))
        except OSError as error:
            self._lose(error)
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
        except Exception as error:
            self._lose(error)
            return None
        logger.warning("A side decoder did not answer within %d s", ANSWER_SECONDS)
        self._lose()
        return None

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        """It ends by itself when the connection does."""
        self._connection.close()
        self._wait_or_kill()

    def _take(self) -> Decoded | None:
        """The next message. Raises EOFError or OSError when it is gone, and whatever a message that cannot be read raises."""
        self._answered, decoded = self._connection.recv()
        if not self._is_up:
            logger.info("A backlog waits: a side decoder is up")
            self._is_up = True
        return decoded if isinstance(decoded, Decoded) else None

    def _lose(self, error: Exception | None = None) -> None:
        """An orderly end looks the same from here; the code that it ended with tells."""
        if error is not None and not isinstance(error, EOFError | OSError):
            logger.warning("A side decoder's answer cannot be read: %r", error)
        self._is_up = False
        self._wait_or_kill()

    def _wait_or_kill(self) -> None:
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _is_full(records: Sequence[Record]) -> bool:
    return len(records) >= FEWEST_RECORDS or sum(len(record.value) for record in records) >= FEWEST_BYTES


def serve(digest: Connection) -> None:
    """The other side: answer until nothing comes for a while. Raises EOFError or OSError when nobody is there any more, and
    SystemExit when this process is not the same program on the same store as the digest."""
    terms = digest.recv()
    if terms != Terms.here(terms.limits, may_repeat=terms.may_repeat):
        raise SystemExit("The program or its settings have changed since the digest was started.")
    decoder = Decoder(terms.limits, may_repeat=terms.may_repeat)
    digest.send((0, None))
    while digest.poll(IDLE_SECONDS):
        number, records = digest.recv()
        digest.send_bytes(_answer(decoder, number, records))


def _answer(decoder: Decoder, number: int, records: Sequence[Record]) -> bytes:
    try:
        decoder.begin()
        decoded = decoder.decode(records)
        if not any(unreadable.reason == FAILED for unreadable in decoded.unreadable):
            return pickle.dumps((number, decoded.bare()))
    except Exception:
        # The digest meets the same when it tries, and knows what to do about it.
        logger.debug("A part of a batch is handed back", exc_info=True)
        close_old_connections()
    return pickle.dumps((number, None))
