"""What is done for stored groups and events by the clock."""

from celery import shared_task
from django.utils import timezone

from mini_sentry.groups import partitions


@shared_task(name="groups.make_days")  # type: ignore[untyped-decorator]
def make_days() -> None:
    """Make the partitions of the days to come, so that the first events of a day find theirs."""
    partitions.make_ahead(timezone.now())
