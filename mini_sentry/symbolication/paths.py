"""Paths and URLs of scripts and sources: compared by their parts, cleaned for people, named as modules."""

import re
from functools import lru_cache
from typing import NamedTuple

Parts = tuple[str, ...]

_SCHEME = re.compile(r"([A-Za-z][\w.+-]*)://([^/?#]*)")
_BUNDLER = re.compile(r"(?:webpack|webpack-internal|turbopack|rollup|vite|parcel|ng|app)://+(?:\[[\w-]+\]/|_N_E/)?")
_LEADING = re.compile(r"^(?:\.{0,2}/)+")
_EXTENSION = re.compile(r"(?:\.(?:d|min|bundle|prod|development|production))?\.[A-Za-z0-9]{1,6}$")
_VENDOR = re.compile(
    r"(?:^|/)(?:node_modules|bower_components|jspm_packages|\.yarn|\.pnpm|vendor)/"
    r"|^webpack/(?:bootstrap|runtime)|\(webpack\)|^(?:vite|rolldown|rollup)/|^\x00|^node:"
    r"|(?:^|/)(?:vite/preload-helper|commonjsHelpers|rolldown/runtime)"
)


class Place(NamedTuple):
    """Where a file is: `host` is empty when the address names none (or `~`), `parts` are its folders and its name."""

    host: str
    parts: Parts


def place(address: str) -> Place:
    """Read a URL, a `~/` form or a path of either kind of slash; without query and fragment, `.` and `..` worked out."""
    host = ""
    if found := _SCHEME.match(address):
        scheme, host = found[1].lower(), found[2].lower()
        if scheme not in ("http", "https"):
            host = ""
        rest = address[found.end() :]
        if found[2] and scheme not in ("http", "https"):
            rest = f"/{found[2]}{rest}"
    else:
        rest = address.removeprefix("~")
    for mark in ("?", "#"):
        rest = rest.partition(mark)[0]
    parts: list[str] = []
    for part in rest.replace("\\", "/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return Place(host, tuple(parts))


def without_map(parts: Parts) -> Parts:
    """The file that a map of this name is of: `app.js.map` is of `app.js`."""
    if parts and parts[-1].lower().endswith(".map"):
        return (*parts[:-1], parts[-1][:-4])
    return parts


def beside(parts: Parts, reference: str) -> Parts:
    """`reference` as seen from the file `parts`."""
    if reference.startswith(("/", "~")) or _SCHEME.match(reference):
        return place(reference).parts
    return place("/".join((*parts[:-1], reference))).parts


def shared_tail(one: Parts, other: Parts) -> int:
    """How many parts are equal from the end on; 0 when the names already differ."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


@lru_cache(maxsize=4096)
def shown(source: str) -> str:
    """A map's source for people: without the bundler's own scheme, query and host. `../src/cart.ts` stays as it is."""
    path = source.partition("?")[0] if source.startswith("webpack") else source
    path = _BUNDLER.sub("", path, count=1)
    if found := _SCHEME.match(path):
        path = path[found.end() :].lstrip("/") if found[1].lower() in ("http", "https") else path
    return path.removeprefix("./") or source


def module(source: str) -> str:
    """What a source is called as a module: its path without what leads to it and without extension."""
    return _EXTENSION.sub("", _LEADING.sub("", shown(source)))


def is_vendored(source: str) -> bool:
    """Whether a source came with a package, or from the bundler itself, rather than being written for this project."""
    return _VENDOR.search(source) is not None or _VENDOR.search(shown(source)) is not None
