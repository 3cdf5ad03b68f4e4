"""One of two digests that share a PostgreSQL database: `python -m tests.digest.rival <number> <project ids…>`.

It fills a log of its own with the events that `sent` names, waits for a line on standard input, so that both begin at
once, and prints what became of it.
"""

import json
import os
import random
import sys
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

RECORDS = 400
SHARED_EVERY = 7
"""Every so manieth event has an id that the other one's event at the same place has too."""
BATCH_RECORDS = 9


def sent(number: int, projects: list[int]) -> list[tuple[int, dict[str, Any]]]:
    """Project ids and payloads. Both rivals send the same crashes in an order of their own, so that each new group, release
    and environment is wanted by both at about the same time."""
    events = []
    for place in range(RECORDS):
        is_shared = place % SHARED_EVERY == 0
        event_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{place}" if is_shared else f"{number}-{place}").hex
        project = projects[place % len(projects)]
        kind = place // 10
        frames = [
            {"module": f"shop.part{kind}", "function": "find", "filename": "part.py", "lineno": 7, "in_app": True}
        ]
        events.append(
            (
                project,
                {
                    "event_id": event_id,
                    "platform": "python",
                    "release": f"shop@{kind % 5}",
                    "environment": ("production", "staging", "test")[place % 3],
                    "exception": {"values": [{"type": f"Error{kind}", "value": "x", "stacktrace": {"frames": frames}}]},
                },
            )
        )
    # Near each other, but not in one order.
    chance = random.Random(number)
    order = sorted(range(RECORDS), key=lambda place: place + chance.uniform(0, 40))
    return [events[place] for place in order]


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    from mini_sentry.digest.consumer import Digest
    from mini_sentry.groups.bodies import open_bodies
    from mini_sentry.groups.models import DigestPosition
    from mini_sentry.projects.models import Project
    from mini_sentry.protocol.limits import Limits
    from mini_sentry.streams import topics
    from mini_sentry.streams.consumer import Consumer
    from mini_sentry.streams.engines.memory import MemoryLog
    from tests.digest.arrivals import NOON, accept, envelope

    number, *projects = (int(word) for word in sys.argv[1:])
    log = MemoryLog()
    owners = Project.objects.in_bulk(projects)
    for place, (project_id, payload) in enumerate(sent(number, projects)):
        accept(log, owners[project_id], envelope(payload), at=NOON + place * 0.5)
    with tempfile.TemporaryDirectory() as directory:
        digest = Digest(log, open_bodies(Path(directory)), limits=Limits(), clock=lambda: NOON)
        consumer = Consumer(log, topics.DIGEST, topics.INGEST, digest.of(0), batch_records=BATCH_RECORDS)
        connection.ensure_connection()
        print("ready", flush=True)
        sys.stdin.readline()
        stop = threading.Event()
        errors: list[str] = []
        while log.position(topics.DIGEST, topics.INGEST) <= RECORDS:
            consumer.run_once(stop, wait_seconds=0)
            if consumer.status.error is not None:
                errors.append(consumer.status.error)
    position = DigestPosition.objects.get(log_id=log.log_id).next_offset
    told = [json.loads(record.value)["event_id"] for record in log.read(topics.EVENTS, 1, limit=10_000)]
    print(json.dumps({"dead": consumer.status.dead_letter_count, "errors": errors, "position": position, "told": told}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mini_sentry.config.settings")
    main()
