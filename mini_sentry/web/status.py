"""`/api/status/`: how each engine stands, what waits, what was given up, and how much room there is.

A process looks every few seconds, in a thread of its own, and answers with what it saw last: asking costs nothing, and an
engine that hangs holds up nobody. It tells what this process sees; another one may see it a few seconds sooner or later.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry import __version__
from mini_sentry.rest.routing import route

LOOK_SECONDS: Final = 3.0
LATE_SECONDS: Final = 2.0
"""An engine that has not answered for so long is away, whatever it will say."""
STATES: Final = ("ok", "away")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """One that the installation runs on. `answers` may block, and what it raises counts as no.

    `without` says what does not work, or works otherwise, while it is away.
    """

    name: str
    kind: str
    answers: Callable[[], bool]
    without: str


@dataclass(slots=True)
class Backlog:
    """What a group of readers has before it in a topic. None when that cannot be told now."""

    group: str
    topic: str
    records: int | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Room:
    """Of the disk that the data directory lies on. `is_accepting` is False while there is too little to accept anything."""

    free_bytes: int
    total_bytes: int
    is_accepting: bool


@dataclass(slots=True)
class Spool:
    """What was accepted while the log was away: records that are not sent on yet, and those that never can be."""

    is_in_use: bool
    waiting_records: int
    size_bytes: int
    refused_records: int


@dataclass(slots=True)
class Facts:
    """What one look found beside the engines; None for what could not be told, or is not there."""

    backlogs: list[Backlog] = field(default_factory=list)
    dead_letters: dict[str, int] | None = None
    room: Room | None = None
    spool: Spool | None = None
    waiting_tasks: int | None = None


@dataclass(slots=True)
class _Seen:
    state: str
    since: float
    has_answered: bool


class Board:
    """Looks while it is started, and reports. `gather` may block and raises nothing; `clock` gives Unix seconds."""

    def __init__(
        self,
        engines: Sequence[Engine] = (),
        gather: Callable[[], Facts] = Facts,
        *,
        clock: Callable[[], float] = time.time,
        every_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._engines = engines
        self._gather = gather
        self._clock = clock
        self._every_seconds = every_seconds
        self._seen: dict[str, _Seen] = {}
        self._facts = Facts()
        self._looked_at = clock()
        self._asking: tuple[str, float] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """An engine that hangs is not waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def look(self) -> None:
        """Look once, now. Blocks as long as the engines do."""
        for engine in self._engines:
            self._asking = engine.name, self._clock()
            try:
                is_there = engine.answers()
            except Exception as error:
                logger.debug("%s does not answer: %s", engine.name, error)
                is_there = False
            self._note(engine.name, "ok" if is_there else "away", self._clock())
        self._asking = None
        self._facts = self._gather()
        self._looked_at = self._clock()

    def report(self) -> dict[str, Any]:
        """What was seen last, as the API shows it."""
        asking = self._asking
        if asking is not None and self._clock() - asking[1] > LATE_SECONDS:
            self._note(asking[0], "away", asking[1])
        facts = self._facts
        letters = facts.dead_letters
        return {
            "version": __version__,
            "looked_at": _time(self._looked_at),
            "engines": [self._engine(engine) for engine in self._engines],
            "backlogs": [
                {"group": one.group, "topic": one.topic, "records": one.records, "seconds": one.seconds}
                for one in facts.backlogs
            ],
            "dead_letters": None
            if letters is None
            else {
                "total": sum(letters.values()),
                "by_reason": [{"reason": reason, "count": count} for reason, count in letters.items()],
            },
            "disk": None
            if facts.room is None
            else {
                "free_bytes": facts.room.free_bytes,
                "total_bytes": facts.room.total_bytes,
                "is_accepting": facts.room.is_accepting,
            },
            "spool": None
            if facts.spool is None
            else {
                "is_in_use": facts.spool.is_in_use,
                "waiting_records": facts.spool.waiting_records,
                "size_bytes": facts.spool.size_bytes,
                "refused_records": facts.spool.refused_records,
            },
            "tasks": {"waiting": facts.waiting_tasks},
        }

    def _engine(self, engine: Engine) -> dict[str, Any]:
        seen = self._seen.get(engine.name)
        state = seen.state if seen is not None else None
        return {
            "name": engine.name,
            "kind": engine.kind,
            "state": state,
            "since": _time(seen.since) if seen is not None else None,
            "limited": engine.without if state == "away" else "",
        }

    def _note(self, name: str, state: str, now: float) -> None:
        seen = self._seen.get(name)
        if seen is None or seen.state != state:
            # Engines that start with this process answer a moment after it; that is no news.
            is_news = seen is not None and seen.has_answered
            self._seen[name] = _Seen(state, now, has_answered=is_news or state == "ok")
            if is_news and state == "ok":
                logger.info("%s: answers again", name)
            elif is_news:
                logger.warning("%s: does not answer; /api/status/ says what is limited by it", name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:
                logger.exception("Could not look how everything stands")
            self._stopping.wait(self._every_seconds)


class _Current:
    """The board of this process; one that knows of nothing until the web process hands its own in."""

    def __init__(self) -> None:
        self.board = Board()


current: Final = _Current()


class EngineStatusSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="What it is for: `database`, `log`, `columns`, `quotas`, `live`, `tasks`.")
    kind = serializers.CharField(help_text="Which engine that is, such as `sqlite`, `postgresql`, `redis` or `kafka`.")
    state = serializers.ChoiceField(choices=STATES, allow_null=True, help_text="Null until it was first looked at.")
    since = serializers.DateTimeField(allow_null=True, help_text="Since when this process has seen it in that state.")
    limited = serializers.CharField(allow_blank=True, help_text="What does not work while it is away; else empty.")


class BacklogSerializer(serializers.Serializer[Any]):
    group = serializers.CharField(help_text="Who reads: `digest` stores what was accepted, `snuba` fills the columns.")
    topic = serializers.CharField()
    records = serializers.IntegerField(allow_null=True, help_text="How many it has not read yet; null when unknown.")
    seconds = serializers.FloatField(
        allow_null=True, help_text="How long the oldest of them waits, where that is known."
    )


class ReasonCountSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    count = serializers.IntegerField()


class DeadLettersSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    by_reason = ReasonCountSerializer(many=True, help_text="The most frequent first.")


class DiskSerializer(serializers.Serializer[Any]):
    free_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()
    is_accepting = serializers.BooleanField(help_text="False while there is too little room to accept anything.")


class SpoolSerializer(serializers.Serializer[Any]):
    is_in_use = serializers.BooleanField(help_text="Whether what is accepted now goes into the spool.")
    waiting_records = serializers.IntegerField(help_text="Accepted while the log was away, and not sent on yet.")
    size_bytes = serializers.IntegerField()
    refused_records = serializers.IntegerField(help_text="Those that the log will never take.")


class TasksSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField(allow_null=True, help_text="Null when the broker does not tell.")


class StatusSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    looked_at = serializers.DateTimeField(help_text="When this process looked last; it does every few seconds.")
    engines = EngineStatusSerializer(many=True)
    backlogs = BacklogSerializer(many=True)
    dead_letters = DeadLettersSerializer(
        allow_null=True, help_text="Records that were given up and not sent again. Null when the log does not tell."
    )
    disk = DiskSerializer(allow_null=True, help_text="The disk of the data directory.")
    spool = SpoolSerializer(allow_null=True, help_text="Null where there is none.")
    tasks = TasksSerializer()


class StatusView(APIView):
    @extend_schema(operation_id="status", responses=StatusSerializer, tags=["health"])
    def get(self, request: Request) -> Response:
        """How every engine stands, what waits, what was given up, and how much room there is."""
        return Response(current.board.report())


def _time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


urlpatterns = [route("api/status/", StatusView.as_view(), name="status")]
