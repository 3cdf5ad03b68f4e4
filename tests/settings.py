"""The project's settings, with a scratch directory for data so that a test run touches nobody's own."""

import os
import tempfile

if "MINI_SENTRY_DATA" not in os.environ:
    os.environ["MINI_SENTRY_DATA"] = tempfile.mkdtemp(prefix="mini-sentry-tests-")

from mini_sentry.config.settings import *  # noqa: F403
