"""Events made readable on their way into the store, by the files that their release has."""

import logging

from django.db import InterfaceError, OperationalError

from mini_sentry.protocol.event import Event
from mini_sentry.releases.artifacts import Library
from mini_sentry.symbolication.maps import Maps
from mini_sentry.symbolication.symbolicate import PLATFORMS, encode_stacks, symbolicate

logger = logging.getLogger(__name__)


class Mapper:
    """Maps the events of one batch after the other. Used by one thread.

    Events of other languages, and of projects without any files, cost a look into a set. A batch that has others asks the
    store once whether there is anything new.
    """

    def __init__(self, library: Library, maps: Maps) -> None:
        self._library = library
        self._maps = maps
        self._is_fresh = False

    def begin(self) -> None:
        """A new batch: what was uploaded by now holds for it."""
        self._is_fresh = False

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
