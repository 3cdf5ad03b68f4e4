"""`python -m mini_sentry.config.helper <socket>`: a process that decodes beside a digest, which starts it (`digest.helpers`)."""

import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import django

from mini_sentry.config.roles import settle_heap

COMMAND = (sys.executable, "-m", __name__)


def main() -> None:
    # Whoever ends the digest from the terminal ends the helper with it, by the closed socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()
    from mini_sentry.digest.helpers import serve

    with Connection(int(sys.argv[1])) as connection, suppress(EOFError, OSError):
        settle_heap()
        serve(connection)


if __name__ == "__main__":
    main()
