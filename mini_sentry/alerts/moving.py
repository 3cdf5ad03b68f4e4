"""What of alerts is moved to another installation: rules and what they told, and what is still owed: a trigger to look at, a
delivery to attempt. Only one of the two installations should go on from there (`docs/guides/move.md`)."""

from typing import Final

from mini_sentry.alerts.models import (
    AlertRule,
    AlertState,
    AlertTarget,
    AlertTrigger,
    Attempt,
    Delivery,
    Notification,
)
from mini_sentry.moving.parts import Part, Rows

PARTS: Final[tuple[Part, ...]] = (
    Rows("alert-rules", AlertRule),
    Rows("alert-targets", AlertTarget),
    Rows("alert-states", AlertState),
    Rows("alert-triggers", AlertTrigger),
    Rows("notifications", Notification),
    Rows("deliveries", Delivery),
    Rows("attempts", Attempt),
)

STAYS: Final[dict[str, str]] = {}
