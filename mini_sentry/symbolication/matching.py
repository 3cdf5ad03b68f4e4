"""A script's path and a release's files → the map for it. Pure.

In order: the debug id, the artifact's name, the map that the minified file names as its own, the map's `file`, the longest equal
end of the path. First among the files of the event's own environment, then among those of any.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mini_sentry.symbolication import paths
from mini_sentry.symbolication.lookup import Code, Found, Why
from mini_sentry.symbolication.paths import Parts, Place

MOST_NAMES: Final = 20


class File(NamedTuple):
    """An uploaded file, as far as finding it goes. `kind` is source_map, function_map or minified."""

    name: str
    kind: str
    checksum: str
    file_name: str
    refers_to: str
    environment: str
    dist: str
    debug_id: str


class _Candidate(NamedTuple):
    file: File
    place: Place


class Files:
    """The files of one version, the newest first."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files = list(files)
        self._shelves: dict[tuple[str | None, str], _Shelf] = {}

    def __bool__(self) -> bool:
        return bool(self._files)

    def find(self, path: str, *, environment: str, dist: str) -> Found | Why:
        """The map for a script at `path`, or why there is none. An event without a dist has only files of none."""
        first = self._shelf(environment, dist).find(path)
        if isinstance(first, Found):
            return first
        anywhere = self._shelf(None, dist)
        if anywhere:
            return anywhere.find(path)
        others = _names(file.dist or "(none)" for file in self._files if file.kind == "source_map")
        if others:
            return Why(
                Code.OTHER_DIST, f"The files of this release are of dist {', '.join(others)}, {_dist(dist)}.", others
            )
        return Why(
            Code.NO_SUCH_FILE, "No source map was uploaded for this release.", _names(f.name for f in self._files)
        )

    def function_maps(self, path: str, *, environment: str, dist: str) -> list[str]:
        """Checksums of the maps of function names for a script, the most fitting first."""
        return self._shelf(environment, dist).function_maps(path) or self._shelf(None, dist).function_maps(path)

    def _shelf(self, environment: str | None, dist: str) -> "_Shelf":
        key = (environment, dist)
        if (shelf := self._shelves.get(key)) is None:
            files = [f for f in self._files if environment is None or f.environment == environment]
            shelf = self._shelves[key] = _Shelf(
                [f for f in files if f.dist == dist], [f for f in files if dist and not f.dist]
            )
        return shelf


class _Shelf:
    """Files that may serve an event: those of its dist before those of none."""

    def __init__(self, *ranked: Sequence[File]) -> None:
        newest: dict[tuple[str, str], File] = {}
        for file in (file for files in ranked for file in files):
            newest.setdefault((file.kind, file.name), file)
        self._maps = [_Candidate(f, paths.place(f.name)) for f in newest.values() if f.kind == "source_map"]
        self._bundles = [_Candidate(f, paths.place(f.name)) for f in newest.values() if f.kind == "minified"]
        self._function_maps = [f for f in newest.values() if f.kind == "function_map"]
        # Only files whose last part is a script's can serve it, by name or by tail.
        self._by_last: dict[str, list[_Candidate]] = {}
        for candidate in self._maps:
            of = paths.without_map(candidate.place.parts)
            if of:
                self._by_last.setdefault(of[-1], []).append(candidate)
        self._found: dict[str, Found | Why] = {}

    def __bool__(self) -> bool:
        return bool(self._maps)

    def find(self, path: str) -> Found | Why:
        found = self._found.get(path)
        if found is None:
            if len(self._found) > 10_000:
                self._found.clear()
            found = self._found[path] = self._search(path)
        return found

    def _search(self, path: str) -> Found | Why:
        script = paths.place(path)
        if not script.parts:
            return Why(Code.NO_SUCH_FILE, "The frame names no file.")
        bundle = self._bundle(script)
        alike = self._by_last.get(script.parts[-1], [])
        for one in alike:
            if paths.without_map(one.place.parts) == script.parts and _same_host(one.place, script):
                return self._told(one, bundle, "name")
        if bundle is not None and (own := self._own_map(bundle)) is not None:
            return self._told(own, bundle, "name")
        if (by_file := self._by_file(script)) is not None:
            return self._told(by_file, bundle, "file")
        if alike:
            best = max(paths.shared_tail(paths.without_map(one.place.parts), script.parts) for one in alike)
            ends = [one for one in alike if paths.shared_tail(paths.without_map(one.place.parts), script.parts) == best]
            if len({one.file.checksum for one in ends}) > 1:
                names = _names(one.file.name for one in ends)
                return Why(Code.AMBIGUOUS, f"Several files end alike: {', '.join(names)}.", names)
            return self._told(ends[0], bundle, "tail")
        names = _names(one.file.name for one in self._maps)
        return Why(Code.NO_SUCH_FILE, f"No file of this release is the map of {path[:200]}.", names)

    def _told(self, found: _Candidate, bundle: _Candidate | None, matched_by: str) -> Found:
        return Found(found.file.checksum, found.file.name, bundle.file.checksum if bundle else "", matched_by)

    def _bundle(self, script: Place) -> _Candidate | None:
        """The uploaded minified file: of the same path, else of the longest equal end."""
        ends = [(paths.shared_tail(one.place.parts, script.parts), one) for one in self._bundles]
        best = max((length for length, _ in ends), default=0)
        if not best:
            return None
        found = [one for length, one in ends if length == best]
        exact = [one for one in found if one.place.parts == script.parts]
        if not exact and len({one.file.checksum for one in found}) > 1:
            return None
        return (exact or found)[0]

    def _own_map(self, bundle: _Candidate) -> _Candidate | None:
        """The map that a minified file shares its debug id with, or names at its end."""
        if bundle.file.debug_id:
            for one in self._maps:
                if one.file.debug_id == bundle.file.debug_id:
                    return one
        if not bundle.file.refers_to:
            return None
        wanted: Parts = paths.beside(bundle.place.parts, bundle.file.refers_to)
        return next((one for one in self._maps if one.place.parts == wanted), None)

    def _by_file(self, script: Place) -> _Candidate | None:
        best: tuple[int, int] = (0, 0)
        found = None
        for one in self._maps:
            of = paths.place(one.file.file_name).parts if one.file.file_name else ()
            if of and script.parts[-len(of) :] == of:
                score = (len(of), paths.shared_tail(paths.without_map(one.place.parts), script.parts))
                if score > best:
                    best, found = score, one
        return found

    def function_maps(self, path: str) -> list[str]:
        """Those named after the script first; the others hold for the whole release."""
        if not self._function_maps:
            return []
        script = paths.place(path).parts

        def fit(file: File) -> int:
            return max(
                paths.shared_tail(paths.without_map(paths.place(file.name).parts), script),
                paths.shared_tail(paths.place(file.file_name).parts, script),
            )

        return [file.checksum for file in sorted(self._function_maps, key=fit, reverse=True)]


def _same_host(one: Place, other: Place) -> bool:
    return not one.host or not other.host or one.host == other.host


def _dist(dist: str) -> str:
    return f"not {dist}" if dist else "and the event names none"


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))[:MOST_NAMES]
