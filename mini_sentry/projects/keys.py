"""Who may send: public keys, ingest tokens and slugs, held in memory beside the database.

The edge asks here for every request and must not wait for the database. The maps are loaded whole, again every few
seconds, and again when something is asked for that they do not know: a project that was created a moment ago is found.
Unknown names cost one load at most: those who miss share it, loads never overlap, and between two loads lies a pause
that grows with what a load takes.

This module imports no Django until `load` is called, so that the edge can use it without.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

LONGEST_NAME = 64
"""Characters of the longest key, token or slug that a project can have: anything longer is unknown without a look."""

MOST_REMEMBERED = 10_000
PAUSE_SECONDS = 0.02
PAUSE_PER_LOAD = 10
"""A load that took `t` seconds is followed by at least `PAUSE_PER_LOAD * t`: misses use a tenth of a core at most."""


class ProjectFacts(msgspec.Struct, frozen=True, gc=False):
    """What the edge needs to know of a project."""

    project_id: int
    slug: str
    token: str
    is_active: bool


class ProjectKeyFacts(msgspec.Struct, frozen=True, gc=False):
    """A public key and the project that it sends to."""

    key_id: int
    public_key: str
    is_active: bool
    project: ProjectFacts


class Rows(NamedTuple):
    """What a loader reads: `(id, slug, token, is_active)` per project, `(id, public key, project id, is_active)` per key."""

    projects: list[tuple[int, str, str, bool]]
    keys: list[tuple[int, str, int, bool]]


class KeysUnavailable(Exception):
    """The maps could not be loaded, so nobody can tell whether an unknown name exists."""


class KeyMap:
    """Names to facts, for one event loop.

    `load` blocks and runs in a thread of the map's own. `generation` grows whenever a load brought a change: what was
    worked out from an older generation is void.
    """

    def __init__(
        self,
        load: Callable[[], Rows],
        *,
        refresh_seconds: float = 2.0,
        remember_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.generation = 0
        self._load = load
        self._refresh_seconds = refresh_seconds
        self._remember_seconds = remember_seconds
        self._monotonic = monotonic
        self._rows: Rows | None = None
        self._keys: dict[str, ProjectKeyFacts] = {}
        self._tokens: dict[str, ProjectFacts] = {}
        self._slugs: dict[str, ProjectFacts] = {}
        self._projects: dict[int, ProjectFacts] = {}
        self._unknown: dict[str, float] = {}
        self._not_before = 0.0
        self._loading = asyncio.Lock()
        self._next_load: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keys")

    async def start(self) -> None:
        """Load for the first time, then again and again in the background.

        A first load that fails does not stop the start: until one succeeds every unknown name raises KeysUnavailable.
        """
        with contextlib.suppress(KeysUnavailable):
            await self._loaded_from_now()
        self._refreshing = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        for task in (self._refreshing, self._next_load):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, KeysUnavailable):
                    await task
        self._thread.shutdown(wait=True)

    def key(self, public_key: str) -> ProjectKeyFacts | None:
        """The key as last loaded; None says nothing about keys made since."""
        return self._keys.get(public_key)

    def project(self, project_id: int) -> ProjectFacts | None:
        """The project as last loaded."""
        return self._projects.get(project_id)

    async def find_key(self, public_key: str) -> ProjectKeyFacts | None:
        """The key, after another load if it was not known. Raises KeysUnavailable when that fails."""
        found = self._keys.get(public_key)
        if found is None and await self._looked_again(public_key, remember=True):
            found = self._keys.get(public_key)
        return found

    async def find_token(self, token: str) -> ProjectFacts | None:
        """The project with this ingest token, after another load if it was not known. Raises KeysUnavailable."""
        found = self._tokens.get(token)
        if found is None and await self._looked_again(token, remember=True):
            found = self._tokens.get(token)
        return found

    async def find_slug(self, slug: str) -> ProjectFacts | None:
        """The project with this slug, after another load if it was not known. Raises KeysUnavailable."""
        found = self._slugs.get(slug)
        # People choose slugs: one that was asked for a moment before it was created must be found the moment after.
        if found is None and await self._looked_again(slug, remember=False):
            found = self._slugs.get(slug)
        return found

    async def _looked_again(self, name: str, *, remember: bool) -> bool:
        if len(name) > LONGEST_NAME:
            return False
        if remember and self._unknown.get(name, 0.0) > self._monotonic():
            return False
        generation = self.generation
        await self._loaded_from_now()
        if generation != self.generation:
            return True
        if remember:
            if len(self._unknown) >= MOST_REMEMBERED:
                self._unknown.clear()
            self._unknown[name] = self._monotonic() + self._remember_seconds
        return False

    async def _loaded_from_now(self) -> None:
        """Return when a load that began after this call has ended; all who wait for it share it."""
        if self._next_load is None:
            self._next_load = asyncio.create_task(self._load_once())
        await asyncio.shield(self._next_load)

    async def _load_once(self) -> None:
        async with self._loading:
            pause_seconds = self._not_before - self._monotonic()
            if pause_seconds > 0:
                await asyncio.sleep(pause_seconds)
            # From here on the database may already have been read: whoever misses now needs a load of their own.
            self._next_load = None
            began = self._monotonic()
            try:
                rows = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
            except Exception as error:
                raise KeysUnavailable("the keys could not be loaded") from error
            finally:
                ended = self._monotonic()
                self._not_before = ended + max(PAUSE_SECONDS, (ended - began) * PAUSE_PER_LOAD)
            if rows != self._rows:
                self._take(rows)

    def _take(self, rows: Rows) -> None:
        projects = {row[0]: ProjectFacts(*row) for row in rows.projects}
        self._rows = rows
        self._projects = projects
        self._tokens = {project.token: project for project in projects.values()}
        self._slugs = {project.slug: project for project in projects.values()}
        self._keys = {
            public_key: ProjectKeyFacts(key_id, public_key, is_active, project)
            for key_id, public_key, project_id, is_active in rows.keys
            if (project := projects.get(project_id)) is not None
        }
        self._unknown.clear()
        self.generation += 1

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            with contextlib.suppress(KeysUnavailable):
                await self._loaded_from_now()


def load() -> Rows:
    """Read every project and key from the database. Blocks; raises what the database raises."""
    # Models can only be imported once Django is set up; the edge imports this module before.
    from django.db import close_old_connections, connection

    from mini_sentry.projects.models import Project, ProjectKey

    if not connection.in_atomic_block:
        close_old_connections()
    return Rows(
        list(Project.objects.order_by("id").values_list("id", "slug", "ingest_token", "is_active")),
        list(ProjectKey.objects.order_by("id").values_list("id", "public_key", "project_id", "is_active")),
    )
