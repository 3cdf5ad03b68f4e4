"""Parsed maps over the `symbolic` library, and the cache that keeps the last used ones within a number of bytes.

Lines and columns are 0-based here, as in the maps. The library is loaded on first use: most processes never need it.

Spec: https://tc39.es/ecma426/
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

logger = logging.getLogger(__name__)

CACHE_BYTES: Final = 128 << 20
SCOPES_BYTES: Final = 3 << 20
"""Scripts beyond this are not read for the names of their functions: it takes a second and hundreds of megabytes."""
OPEN_SOURCES: Final = 16
REMEMBERED_POSITIONS: Final = 20_000
"""Under 1 kB each, of all maps together."""

_PREFIX = b")]}'"
_BOM = b"\xef\xbb\xbf"
_NAMELESS: Final = frozenset({"", "<anonymous>", "<unknown>"})


class NotUsable(Exception):
    """A content that is not what it should be, with the reason for people."""


class Position(NamedTuple):
    """Where a piece of a script came from. `name` is what the source calls the thing that is used there, or ""."""

    source: str
    source_id: int
    line: int
    column: int
    name: str


def plain_json(content: bytes) -> bytes:
    """Without a byte order mark, and without the line that keeps pages from running a map as a script."""
    content = content.removeprefix(_BOM)
    if content.startswith(_PREFIX):
        return content.partition(b"\n")[2]
    return content


class _IgnoreList(msgspec.Struct):
    ignoreList: list[int] = []  # noqa: N815 - the key as maps have it
    x_google_ignoreList: list[int] = []  # noqa: N815


class SourceMap:
    """One source map, plain or in sections. Safe to share between threads."""

    def __init__(self, content: bytes) -> None:
        """Raises NotUsable."""
        from symbolic.sourcemap import SourceMapView

        content = plain_json(content)
        try:
            self._view = SourceMapView.from_json_bytes(content)
        except Exception as error:
            raise NotUsable(f"The source map cannot be read: {str(error)[:200]}") from error
        self.ignored: frozenset[int] = _ignored(content)
        # Measured: up to two and a half times the text, and the open sources.
        self.size_bytes = 3 * len(content) + 4096
        self._sources: OrderedDict[int, list[str] | None] = OrderedDict()

    def position(self, line: int, column: int) -> Position | None:
        """None where the script has no piece, or one without a source."""
        if line < 0 or column < 0:
            return None
        token = self._view.lookup(line, column)
        # The library goes on looking in the lines above.
        if token is None or token.dst_line != line or token.src is None:
            return None
        source_id = token.src_id if token.src_id is not None else -1
        return Position(token.src, source_id, token.src_line, token.src_col, token.name or "")

    def lines(self, source_id: int) -> list[str] | None:
        """The source's text; None when the map does not hold it."""
        if source_id in self._sources:
            return self._sources[source_id]
        text = self._view.get_source_contents(source_id) if source_id >= 0 else None
        lines = None if text is None else text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._sources[source_id] = lines
        while len(self._sources) > OPEN_SOURCES:
            try:
                self._sources.popitem(last=False)
            except KeyError:
                break
        return lines


def _ignored(content: bytes) -> frozenset[int]:
    if b"gnoreList" not in content:
        return frozenset()
    try:
        lists = msgspec.json.decode(content, type=_IgnoreList)
    except msgspec.MsgspecError:
        return frozenset()
    return frozenset((*lists.ignoreList, *lists.x_google_ignoreList))


class Scopes:
    """A script's functions by their names in the sources."""

    def __init__(self, script: bytes, content: bytes) -> None:
        """Raises NotUsable."""
        from symbolic.sourcemapcache import SourceMapCache

        try:
            self._cache = SourceMapCache.from_bytes(script, plain_json(content))
        except Exception as error:
            raise NotUsable(f"The script cannot be read: {str(error)[:200]}") from error
        # Measured: six times the map, and what is read of the script.
        self.size_bytes = 6 * len(content) + 2 * len(script) + 4096

    def function(self, line: int, column: int) -> str:
        """The function around this place of the script; "" when it has no name."""
        token = self._cache.lookup(line + 1, column, 0)
        name = (token.function_name or "") if token is not None else ""
        return "" if name in _NAMELESS else name


class FunctionMap:
    """Minified names → names."""

    def __init__(self, content: bytes) -> None:
        """Raises NotUsable."""
        try:
            found = msgspec.json.decode(plain_json(content), type=dict[str, Any])["function_map"]
            self.names = {str(key): str(value) for key, value in found.items() if value}
        except (msgspec.MsgspecError, KeyError, AttributeError, RecursionError) as error:
            raise NotUsable("The function map cannot be read.") from error
        self.size_bytes = 3 * len(content) + 4096


_Answer = TypeVar("_Answer")
_UNKNOWN: Final[Any] = object()
_Parsed = TypeVar("_Parsed", SourceMap, Scopes, FunctionMap)


class Maps:
    """The parsed maps of one process, by the checksum of their content. Safe to use from several threads.

    `load` gives a content by its checksum, and raises NotUsable or OSError. Together they hold at most `max_bytes` (estimated)
    but for the last one used, which may be larger. What cannot be parsed is remembered as well.
    """

    def __init__(self, load: Callable[[str], bytes], *, max_bytes: int = CACHE_BYTES) -> None:
        self._load = load
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[str, ...], SourceMap | Scopes | FunctionMap | NotUsable] = OrderedDict()
        self._bytes = 0
        self._positions: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        # One map is parsed at a time, so that a burst of first uses does not add up.
        self._parsing = threading.Lock()

    def position(self, key: Hashable, look: Callable[[], _Answer]) -> _Answer:
        """What `look` says of a position of a script, remembered for the last used ones. `key` names all that it depends on."""
        found: _Answer = self._positions.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            if len(self._positions) >= REMEMBERED_POSITIONS:
                self._positions.clear()
            found = self._positions[key] = look()
        return found

    def source_map(self, checksum: str) -> SourceMap:
        """Raises NotUsable."""
        return self._get(("map", checksum), lambda: SourceMap(self._read(checksum)), SourceMap)

    def scopes(self, bundle: str, checksum: str) -> Scopes | None:
        """The functions of a script with its map; None when the script is too large or cannot be read."""
        try:
            return self._get(("scopes", bundle, checksum), lambda: self._scopes(bundle, checksum), Scopes)
        except NotUsable:
            return None

    def function_map(self, checksum: str) -> FunctionMap:
        """Raises NotUsable."""
        return self._get(("functions", checksum), lambda: FunctionMap(self._read(checksum)), FunctionMap)

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def _scopes(self, bundle: str, checksum: str) -> Scopes:
        script = self._read(bundle)
        if len(script) > SCOPES_BYTES:
            raise NotUsable(f"The script has more than {SCOPES_BYTES >> 20} MB.")
        return Scopes(script, self._read(checksum))

    def _read(self, checksum: str) -> bytes:
        try:
            return self._load(checksum)
        except OSError as error:
            raise NotUsable("The content of this file is not there any more.") from error

    def _get(self, key: tuple[str, ...], make: Callable[[], _Parsed], kind: type[_Parsed]) -> _Parsed:
        found = self._look(key)
        if found is None:
            with self._parsing:
                found = self._look(key) or self._keep(key, make)
        if isinstance(found, NotUsable):
            raise NotUsable(str(found))
        assert isinstance(found, kind)  # noqa: S101 - the key's first part is the kind
        return found

    def _look(self, key: tuple[str, ...]) -> "SourceMap | Scopes | FunctionMap | NotUsable | None":
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(
        self, key: tuple[str, ...], make: Callable[[], "SourceMap | Scopes | FunctionMap"]
    ) -> "SourceMap | Scopes | FunctionMap | NotUsable":
        made: SourceMap | Scopes | FunctionMap | NotUsable
        try:
            made = make()
        except NotUsable as error:
            logger.info("%s: %s", "/".join(key), error)
            made = NotUsable(str(error))
        with self._lock:
            self._kept[key] = made
            self._bytes += _size(made)
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= _size(dropped)
        return made


def _size(kept: "SourceMap | Scopes | FunctionMap | NotUsable") -> int:
    return 1024 if isinstance(kept, NotUsable) else kept.size_bytes
