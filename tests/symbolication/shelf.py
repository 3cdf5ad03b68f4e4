"""Files of one release in memory: what a store would give to symbolication."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mini_sentry.symbolication.content import recognise
from mini_sentry.symbolication.lookup import Found, Why
from mini_sentry.symbolication.maps import Maps
from mini_sentry.symbolication.matching import File, Files

SAMPLES = Path(__file__).parents[2] / "samples" / "sourcemaps"


class Shelf:
    """`Find` over files that were put there, for one environment and dist."""

    def __init__(self, environment: str = "production", dist: str = "") -> None:
        self.environment = environment
        self.dist = dist
        self.contents: dict[str, bytes] = {}
        self.files: list[File] = []
        self.maps = Maps(self.contents.__getitem__)

    def put(self, name: str, content: bytes, *, environment: str = "production", dist: str = "") -> str:
        known = recognise(content, name=name)
        checksum = hashlib.sha256(content).hexdigest()
        self.contents[checksum] = content
        self.files.insert(
            0, File(name, known.kind, checksum, known.file_name, known.refers_to, environment, dist, known.debug_id)
        )
        return checksum

    def source_map(self, path: str, debug_id: str) -> Found | Why:
        return Files(self.files).find(path, environment=self.environment, dist=self.dist)

    def function_maps(self, path: str) -> Sequence[str]:
        return Files(self.files).function_maps(path, environment=self.environment, dist=self.dist)
