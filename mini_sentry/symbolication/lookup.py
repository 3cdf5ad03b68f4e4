"""What symbolication asks for a script's files, and what it is told: the files, or why there are none."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec


class Code(StrEnum):
    """Why a frame is not mapped."""

    NO_RELEASE = "no_release"
    NO_UPLOAD = "no_upload"
    OTHER_RELEASE = "other_release"
    OTHER_DIST = "other_dist"
    NO_SUCH_FILE = "no_such_file"
    AMBIGUOUS = "ambiguous"
    UNREADABLE = "unreadable"
    OUTSIDE = "outside"
    NO_POSITION = "no_position"
    NOT_A_SCRIPT = "not_a_script"


class Why(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The reason in a word and in a sentence; `names` are the files or releases that there are instead, at most 20."""

    code: Code
    text: str
    names: list[str] = []


class Found(NamedTuple):
    """A map for a script. Checksums name contents; `bundle` is the minified script's, empty when it was not uploaded.

    `matched_by` says how it was found: debug id, name, file or tail.
    """

    checksum: str
    name: str
    bundle: str
    matched_by: str


class Find(Protocol):
    """The files for the frames of one event."""

    def source_map(self, path: str, debug_id: str) -> Found | Why:
        """The map for a script at `path` (as the frame has it); `debug_id` is empty when the event names none for it."""

    def function_maps(self, path: str) -> Sequence[str]:
        """Checksums of the maps of function names that hold for the script, the most fitting first."""
