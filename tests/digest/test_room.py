"""The digest on a disk that fills up."""

import threading
from pathlib import Path

import pytest

from mini_sentry.digest.consumer import Digest
from mini_sentry.digest.room import FEWEST_BYTES, NoRoom, Room
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.groups.models import Event
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from tests.digest.arrivals import accept, crash, envelope


class Disk:
    def __init__(self, free: int) -> None:
        self.free = free

    def __call__(self, directory: Path) -> int:
        return self.free


def test_retention_is_asked_once_each_time_room_runs_out(tmp_path: Path) -> None:
    asked: list[int] = []
    disk = Disk(FEWEST_BYTES - 1)
    room = Room(tmp_path, lambda: asked.append(disk.free), free_bytes=disk)
    for free in (FEWEST_BYTES - 1, 5, FEWEST_BYTES, 7):
        disk.free = free
        if free < FEWEST_BYTES:
            with pytest.raises(NoRoom):
                room.check()
        else:
            room.check()
    assert asked == [FEWEST_BYTES - 1, 7]


@pytest.mark.django_db
def test_what_was_accepted_waits_in_the_log_until_there_is_room(tmp_path: Path, shop) -> None:
    log, disk = MemoryLog(), Disk(0)
    digest = Digest(log, open_bodies(tmp_path), limits=Limits(), room=Room(tmp_path, lambda: None, free_bytes=disk))
    reader = Consumer(log, topics.DIGEST, topics.INGEST, digest)
    accept(log, shop, envelope(crash()))
    stop = threading.Event()
    stop.set()
    assert reader.run_once(stop, wait_seconds=0) == 0
    assert (Event.objects.count(), reader.status.dead_letter_count) == (0, 0)
    assert "NoRoom" in (reader.status.error or "")
    disk.free = FEWEST_BYTES
    assert reader.run_once(stop, wait_seconds=0) == 1
    assert Event.objects.count() == 1
