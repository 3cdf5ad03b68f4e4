"""`python -m mini_sentry.config.side_decoder <socket>`: a process that decodes beside a digest, which starts it
(`digest.side_decoders`)."""

import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import django

from mini_sentry.config.roles import settle_heap

COMMAND = (sys.executable, "-m", __name__)


def main() -> None:
    # Whoever ends the digest from the terminal ends this with it, by the closed socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()
    from mini_sentry.digest.side_decoders import serve

    with Connection(int(sys.argv[1])) as digest, suppress(EOFError, OSError):
        settle_heap()
        serve(digest)


if __name__ == "__main__":
    main()
