"""The settings as the packages want them."""

from django.conf import settings

from mini_sentry.protocol.limits import Limits


def limits() -> Limits:
    return Limits(
        request_bytes=settings.MAX_REQUEST_MB << 20,
        inflated_bytes=settings.MAX_REQUEST_MB << 20,
        event_bytes=settings.MAX_EVENT_KB << 10,
    )
