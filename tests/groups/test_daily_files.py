"""What is special about bodies in files."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from mini_sentry.groups.bodies import Body
from mini_sentry.groups.bodies.daily_files import DailyFiles

DAY = date(2026, 1, 1)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[DailyFiles]:
    made = DailyFiles(tmp_path / "bodies", load_dictionary=lambda dictionary_id: b"")
    yield made
    made.close()


def write(files: DailyFiles, *data: bytes) -> list[int]:
    return files.write(DAY, [Body(1, "", 0.0, 0, one) for one in data])


def test_a_day_s_file_goes_with_what_lies_beside_it(tmp_path: Path, files: DailyFiles) -> None:
    write(files, b"a")
    assert files.retire(date(2026, 1, 2)) == 1
    assert list((tmp_path / "bodies").iterdir()) == []


def test_other_files_of_the_directory_stay(tmp_path: Path, files: DailyFiles) -> None:
    write(files, b"a")
    other = tmp_path / "bodies" / "2026-99-99.db"
    other.touch()
    assert files.retire(date(2030, 1, 1)) == 1
    assert other.exists()


def test_removing_the_newest_body_keeps_it_because_the_next_id_is_counted_from_it(files: DailyFiles) -> None:
    ids = write(files, b"a", b"b")
    files.remove(DAY, ids)
    assert write(files, b"c") == [3]


def test_free_pages_go_back_to_the_disk(files: DailyFiles) -> None:
    ids = write(files, *(bytes(20_000) for _ in range(200)))
    files.remove(DAY, ids[:150])
    while files.shrink(DAY):
        pass
    assert files.path(DAY).stat().st_size < 100 * 20_000
