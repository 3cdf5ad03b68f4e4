"""The contents of artifacts as files: each once, named by its checksum, compressed. What is read is what was written, or an error.

A content may be large, so it can come from a file (`spooled`, `take`) and be read in parts (`parts`): then memory holds a
megabyte of it.
"""

import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import zstandard

SUFFIX: Final = ".zst"
YOUNG_SECONDS: Final = 3600.0
"""A file this young may belong to a row that is not written yet."""
PART_BYTES: Final = 1 << 20


class Contents:
    """The files of one directory. Safe to use from several threads and processes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def spooled(self) -> Iterator[IO[bytes]]:
        """A file of its own name beside the contents, gone afterwards."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".new-", dir=self._directory) as file:
            yield file

    def write(self, content: bytes) -> str:
        """Keep `content` durably and return its SHA-256 in hex. Writing it again costs no space."""
        return self.take(io.BytesIO(content))

    def take(self, content: IO[bytes]) -> str:
        """As `write`, of all that a file holds."""
        content.seek(0)
        checksum = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
        path = self._path(checksum)
        try:
            os.utime(path)
        except FileNotFoundError:
            pass
        else:
            return checksum
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                zstandard.ZstdCompressor(level=3).copy_stream(content, file, size=size)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        for directory in (path.parent, self._directory):
            _sync(directory)
        return checksum

    def parts(self, checksum: str) -> Iterator[bytes]:
        """The content piece by piece. Raises as `read`, at any piece."""
        with self._path(checksum).open("rb") as file:
            try:
                yield from zstandard.ZstdDecompressor().read_to_iter(file, write_size=PART_BYTES)
            except zstandard.ZstdError as error:
                raise OSError(f"the content {checksum} is damaged: {error}") from error

    def read(self, checksum: str) -> bytes:
        """Raises FileNotFoundError, or OSError when the file is damaged."""
        compressed = self._path(checksum).read_bytes()
        try:
            content = zstandard.ZstdDecompressor().decompress(compressed)
        except zstandard.ZstdError as error:
            raise OSError(f"the content {checksum} is damaged: {error}") from error
        return content

    def sweep(self, is_used: Callable[[str], bool], *, now: Callable[[], float] = time.time) -> int:
        """Remove files that nothing uses and that are not young; how many these were."""
        removed = 0
        for path in self._files():
            # The age last: a file that is written again meanwhile is made young first.
            if not is_used(path.name.removesuffix(SUFFIX)) and path.stat().st_mtime < now() - YOUNG_SECONDS:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _files(self) -> Iterator[Path]:
        yield from self._directory.glob(f"??/*{SUFFIX}")
        yield from self._directory.glob("??/.new-*")
        yield from self._directory.glob(".new-*")

    def _path(self, checksum: str) -> Path:
        return self._directory / checksum[:2] / f"{checksum}{SUFFIX}"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
