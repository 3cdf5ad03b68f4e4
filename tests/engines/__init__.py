"""The real engines that the suite runs on: one module an engine, each started only when a test asks for it.

`TEST_ENGINES=postgres,redis` runs the whole suite on the engines named; unset means the embedded ones.
"""

import os


def is_wanted(engine: str) -> bool:
    """Whether the whole suite is to run on this engine in place of the embedded one."""
    return engine in {word.strip() for word in os.environ.get("TEST_ENGINES", "").split(",")}


def is_whole() -> bool:
    """Whether every installation of this run is to stand on all four."""
    return all(is_wanted(engine) for engine in ("postgres", "redis", "kafka", "clickhouse"))
