"""`python tools/reload.py COMMAND …`: run a command, and start it again whenever a source file of the product changes.

A command that ends by itself (a syntax error, say) is started again after the next change.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "mini_sentry"
LOOK_SECONDS = 0.5
STOP_SECONDS = 30.0


def state() -> dict[Path, int]:
    """When each source file was changed last."""
    found = {}
    for path in SOURCES.rglob("*.py"):
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return found


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(command: list[str]) -> int:
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    known = state()
    process = subprocess.Popen(command)
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            if (seen := state()) != known:
                known = seen
                print(f"The source has changed: {' '.join(command)} starts again", flush=True)
                stop(process)
                process = subprocess.Popen(command)
    except KeyboardInterrupt:
        return 0
    finally:
        stop(process)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
