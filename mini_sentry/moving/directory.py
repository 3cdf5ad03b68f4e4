"""The same streams as an archive's, as plain files of a directory with a manifest beside them."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import msgspec

from mini_sentry.moving.archive import (
    CHUNK_BYTES,
    MANIFEST,
    MOST_MANIFEST_BYTES,
    AlreadyThere,
    Damaged,
    Manifest,
    MemberWriter,
    NotAnArchive,
    read_manifest,
)


class Writer(MemberWriter):
    """Into a directory. Use `writing`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def finish(self, manifest: Manifest) -> None:
        self._write(MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest), indent=1)])
        for folder in {(self._directory / member.name).parent for member in self.members} | {self._directory}:
            sync(folder)

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self._directory / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def writing(path: Path, *, kind: str, version: int, made_by: str, facts: dict[str, str]) -> Iterator[Writer]:
    """Write the directory at `path`, mode 0700: the whole of it, or nothing. It may be there, but must be empty.

    `facts` are read when it ends. Raises AlreadyThere, OSError.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise AlreadyThere(f"{path} is there already and not empty; choose another name or remove it.")
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    writer = Writer(part)
    try:
        yield writer
        made_at = datetime.now(UTC).replace(microsecond=0)
        writer.finish(Manifest(kind, version, made_by, made_at, writer.members, facts))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.replace(path)


class Reader:
    """A directory that is there to be read. Use `reading`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self.manifest = manifest

    def lines(self, name: str) -> Iterator[bytes]:
        """As of an archive."""
        if self.manifest.member(name) is None:
            return
        rest = b""
        for chunk in self.file(name):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines

    def file(self, name: str) -> Iterator[bytes]:
        """As of an archive."""
        member = self.manifest.member(name)
        if member is None:
            raise KeyError(name)
        digest = hashlib.sha256()
        byte_count = 0
        try:
            with (self._path / name).open("rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    byte_count += len(chunk)
                    yield chunk
        except FileNotFoundError as error:
            raise Damaged(f"{self._path} is damaged: {name} is missing.") from error
        if (byte_count, digest.hexdigest()) != (member.byte_count, member.sha256):
            raise Damaged(f"{self._path} is damaged: {name} is not what was written.")


@contextmanager
def reading(path: Path, *, kind: str, version: int) -> Iterator[Reader]:
    """Open a directory of this kind and at most this version. Raises NotAnArchive, TooNew, Damaged, OSError."""
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise NotAnArchive(f"{path} is no {kind} of Mini Sentry: it has no {MANIFEST}.")
    if manifest.stat().st_size > MOST_MANIFEST_BYTES:
        raise Damaged(f"{path} is damaged: its manifest is too large.")
    yield Reader(path, read_manifest(path, manifest.read_bytes(), kind=kind, version=version))


def is_inside(name: str) -> bool:
    """Whether a member's name leads to a file below the directory that it is unpacked into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and bool(path.parts)


def sync(directory: Path) -> None:
    """Make durable what was put into the directory, renamed in it or taken out."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
