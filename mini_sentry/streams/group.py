"""A member of a group at work: one consumer for each partition that is its own, in one thread, in turn.

Partitions come and go between batches. One that comes is read from where its handler stands; of one that goes nothing is kept.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mini_sentry.streams.consumer import POLL_SECONDS, Consumer, Status
from mini_sentry.streams.log import Log, LogError, Member, Reading

AWAY_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class GroupConsumer:
    """`make(reading, partition)` makes the consumer of a partition: it must read `reading`, the log through the member's eyes."""

    def __init__(self, log: Log, group: str, topic: str, make: Callable[[Reading, int], Consumer]) -> None:
        self.group = group
        self.topic = topic
        self._log = log
        self._make = make
        self._member: Member | None = None
        self._consumers: dict[int, Consumer] = {}

    def statuses(self) -> list[Status]:
        """How each partition fares that is this member's now. For any thread."""
        return [consumer.status for _, consumer in sorted(self._consumers.copy().items())]

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; the batch at hand is finished first, and the group is left in order."""
        try:
            while not stop.is_set():
                self.run_once(stop)
        finally:
            self.close()

    def run_once(self, stop: threading.Event, *, wait_seconds: float = POLL_SECONDS) -> int:
        """Handle a batch of each partition, waiting at most `wait_seconds` when there is none; how many records there were."""
        try:
            return self._round(stop, wait_seconds)
        except LogError as error:
            logger.warning("%s of %s waits: %s", self.group, self.topic, error)
            stop.wait(AWAY_SECONDS)
            return 0

    def close(self) -> None:
        """Leave the group. Joins again when it is run again; until then the statuses stay as they were."""
        if self._member is not None:
            self._member.close()
        self._member = None

    def _round(self, stop: threading.Event, wait_seconds: float) -> int:
        if self._member is None:
            self._member = self._log.join(self.group, self.topic)
            self._consumers.clear()
        member = self._member
        consumers = self._follow(member)
        if len(consumers) == 1:
            return consumers[0].run_once(stop, wait_seconds=wait_seconds)
        count = 0
        for consumer in consumers:
            if stop.is_set():
                return count
            # What was its own a moment ago may be another's by now.
            if consumer.partition in member.assigned():
                count += consumer.run_once(stop, wait_seconds=0)
        if not count:
            member.wait_any(timeout_seconds=wait_seconds)
        return count

    def _follow(self, member: Member) -> list[Consumer]:
        assigned = member.assigned()
        if assigned != self._consumers.keys():
            for partition in self._consumers.keys() - assigned:
                del self._consumers[partition]
            for partition in sorted(assigned - self._consumers.keys()):
                self._consumers[partition] = self._make(member.log, partition)
        return list(self._consumers.values())


def attempts_path(directory: Path | None, name: str, partition: int) -> Path | None:
    """The file that remembers what was being handled of a partition (`attempts.py`); None without a directory."""
    if directory is None:
        return None
    return directory / (f"{name}-{partition}" if partition else name)
