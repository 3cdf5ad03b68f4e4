"""The files of releases: keep one, and find those that make a frame readable.

What was uploaded is looked up often and changes seldom, so each process remembers it (`Library`) and asks one cheap question now and
then: is there anything newer?
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from mini_sentry.projects.retention import Sweep
from mini_sentry.releases.contents import Contents
from mini_sentry.releases.models import Artifact, Release
from mini_sentry.symbolication.apart import recognise_file
from mini_sentry.symbolication.lookup import Code, Found, Why
from mini_sentry.symbolication.maps import Maps
from mini_sentry.symbolication.matching import File, Files

USE_NOTED_EVERY: Final = timedelta(days=1)
FORGET_SECONDS: Final = 5.0
"""How long a deleted file may still be used. New ones are seen at once."""
REMEMBERED_VERSIONS: Final = 128
REMEMBERED_DEBUG_IDS: Final = 20_000
OTHER_VERSIONS: Final = 5

DEFAULT_TYPES: Final = {
    Artifact.Kind.SOURCE_MAP: "application/json",
    Artifact.Kind.FUNCTION_MAP: "application/json",
    Artifact.Kind.MINIFIED: "application/javascript",
}


@cache
def contents() -> Contents:
    """Where the contents of all artifacts are."""
    return Contents(settings.ARTIFACTS_DIR)


@cache
def maps() -> Maps:
    """The parsed maps of this process, for the digest and the API alike."""
    return Maps(contents().read)


@cache
def library() -> "Library":
    """What projects have uploaded, as this process knows it."""
    return Library()


def store(release: Release, *, name: str, content: bytes, content_type: str = "", dist: str = "") -> Artifact:
    """Keep a file of a release; of several with one name the newest is used. Raises NotUsable for what is no map and no script."""
    with contents().spooled() as file:
        file.write(content)
        return store_file(release, name=name, file=file, content_type=content_type, dist=dist)


def store_file(release: Release, *, name: str, file: IO[bytes], content_type: str = "", dist: str = "") -> Artifact:
    """As `store`, of what a file with a name holds; however much it is, this process keeps little of it in memory."""
    file.flush()
    known = recognise_file(Path(file.name), name=name, content_type=content_type)
    # The content first: a row always has one, and a content without a row is swept away.
    checksum = contents().take(file)
    return Artifact.objects.create(
        project_id=release.project_id,
        release=release,
        name=name,
        dist=dist,
        kind=known.kind,
        content_type=content_type or DEFAULT_TYPES[Artifact.Kind(known.kind)],
        file_name=known.file_name,
        refers_to=known.refers_to,
        debug_id=known.debug_id,
        checksum=checksum,
        size=Path(file.name).stat().st_size,
    )


def mark_used(checksums: Collection[str], *, now: datetime) -> None:
    """Note that these contents made events readable; a content that was noted within the last day is not noted again."""
    stale = Q(used_at=None) | Q(used_at__lt=now - USE_NOTED_EVERY)
    Artifact.objects.filter(stale, checksum__in=checksums).update(used_at=now)


def retire(sweep: Sweep, *, days: int) -> int:
    """Delete the files of releases of which, for so many days, none was uploaded and none made an event readable; 0 keeps all.

    The files of a release serve together (a map, its script, the map's neighbours), so they go together. Those of no release go
    one by one. Maps of function names stay: they are small, and nobody notes their use.
    """
    if not days:
        return 0
    before = sweep.now - timedelta(days=days)
    is_fresh = Q(created_at__gte=before) | Q(used_at__gte=before)
    of_its_release = Artifact.objects.filter(is_fresh, release=OuterRef("release"))
    old = Artifact.objects.exclude(is_fresh).exclude(kind=Artifact.Kind.FUNCTION_MAP)
    return sweep.delete(old.filter(~Exists(of_its_release)).order_by("pk"))


def is_used(checksum: str) -> bool:
    """Whether any artifact has this content."""
    return Artifact.objects.filter(checksum=checksum).exists()


class Library:
    """What projects have uploaded, as this process last read it. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Held over a statement too: what was read before a refresh must not be remembered after it.
        self._lock = threading.RLock()
        self._newest = -1
        self._read_at = float("-inf")
        self._projects: frozenset[int] = frozenset()
        self._files: OrderedDict[tuple[int, str], Files] = OrderedDict()
        self._by_debug_id: OrderedDict[tuple[int, str], tuple[File, ...]] = OrderedDict()
        self._versions: dict[int, list[str]] = {}

    def refresh(self) -> None:
        """See what was uploaded since: one statement, unless something was."""
        with self._lock:
            with connection.cursor() as cursor:
                cursor.execute("SELECT max(id) FROM releases_artifact")
                newest = cursor.fetchone()[0] or 0
            now = self._clock()
            if newest == self._newest and now - self._read_at < FORGET_SECONDS:
                return
            if newest or self._newest:
                self._projects = frozenset(Artifact.objects.values_list("project_id", flat=True).distinct())
                self._files.clear()
                self._by_debug_id.clear()
                self._versions.clear()
            self._newest, self._read_at = newest, now

    def has_files(self, project_id: int) -> bool:
        """Whether the project had any at the last refresh. Asks nothing."""
        return project_id in self._projects

    def finder(self, project_id: int, *, version: str, environment: str, dist: str) -> "Finder":
        """The files for the events of one release, environment and dist; each may be empty."""
        return Finder(self, project_id, version, environment, dist)

    def files(self, project_id: int, version: str) -> Files:
        """The files of a version, of all its environments; empty when nothing was uploaded for it."""
        with self._lock:
            key = (project_id, version)
            found = self._files.get(key)
            if found is None:
                found = Files(_rows(Artifact.objects.filter(release__project_id=project_id, release__version=version)))
                self._files[key] = found
                _drop_oldest(self._files, REMEMBERED_VERSIONS)
            return found

    def by_debug_id(self, project_id: int, debug_id: str) -> tuple[File, ...]:
        """The files of the project with this debug id, the newest first."""
        with self._lock:
            key = (project_id, debug_id)
            found = self._by_debug_id.get(key)
            if found is None:
                found = tuple(_rows(Artifact.objects.filter(project_id=project_id, debug_id=debug_id)))
                self._by_debug_id[key] = found
                _drop_oldest(self._by_debug_id, REMEMBERED_DEBUG_IDS)
            return found

    def versions(self, project_id: int) -> list[str]:
        """The versions that were last uploaded for."""
        with self._lock:
            found = self._versions.get(project_id)
            if found is None:
                rows = Artifact.objects.filter(project_id=project_id, release__isnull=False).order_by("-pk")
                newest = rows.values_list("release__version", flat=True)[:1000]
                found = self._versions[project_id] = list(dict.fromkeys(newest))[:OTHER_VERSIONS]
            return found


class Finder:
    """`symbolication.lookup.Find` over a library."""

    def __init__(self, shelves: Library, project_id: int, version: str, environment: str, dist: str) -> None:
        self._library = shelves
        self._project_id = project_id
        self._version = version
        self._environment = environment
        self._dist = dist

    def source_map(self, path: str, debug_id: str) -> Found | Why:
        if debug_id:
            files = self._library.by_debug_id(self._project_id, debug_id)
            bundle = next((file.checksum for file in files if file.kind == Artifact.Kind.MINIFIED), "")
            for file in files:
                if file.kind == Artifact.Kind.SOURCE_MAP:
                    return Found(file.checksum, file.name, bundle, "debug id")
        if not self._version:
            return Why(Code.NO_RELEASE, "The event names no release, so no file can be looked for by its name.")
        files_of_version = self._library.files(self._project_id, self._version)
        if files_of_version:
            return files_of_version.find(path, environment=self._environment, dist=self._dist)
        others = self._library.versions(self._project_id)
        if others:
            text = f"Nothing was uploaded for release {self._version}, but for {', '.join(others)}."
            return Why(Code.OTHER_RELEASE, text, others)
        return Why(Code.NO_UPLOAD, f"Nothing was uploaded for release {self._version}.")

    def function_maps(self, path: str) -> Sequence[str]:
        if not self._version:
            return ()
        files = self._library.files(self._project_id, self._version)
        return files.function_maps(path, environment=self._environment, dist=self._dist)


def _rows(artifacts: QuerySet[Artifact]) -> list[File]:
    rows = artifacts.order_by("-pk").values_list(
        "name", "kind", "checksum", "file_name", "refers_to", "release__environment", "dist", "debug_id"
    )
    return [File(*row[:5], row[5] or "", *row[6:]) for row in rows]


def _drop_oldest(remembered: OrderedDict[tuple[int, str], Any], most: int) -> None:
    while len(remembered) > most:
        remembered.popitem(last=False)
