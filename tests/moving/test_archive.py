"""The file that exports and backups are: whole or not there, and read only as it was written."""

import errno
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mini_sentry.moving import archive, directory
from mini_sentry.moving.archive import AlreadyThere, ArchiveError, Damaged, NotAnArchive, TooNew

LINES = [json.dumps({"id": number, "text": "x" * (number % 50)}).encode() for number in range(5000)]


def write(path: Path, *, form: ModuleType = archive, version: int = 1, kind: str = "export") -> None:
    with form.writing(path, kind=kind, version=version, made_by="1.2.3", facts={"a": "b"}) as writer:
        writer.lines("rows", iter(LINES))
        writer.lines("nothing", iter(()))
        writer.file("deep/inside.bin", Path(__file__))


FORMS = pytest.mark.parametrize("form", [archive, directory], ids=["file", "directory"])


@FORMS
def test_what_was_written_is_read(tmp_path: Path, form: ModuleType):
    write(tmp_path / "a", form=form)
    with form.reading(tmp_path / "a", kind="export", version=1) as reader:
        assert list(reader.lines("rows")) == LINES
        assert list(reader.lines("nothing")) == list(reader.lines("never written")) == []
        assert b"".join(reader.file("deep/inside.bin")) == Path(__file__).read_bytes()
        assert reader.manifest.facts == {"a": "b"}
        assert [member.line_count for member in reader.manifest.members] == [5000, 0, 0]
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0


def test_lines_longer_than_what_is_read_at_once_come_whole(tmp_path: Path):
    long = [b"a" * 3_000_000, b"", b"b" * (archive.CHUNK_BYTES - 1), b"c" * archive.CHUNK_BYTES]
    with archive.writing(tmp_path / "a", kind="export", version=1, made_by="1") as writer:
        writer.lines("rows", iter(long))
    with archive.reading(tmp_path / "a", kind="export", version=1) as reader:
        assert list(reader.lines("rows")) == long
        reader.verify()


@FORMS
def test_what_is_there_is_not_written_over(tmp_path: Path, form: ModuleType):
    write(tmp_path / "a", form=form)
    with pytest.raises(AlreadyThere):
        write(tmp_path / "a", form=form)


@FORMS
def test_writing_that_fails_leaves_nothing(tmp_path: Path, form: ModuleType):
    def rows() -> Iterator[bytes]:
        yield b"one"
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(OSError, match="No space"),
        form.writing(tmp_path / "a", kind="export", version=1, made_by="1", facts={}) as writer,
    ):
        writer.lines("rows", rows())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing():
    """A device that is always full, where there is one."""
    full = Path("/dev/full")
    assert full.exists()
    with full.open("wb", buffering=0) as file:
        writer = archive.Writer(file)
        with pytest.raises(OSError, match="No space left"):
            writer.lines("rows", iter(LINES * 200))
        writer.abandon()


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path, kept: float):
    write(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(Damaged), archive.reading(tmp_path / "a", kind="export", version=1) as reader:
        reader.verify()


def test_no_changed_byte_goes_unnoticed(tmp_path: Path):
    write(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        changed = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        (tmp_path / "b").write_bytes(changed)
        try:
            with archive.reading(tmp_path / "b", kind="export", version=1) as reader:
                reader.verify()
                # Names of the zip's own, times and the like may change: what is read then is still what was written.
                assert list(reader.lines("rows")) == LINES
        except ArchiveError:
            continue


@pytest.mark.parametrize("name", [b"rows.zst", b"manifest.json"])
@pytest.mark.parametrize(("field", "value"), [(8, 0x01), (10, 0x63)], ids=["as encrypted", "as of an unknown method"])
def test_a_member_that_is_marked_as_something_else_is_damaged(tmp_path: Path, name: bytes, field: int, value: int):
    path = tmp_path / "marked.zip"
    write(path)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    data[entry + field] = value
    path.write_bytes(data)
    with pytest.raises(Damaged), archive.reading(path, kind="export", version=1) as reader:
        reader.verify()


def test_a_part_that_was_exchanged_is_damaged(tmp_path: Path):
    write(tmp_path / "a")
    with archive.writing(tmp_path / "other", kind="export", version=1, made_by="1") as writer:
        writer.lines("rows", iter(LINES[::-1]))
    with (
        zipfile.ZipFile(tmp_path / "a") as one,
        zipfile.ZipFile(tmp_path / "other") as other,
        zipfile.ZipFile(tmp_path / "b", "w") as mixed,
    ):
        for name in one.namelist():
            mixed.writestr(name, (other if name == "rows.zst" else one).read(name))
    with (
        archive.reading(tmp_path / "b", kind="export", version=1) as reader,
        pytest.raises(Damaged, match="rows is not what was written"),
    ):
        list(reader.lines("rows"))


def test_a_changed_file_of_a_directory_is_damaged(tmp_path: Path):
    write(tmp_path / "a", form=directory)
    (tmp_path / "a" / "rows").write_bytes(b"other\n")
    (tmp_path / "a" / "deep" / "inside.bin").unlink()
    with directory.reading(tmp_path / "a", kind="export", version=1) as reader:
        with pytest.raises(Damaged, match="rows"):
            list(reader.lines("rows"))
        with pytest.raises(Damaged, match="missing"):
            list(reader.file("deep/inside.bin"))


@FORMS
def test_what_a_newer_version_wrote_is_refused_by_its_name(tmp_path: Path, form: ModuleType):
    write(tmp_path / "a", form=form, version=2)
    with pytest.raises(TooNew, match=r"Mini Sentry 1\.2\.3"), form.reading(tmp_path / "a", kind="export", version=1):
        pass


@FORMS
def test_what_another_command_wrote_is_refused(tmp_path: Path, form: ModuleType):
    write(tmp_path / "a", form=form, kind="backup")
    with pytest.raises(NotAnArchive, match="its backup"), form.reading(tmp_path / "a", kind="export", version=1):
        pass


def test_what_is_no_archive_is_refused(tmp_path: Path):
    (tmp_path / "text").write_text("PRIMARY KEY")
    (tmp_path / "zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme", "hello")
    for name in ("text", "zip", "other.zip"):
        with pytest.raises(NotAnArchive), archive.reading(tmp_path / name, kind="export", version=1):
            pass
    with pytest.raises(NotAnArchive), directory.reading(tmp_path, kind="backup", version=1):
        pass
    with pytest.raises(FileNotFoundError), archive.reading(tmp_path / "nowhere", kind="export", version=1):
        pass


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../b", "", "a\\b"])
def test_a_name_that_leads_elsewhere_is_noticed(name: str):
    assert not directory.is_inside(name)
    assert directory.is_inside("bodies/2026-01-01.db")
