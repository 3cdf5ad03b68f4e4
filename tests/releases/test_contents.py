import hashlib
import os
import random
import time
from pathlib import Path

import pytest

from mini_sentry.releases.contents import YOUNG_SECONDS, Contents


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return Contents(tmp_path / "artifacts")


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def age(directory: Path, seconds: float) -> None:
    for path in files(directory):
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_is_written_is_read(contents: Contents):
    assert contents.read(contents.write(b"a map" * 1000)) == b"a map" * 1000


def test_the_same_content_is_kept_once_and_takes_less_than_its_size(contents: Contents, tmp_path: Path):
    assert contents.write(b"a map" * 10_000) == contents.write(b"a map" * 10_000)
    [file] = files(tmp_path)
    assert file.stat().st_size < 1000


def test_a_damaged_file_is_an_error(contents: Contents, tmp_path: Path):
    checksum = contents.write(b"a map")
    files(tmp_path)[0].write_bytes(b"nonsense")
    with pytest.raises(OSError, match="damaged"):
        contents.read(checksum)
    with pytest.raises(OSError, match="damaged"):
        list(contents.parts(checksum))


def test_a_content_comes_from_a_file_and_goes_in_parts(contents: Contents, tmp_path: Path):
    content = random.Random(1).randbytes(3 << 20)
    with contents.spooled() as file:
        file.write(content)
        checksum = contents.take(file)
    assert (
        [path.name.partition(".")[0] for path in files(tmp_path)] == [checksum] == [hashlib.sha256(content).hexdigest()]
    )
    parts = list(contents.parts(checksum))
    assert (b"".join(parts), contents.read(checksum)) == (content, content)
    assert max(map(len, parts)) <= 1 << 20
    assert contents.write(content) == checksum


def test_a_sweep_takes_what_nothing_uses(contents: Contents, tmp_path: Path):
    used, unused = contents.write(b"used"), contents.write(b"unused")
    age(tmp_path, YOUNG_SECONDS + 10)
    assert contents.sweep(lambda checksum: checksum == used) == 1
    assert contents.read(used) == b"used"
    with pytest.raises(FileNotFoundError):
        contents.read(unused)


def test_a_sweep_leaves_what_is_young_or_was_written_again(contents: Contents, tmp_path: Path):
    contents.write(b"young")
    assert contents.sweep(lambda checksum: False) == 0
    age(tmp_path, YOUNG_SECONDS + 10)
    contents.write(b"young")
    assert contents.sweep(lambda checksum: False) == 0
