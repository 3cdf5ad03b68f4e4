"""Digests one batch of the installation's log and is killed before it can publish what the batch owes."""

import os
import signal

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"
django.setup()

from django.conf import settings

from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.open import open_logs
from mini_sentry.streams.topics import INGEST

log = open_logs(settings.DATA_DIR)
digest = Digest(log, open_bodies(settings.BODIES_DIR), limits=Limits())
digest.resume()
digest.digest(log.read(INGEST, 1, limit=25))
os.kill(os.getpid(), signal.SIGKILL)
