"""`make dev`: the server with reload on one port, and Vite on 5173 with `/api`, `/docs` and `/admin` proxied to it."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8000")
    options = parser.parse_args()
    binaries = Path(sys.executable).parent
    node = subprocess.run(
        [ROOT / "tools/node-path", binaries], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
    python = [sys.executable, "-m", "mini_sentry.config.cli"]
    subprocess.run([*python, "manage", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
    commands = (
        ([*python, "engine"], ROOT),
        ([*python, "web", "--reload", "--host", options.host, "--port", options.port], ROOT),
        (["npm", "run", "dev"], ROOT / "frontend"),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    running = [
        subprocess.Popen(command, cwd=directory, env=environment, start_new_session=True)
        for command, directory in commands
    ]
    try:
        while all(process.poll() is None for process in running):
            time.sleep(0.3)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            process.wait(15)


if __name__ == "__main__":
    sys.exit(main())
