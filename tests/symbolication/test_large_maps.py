"""Large maps are quick and small enough, as a process that maps with them says of itself."""

from pathlib import Path

import pytest

from benchmarks.source_maps import Application, measured

pytestmark = [pytest.mark.slow]


def test_a_map_of_ten_megabytes_is_usable_within_a_second_and_150_mb_and_maps_5000_frames_a_second(tmp_path: Path):
    found = measured(Application(megabytes=10), tmp_path)
    assert found["megabytes"] > 10
    assert found["usable_ms"] < 1000
    assert found["most_mb"] < 150
    # Places that are mapped for the first time are `make bench`'s to measure: a busy machine has too little to spare.
    assert found["known_frames"] > 5000
