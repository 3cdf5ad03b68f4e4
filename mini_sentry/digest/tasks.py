"""What is done for stored events after the digest has stored them."""

import fcntl
import logging
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Final

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from mini_sentry.digest.mapping import Mapper
from mini_sentry.digest.remapping import Remapped, remap, remap_by_debug_id
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.projects.running import goes_on_for
from mini_sentry.projects.statements import CLOCKS_APART, chunks
from mini_sentry.releases import artifacts
from mini_sentry.releases.models import Artifact

logger = logging.getLogger(__name__)

EXPIRES_SECONDS: Final = 60
_CHUNK: Final = 500
SETTLE: Final = timedelta(seconds=2)
"""A batch that was being digested during an upload is stored by then."""


@shared_task(name="digest.map_stored_events", expires=EXPIRES_SECONDS)  # type: ignore[untyped-decorator]
def map_stored_events() -> None:
    """Map the stored events of the releases, and with the debug ids, that files were uploaded for. One run on a machine is
    enough."""
    now = timezone.now()
    is_settled = Q(created_at__lt=now - SETTLE) | Q(created_at__gt=now + CLOCKS_APART)
    waiting = Artifact.objects.filter(is_settled, is_applied=False).order_by("pk")
    if not waiting.exists():
        return
    with (settings.DATA_DIR / "mapping.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _apply(list(waiting.values_list("pk", "project_id", "release__version", "debug_id")))


def _apply(waiting: list[tuple[int, int, str | None, str]]) -> None:
    goes_on = goes_on_for()
    mapper = Mapper(artifacts.library(), artifacts.maps())
    with closing(open_bodies(settings.BODIES_DIR)) as bodies:
        for project_id, version in dict.fromkeys((project_id, version) for _, project_id, version, _ in waiting):
            uploads = [(pk, debug_id) for pk, *place, debug_id in waiting if place == [project_id, version]]
            runs: list[Callable[..., Remapped]] = []
            if version is not None:
                runs.append(partial(remap, project_id, version))
            if debug_ids := {debug_id for _, debug_id in uploads if debug_id}:
                runs.append(partial(remap_by_debug_id, project_id, debug_ids, besides=version, now=timezone.now()))
            for run in runs:
                remapped = run(bodies=bodies, mapper=mapper, goes_on=goes_on)
                if remapped.event_count:
                    logger.info(
                        "Mapped %d stored events with files of %s", remapped.event_count, version or "no release"
                    )
                if not remapped.is_complete:
                    return
            for part in chunks([pk for pk, _ in uploads], _CHUNK):
                Artifact.objects.filter(pk__in=part).update(is_applied=True)
