"""Digests one batch of the installation's log and is killed before it can publish what the batch owes."""

import os
import signal

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"
django.setup()

from django.conf import settings

from mini_sentry.config.wiring import limits, open_log
from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.streams.topics import INGEST

log = open_log()
digest = Digest(log, open_bodies(settings.BODIES_DIR), limits=limits())
for partition in range(log.partitions(INGEST)):
    digest.resume(partition)
    if records := log.read(INGEST, log.first_offset(INGEST, partition), limit=25, partition=partition):
        digest.digest(records)
os.kill(os.getpid(), signal.SIGKILL)
