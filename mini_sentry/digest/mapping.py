"""Events made readable on their way into the store, by the files that their release has."""

import logging
from typing import Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from mini_sentry.protocol.event import Event
from mini_sentry.releases.artifacts import USE_NOTED_EVERY, Library, mark_used
from mini_sentry.symbolication.maps import Maps
from mini_sentry.symbolication.symbolicate import PLATFORMS, Stacks, encode_stacks, symbolicate

logger = logging.getLogger(__name__)

MOST_NOTED: Final = 10_000
"""Contents of which this process remembers that they are in use."""


class Mapper:
    """Maps the events of one batch after the other. Used by one thread.

    Events of other languages, and of projects without any files, cost a look into a set. A batch that has others asks the
    store once whether there is anything new.
    """

    def __init__(self, library: Library, maps: Maps) -> None:
        self._library = library
        self._maps = maps
        self._is_fresh = False
        self._used: set[str] = set()
        self._noted: set[str] = set()
        self._noted_since = timezone.now()

    def begin(self) -> None:
        """A new batch: what was uploaded by now holds for it. Notes which files the batches before used, once a day."""
        self._is_fresh = False
        if self._used:
            now = timezone.now()
            mark_used(self._used, now=now)
            if now - self._noted_since > USE_NOTED_EVERY or len(self._noted) > MOST_NOTED:
                self._noted, self._noted_since = set(), now
            self._noted |= self._used
            self._used = set()

    def __call__(self, event: Event) -> None:
        """Replace the frames that can be mapped, and put into `symbolicated` what was found out of each."""
        if event.platform not in PLATFORMS:
            return
        if not self._is_fresh:
            self._library.refresh()
            self._is_fresh = True
        if not self._library.has_files(event.project_id):
            return
        find = self._library.finder(
            event.project_id, version=event.release, environment=event.environment, dist=event.dist
        )
        try:
            stacks = symbolicate(event, find=find, maps=self._maps)
        except (OperationalError, InterfaceError):
            raise  # the store is away, and the batch comes again
        except Exception:
            # A file that nobody foresaw must not cost an event.
            logger.exception("An event could not be mapped", extra={"event_id": event.event_id})
            return
        if stacks is not None:
            event.symbolicated = encode_stacks(stacks)
            self._used |= _maps_of(stacks) - self._noted


def _maps_of(stacks: Stacks) -> set[str]:
    """The checksums of the maps that made its frames readable."""
    all_stacks = (*stacks.exceptions, *stacks.threads, stacks.stacktrace)
    return {frame.checksum for frames in all_stacks for frame in frames or () if frame.checksum}
