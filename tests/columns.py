"""The embedded column engine in a process of its own, as tests and benchmarks need it, and rows to put into it.

A process of its own, because one process may open one directory and must not fork afterwards, and because tests kill it.
"""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from mini_sentry.analytics.chdb_server import address
from mini_sentry.analytics.migrate import migrate
from mini_sentry.analytics.rows import EventRow, OutcomeRow
from mini_sentry.analytics.store import Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

_SERVE = """
import sys
from pathlib import Path
from mini_sentry.analytics.chdb_server import ColumnServer
server = ColumnServer(Path(sys.argv[1]))
server.start()
print("serving", flush=True)
sys.stdin.read()
server.stop()
"""


class EngineProcess:
    """Serves a data directory until it is stopped or killed; may be started again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"serving\n"

    def stop(self) -> int:
        """End it in order and return its exit code."""
        process = self._ended()
        process.communicate(timeout=30)
        return process.returncode

    def kill(self) -> None:
        process = self._ended()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)

    def resident_bytes(self) -> int:
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def store(self) -> Store:
        return Store(lambda: address(self.data_dir))

    def _ended(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        process, self._process = self._process, None
        return process


def empty_columns(store: Store) -> None:
    """The schema as it should be, and no rows."""
    migrate(store, retention_days=0)
    for table in ("events", "sessions", "outcomes"):
        store.command(f"TRUNCATE TABLE {store.database}.{table}")


def make_row(
    number: int = 1, *, at: datetime = NOON, project_id: int = 1, group_id: int = 1, **fields: object
) -> EventRow:
    """An event row; rows of one `number` have one event id."""
    values = {
        "event_id": UUID(int=number).hex,
        "received_at": round(at.timestamp() * 1000),
        "timestamp": round((at - timedelta(seconds=2)).timestamp() * 1000),
        "level": "error",
        "title": f"Group {group_id}",
        "fingerprint": f"{group_id:032x}",
        **fields,
    }
    return EventRow(project_id=project_id, group_id=group_id, **values)  # type: ignore[arg-type]


def make_outcome(
    record: str, *, at: datetime = NOON, project_id: int = 1, quantity: int = 1, **fields: str
) -> OutcomeRow:
    outcome = {"outcome": "accepted", "reason": "", "category": "error", **fields}
    return OutcomeRow(
        project_id=project_id,
        minute=int(at.timestamp()) // 60 * 60,
        record=record,
        quantity=quantity,
        outcome=outcome["outcome"],
        reason=outcome["reason"],
        category=outcome["category"],
    )
