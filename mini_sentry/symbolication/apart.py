"""What an uploaded file is, found out beside the process that asks when the file is large.

To read a map of 70 MB takes some 200 MB for a moment, in small pieces that the C library then keeps for itself. A process of its
own gives all of it back.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from mini_sentry.symbolication.content import Content, recognise
from mini_sentry.symbolication.maps import NotUsable

APART_BYTES: Final = 4 << 20
"""Files beyond this are read apart, which costs a third of a second."""
MOST_SECONDS: Final = 120


class _Found(msgspec.Struct):
    """Either what the file is, or why it cannot be used."""

    content: Content | None = None
    refusal: str = ""


def recognise_file(path: Path, *, name: str, content_type: str = "") -> Content:
    """As `content.recognise`, of a file. Raises NotUsable."""
    if path.stat().st_size <= APART_BYTES:
        return recognise(path.read_bytes(), name=name, content_type=content_type)
    command = [sys.executable, "-m", __name__, str(path), name, content_type]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=MOST_SECONDS)
        found = msgspec.json.decode(done.stdout, type=_Found)
    except (subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise NotUsable("This is too large to be read on this machine.") from error
    if found.content is None:
        raise NotUsable(found.refusal)
    return found.content


def main(path: str, name: str, content_type: str) -> None:
    """Write what the file is to the standard output."""
    try:
        found = _Found(recognise(Path(path).read_bytes(), name=name, content_type=content_type))
    except NotUsable as error:
        found = _Found(refusal=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
