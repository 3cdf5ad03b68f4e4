"""What symbolication found out of an event's frames, laid over the frames as they were sent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.releases import artifacts
from mini_sentry.symbolication import javascript, paths
from mini_sentry.symbolication.lookup import Code, Why
from mini_sentry.symbolication.symbolicate import PLATFORMS

BY_SDK: Final = frozenset({"marked in app by the SDK", "marked not in app by the SDK"})

_NOTHING: Final[Mapping[str, Any]] = {"raw": None, "why": None, "map": None}
_INTERNAL: Final = frozenset({"checksum", "source_id"})
_PLACE: Final = _INTERNAL | {"file", "line", "column"}
_RAW: Final = ("function", "module", "filename", "abs_path", "lineno", "colno")


def frames_of(symbolicated: Mapping[str, Any], sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The frames of the main stack for `Event.symbolicated`: as a stack prints them, or in the order of the body's own `frames`."""
    stacks = (
        *reversed(symbolicated.get("exceptions", [])),
        symbolicated.get("stacktrace"),
        *symbolicated.get("threads", []),
    )
    stack: list[dict[str, Any]] = next((stack for stack in stacks if stack), [])
    own = sent.get("frames")
    if isinstance(own, list) and len(own) == len(stack) and stack is symbolicated.get("stacktrace"):
        return [
            (frame | {key: value for key, value in found.items() if key not in _PLACE})
            if isinstance(frame, dict)
            else _shown(found)
            for frame, found in zip(own, stack, strict=True)
        ]
    return [_shown(found) for found in reversed(stack)]


def _shown(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in _INTERNAL}


def lay_over(parts: Mapping[str, Any], symbolicated: Mapping[str, Any] | None) -> None:
    """Put the mapped place, lines and name into each frame of a normalised event, what was sent into its `raw`, and the reason
    into its `why` where there is no map for it."""
    found = symbolicated or {}
    for name in ("exceptions", "threads"):
        stacks = found.get(name, [])
        entries = parts[name]
        for index, entry in enumerate(entries):
            _lay(entry["frames"], stacks[index] if len(stacks) == len(entries) else None)
    _lay(parts["stacktrace"] or [], found.get("stacktrace"))


def say_why(
    parts: Mapping[str, Any], *, platform: str, facts: Mapping[str, Any], project_id: int, environment: str
) -> None:
    """For an event that was stored while its project had no files at all: why its minified frames have no source now."""
    if platform not in PLATFORMS:
        return
    stacks = (*(entry["frames"] for entry in (*parts["exceptions"], *parts["threads"])), parts["stacktrace"] or [])
    wanting = [frame for frames in stacks for frame in frames if _is_minified(frame)]
    if not wanting:
        return
    library = artifacts.library()
    library.refresh()
    find = library.finder(
        project_id, version=facts.get("release", ""), environment=environment, dist=facts.get("dist", "")
    )
    for frame in wanting:
        found = find.source_map(frame["abs_path"] or frame["filename"], "")
        if isinstance(found, Why):
            frame["why"] = {"code": found.code, "text": found.text, "names": found.names}


def _is_minified(frame: Mapping[str, Any]) -> bool:
    path = frame["abs_path"] or frame["filename"] or ""
    return frame["colno"] is not None and not frame["context_line"] and javascript.is_script(path)


def _lay(frames: Sequence[dict[str, Any]], found: Sequence[Mapping[str, Any]] | None) -> None:
    fits = found is not None and len(found) == len(frames)
    for index, frame in enumerate(frames):
        frame.update(_NOTHING)
        frame["in_app_sent"] = frame["in_app"]
        if found is not None and fits:
            _replace(frame, found[index])


def _replace(frame: dict[str, Any], found: Mapping[str, Any]) -> None:
    why = found.get("why")
    frame["why"] = {"names": []} | why if why and why["code"] != Code.NOT_A_SCRIPT else None
    source = found.get("orig_file", "")
    if not source and not found.get("raw_function"):
        return
    frame["raw"] = {key: frame[key] for key in _RAW}
    if found.get("function"):
        frame["function"] = found["function"]
    if not source:
        return
    column = found.get("orig_column", 0)
    before, after = javascript.around(
        artifacts.maps(),
        checksum=found.get("checksum", ""),
        source_id=found.get("source_id", -1),
        line=found.get("orig_line", 0),
    )
    shown = paths.shown(source)[: DEFAULT.frame_path_chars]
    frame |= {
        "filename": shown,
        "abs_path": shown,
        "module": found.get("module") or None,
        "lineno": found.get("orig_line"),
        "colno": column + 1,
        "in_app": found.get("in_app"),
        "pre_context": before,
        "context_line": found.get("context_line"),
        "post_context": after,
        "map": found.get("map"),
    }
