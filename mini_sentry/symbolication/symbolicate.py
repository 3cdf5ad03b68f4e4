"""An event's stacks made readable, in place, before it is grouped: JavaScript through its source maps."""

from collections.abc import Sequence
from typing import Final

import msgspec

from mini_sentry.protocol.event import Event, Frame
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.symbolication import javascript, paths
from mini_sentry.symbolication.content import normal_debug_id
from mini_sentry.symbolication.javascript import Place, Readable
from mini_sentry.symbolication.lookup import Find
from mini_sentry.symbolication.maps import Maps

PLATFORMS: Final = frozenset({"javascript", "node"})


class Stacks(msgspec.Struct, omit_defaults=True):
    """What became of each frame, in the order of the event's own lists; None where an entry has no stack."""

    exceptions: list[list[Readable] | None] = []
    threads: list[list[Readable] | None] = []
    stacktrace: list[Readable] | None = None


class _Image(msgspec.Struct):
    type: str = ""
    code_file: str = ""
    debug_id: str = ""


class _Meta(msgspec.Struct):
    images: list[_Image] = []


class _WithMeta(msgspec.Struct):
    debug_meta: _Meta | None = None


_read_meta = msgspec.json.Decoder(_WithMeta).decode
_encode = msgspec.json.Encoder().encode


def symbolicate(event: Event, *, find: Find, maps: Maps) -> Stacks | None:
    """Replace the event's minified frames by what they were written as, and return all that was found out of them.

    None, and no change, when the event has no frame in a script.
    """
    if event.platform not in PLATFORMS:
        return None
    debug_ids = _debug_ids(event.payload)

    def stack(frames: Sequence[Frame] | None) -> list[Readable] | None:
        if not frames:
            return None
        readable = javascript.symbolicate(
            [_place(frame) for frame in frames], find=find, maps=maps, debug_ids=debug_ids
        )
        for frame, one in zip(frames, readable, strict=True):
            _replace(frame, one)
        return readable

    stacks = Stacks(
        exceptions=[stack(one.stacktrace.frames if one.stacktrace else None) for one in event.exceptions],
        threads=[stack(one.stacktrace.frames if one.stacktrace else None) for one in event.threads],
        stacktrace=stack(event.stacktrace.frames if event.stacktrace else None),
    )
    all_stacks = (*stacks.exceptions, *stacks.threads, stacks.stacktrace)
    if not any(frame.why is not javascript.ENGINE for frames in all_stacks for frame in frames or ()):
        return None
    return stacks


def encode_stacks(stacks: Stacks) -> bytes:
    return _encode(stacks)


def _path(frame: Frame) -> str:
    return frame.abs_path or frame.filename or ""


def _place(frame: Frame) -> Place:
    return Place(_path(frame), frame.lineno, frame.colno, frame.function or "")


def _replace(frame: Frame, readable: Readable) -> None:
    if readable.function and readable.function != frame.function:
        frame.raw_function, frame.function = frame.function, readable.function[: DEFAULT.frame_name_chars]
    if not readable.orig_file:
        return
    # No URL: where a page comes from says nothing of the code, and grouping leaves URLs out.
    shown = paths.shown(readable.orig_file)[: DEFAULT.frame_path_chars]
    frame.filename = frame.abs_path = shown
    frame.module = readable.module[: DEFAULT.frame_name_chars] or None
    frame.lineno = readable.orig_line
    frame.colno = None if readable.orig_column is None else readable.orig_column + 1
    frame.context_line = readable.context_line
    frame.in_app = readable.in_app


def _debug_ids(payload: bytes) -> dict[str, str]:
    """Script path → debug id, of the images that say both."""
    if b'"debug_meta"' not in payload:
        return {}
    try:
        meta = _read_meta(payload).debug_meta
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    found = {}
    for image in meta.images if meta is not None else ():
        if image.type == "sourcemap" and image.code_file and (debug_id := normal_debug_id(image.debug_id)):
            found[image.code_file] = debug_id
    return found
