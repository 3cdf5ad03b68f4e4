"""Every channel, by its target type."""

from typing import Final

from mini_sentry.alerts.channels.base import Channel
from mini_sentry.alerts.channels.email import Email
from mini_sentry.alerts.channels.webhook import Webhook
from mini_sentry.alerts.models import TargetType

CHANNELS: Final[dict[str, Channel]] = {
    TargetType.EMAIL: Email(),
    TargetType.WEBHOOK: Webhook(),
}
