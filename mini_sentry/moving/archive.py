"""One file that holds many streams: what `export` and `backup` write, and `import` and `restore` read.

A zip of stored members, each a zstd stream of its own, and `manifest.json` as its last member: how many lines and bytes
each member has when inflated, and their SHA-256. A writer needs no seeking back and no memory for what it wrote; a file
that was cut off has no manifest, and with it no meaning. `docs/guides/move.md` describes the format for others.

ArchiveError
    NotAnArchive     no file of ours, or one of another kind
    TooNew           a later version of Mini Sentry wrote it
    Damaged          cut off or changed: bytes, counts or sums do not agree
    AlreadyThere     the file to be written exists
"""

import hashlib
import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec
import zstandard

MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".zst"
LEVEL: Final = 3
WINDOW_LOG: Final = 23
"""8 MB: events are most like those of the last minute."""
CHUNK_BYTES: Final = 1 << 20
MOST_LINE_BYTES: Final = 256 << 20
MOST_MANIFEST_BYTES: Final = 64 << 20


class ArchiveError(Exception):
    """Base of what reading and writing archives raises; the text is for the person at the terminal."""


class NotAnArchive(ArchiveError):
    """No file of ours, or one of another kind."""


class TooNew(ArchiveError):
    """A later version of Mini Sentry wrote it."""


class Damaged(ArchiveError):
    """Cut off or changed since it was written."""


class AlreadyThere(ArchiveError):
    """The file to be written exists."""


class Member(msgspec.Struct, frozen=True):
    """A stream: `line_count` lines (0 for a file that has none), `byte_count` bytes inflated, `sha256` of these in hex."""

    name: str
    line_count: int
    byte_count: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`kind` is `export` or `backup`, `version` its format's, `made_by` the version of Mini Sentry, `facts` what else the
    kind wants to remember."""

    kind: str
    version: int
    made_by: str
    made_at: datetime
    members: list[Member]
    facts: dict[str, str] = {}

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)


class MemberWriter(ABC):
    """Adds members one after the other, and measures them; where they go is for each form to say."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def lines(self, name: str, documents: Iterable[bytes]) -> Member:
        """A member of lines; no document may hold a newline."""
        return self._add(name, (document + b"\n" for document in documents), are_lines=True)

    def file(self, name: str, path: Path) -> Member:
        """A member with the bytes of a file."""
        with path.open("rb") as source:
            return self._add(name, iter(lambda: source.read(CHUNK_BYTES), b""), are_lines=False)

    def _add(self, name: str, chunks: Iterable[bytes], *, are_lines: bool) -> Member:
        digest = hashlib.sha256()
        line_count = byte_count = 0

        def measured() -> Iterator[bytes]:
            nonlocal line_count, byte_count
            for chunk in chunks:
                digest.update(chunk)
                line_count += are_lines
                byte_count += len(chunk)
                yield chunk

        self._write(name, measured())
        added = Member(name, line_count, byte_count, digest.hexdigest())
        self.members.append(added)
        return added

    @abstractmethod
    def _write(self, name: str, chunks: Iterable[bytes]) -> None: ...


class Writer(MemberWriter):
    """Into one file. Use `writing`."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def finish(self, manifest: Manifest) -> None:
        self._zip.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        self._zip.close()

    def abandon(self) -> None:
        """End without a manifest, and without what closing would write."""
        with suppress(OSError, ValueError):
            self._zip.close()

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG, enable_ldm=True)
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        with (
            self._zip.open(zipfile.ZipInfo(name + SUFFIX), "w", force_zip64=True) as member,
            compressor.stream_writer(member, closefd=False) as stream,
        ):
            for chunk in chunks:
                stream.write(chunk)


@contextmanager
def writing(
    path: Path, *, kind: str, version: int, made_by: str, facts: dict[str, str] | None = None
) -> Iterator[Writer]:
    """Write the archive at `path`, mode 0600: the whole of it, or nothing. `facts` are read when it ends.

    Raises AlreadyThere, and OSError when the disk is full or the directory cannot be written to.
    """
    if path.exists():
        raise AlreadyThere(f"{path} is there already; choose another name or remove it.")
    part = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        writer = Writer(file)
        try:
            yield writer
            writer.finish(
                Manifest(
                    kind=kind,
                    version=version,
                    made_by=made_by,
                    made_at=datetime.now(UTC).replace(microsecond=0),
                    members=writer.members,
                    facts=facts or {},
                )
            )
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            writer.abandon()
            part.unlink(missing_ok=True)
            raise
    part.rename(path)


class Reader:
    """An archive that is there to be read. Use `reading`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._path = path
        self._zip = archive
        self.manifest = manifest

    def lines(self, name: str) -> Iterator[bytes]:
        """The member's lines without their newlines, none when there is no such member.

        Raises Damaged; after the last line, when they were not those that were written.
        """
        member = self.manifest.member(name)
        if member is None:
            return
        for line in self._checked(member, lambda stream: iter(lambda: stream.readline(MOST_LINE_BYTES), b"")):
            if not line.endswith(b"\n"):
                raise Damaged(f"{self._path} is damaged: a line of {name} has no end.")
            yield line[:-1]

    def file(self, name: str) -> Iterator[bytes]:
        """The member's bytes. Raises Damaged, KeyError for a name that the manifest does not have."""
        member = self.manifest.member(name)
        if member is None:
            raise KeyError(name)
        return self._checked(member, lambda stream: iter(lambda: stream.read(CHUNK_BYTES), b""))

    def verify(self, heard: Callable[[int], None] = lambda byte_count: None) -> None:
        """Read everything once; `heard` is told of the bytes inflated so far. Raises Damaged."""
        total = 0
        for member in self.manifest.members:
            for chunk in self._checked(member, lambda stream: iter(lambda: stream.read(CHUNK_BYTES), b"")):
                total += len(chunk)
                heard(total)

    def _checked(self, member: Member, chunks_of: "Callable[[_Buffered], Iterator[bytes]]") -> Iterator[bytes]:
        name = member.name
        digest = hashlib.sha256()
        line_count = byte_count = 0
        with self._saying_damaged(name):
            source = self._zip.open(name + SUFFIX)
        with source, zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=False) as inflated:
            chunks = chunks_of(_Buffered(inflated))
            while True:
                with self._saying_damaged(name):
                    chunk = next(chunks, b"")
                if not chunk:
                    break
                digest.update(chunk)
                line_count += chunk.count(b"\n") if member.line_count else 0
                byte_count += len(chunk)
                yield chunk
        if (line_count, byte_count, digest.hexdigest()) != (member.line_count, member.byte_count, member.sha256):
            raise Damaged(f"{self._path} is damaged: {name} is not what was written.")

    @contextmanager
    def _saying_damaged(self, name: str) -> Iterator[None]:
        # A changed flag makes zipfile ask for a password or for a method it has not: RuntimeError, or one of its kinds.
        try:
            yield
        except (zipfile.BadZipFile, zstandard.ZstdError, zlib.error, KeyError, EOFError, RuntimeError) as error:
            raise Damaged(f"{self._path} is damaged: {name} cannot be read ({error}).") from error


class _Buffered:
    """`read` and `readline` over a zstd reader, which knows only `read`."""

    def __init__(self, source: zstandard.ZstdDecompressionReader) -> None:
        self._source = source
        self._rest = b""
        self._start = 0

    def read(self, size: int) -> bytes:
        return self._source.read(size)

    def readline(self, size: int) -> bytes:
        """Up to and with the next newline; what is left when there is none."""
        pieces: list[bytes] = []
        length = 0
        while True:
            end = self._rest.find(b"\n", self._start)
            if end >= 0:
                pieces.append(self._rest[self._start : end + 1])
                self._start = end + 1
                return b"".join(pieces)
            pieces.append(self._rest[self._start :])
            length += len(pieces[-1])
            self._rest, self._start = self._source.read(CHUNK_BYTES), 0
            if not self._rest or length > size:
                return b"".join(pieces)


@contextmanager
def reading(path: Path, *, kind: str, version: int) -> Iterator[Reader]:
    """Open an archive of this kind and at most this version. Raises NotAnArchive, TooNew, Damaged, OSError."""
    try:
        archive = zipfile.ZipFile(path)
    except (RuntimeError, UnicodeDecodeError) as error:
        raise Damaged(f"{path} is damaged: its end cannot be read.") from error
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            is_ours = file.read(4) == b"PK\x03\x04"
        if is_ours:
            raise Damaged(f"{path} is damaged or incomplete: its end is missing.") from error
        raise NotAnArchive(f"{path} was not written by Mini Sentry.") from error
    with archive:
        yield Reader(path, archive, _manifest(path, archive, kind, version))


def _manifest(path: Path, archive: zipfile.ZipFile, kind: str, version: int) -> Manifest:
    try:
        if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST_BYTES:
            raise Damaged(f"{path} is damaged: its manifest is too large.")
        text = archive.read(MANIFEST)
    except KeyError as error:
        raise NotAnArchive(f"{path} was not written by Mini Sentry.") from error
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
        raise Damaged(f"{path} is damaged: its manifest cannot be read.") from error
    return read_manifest(path, text, kind=kind, version=version)


class _Head(msgspec.Struct):
    """What every version's manifest says first."""

    kind: str
    version: int
    made_by: str


def read_manifest(path: Path, text: bytes, *, kind: str, version: int) -> Manifest:
    """The manifest in `text`, which was found at `path`. Raises NotAnArchive, TooNew or Damaged."""
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.kind != kind:
            raise NotAnArchive(f"{path} is no {kind} of Mini Sentry but its {head.kind}.")
        if head.version > version:
            raise TooNew(
                f"{path} was written by Mini Sentry {head.made_by}, which is newer than this one: update this one first."
            )
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{path} is damaged: its manifest cannot be read ({error}).") from error
