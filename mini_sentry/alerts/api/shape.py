"""Rules, targets and notifications as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mini_sentry.alerts.models import AlertRule, AlertState, AlertTarget, Attempt, Delivery, Notification
from mini_sentry.rest.errors import Missing


def rule_or_404(rule_id: int) -> AlertRule:
    rule = AlertRule.objects.select_related("project").filter(pk=rule_id).first()
    if rule is None:
        raise Missing(f"There is no alert rule {rule_id}.")
    return rule


def rule_object(rule: AlertRule) -> dict[str, Any]:
    return {
        "id": rule.pk,
        "project": rule.project_id,
        "name": rule.name,
        "level": rule.level,
        "threshold_count": rule.threshold_count,
        "threshold_window_minutes": rule.threshold_window_minutes,
        "notify_interval_minutes": rule.notify_interval_minutes,
        "rearm_after_minutes": rule.rearm_after_minutes,
        "last_triggered_at": rule.last_triggered_at,
        "target_type": rule.target_type,
        "target_value": rule.target_value,
        "active": rule.active,
        "condition": rule.condition,
        "environment": rule.environment,
        "crash_free_below": rule.crash_free_below,
        "secret": rule.secret,
        "created_at": rule.created_at,
    }


def group_rule_object(rule: AlertRule, state: AlertState | None) -> dict[str, Any]:
    """With how the rule stands with a group."""
    return rule_object(rule) | {
        "suppress_until": state.snoozed_until if state else None,
        "last_notified_at": state.notified_at if state else None,
    }


def target_object(target: AlertTarget) -> dict[str, Any]:
    return {
        "id": target.pk,
        "rule": target.rule_id,
        "target_type": target.target_type,
        "target_value": target.target_value,
        "subject_template": target.subject_template,
        "body_template": target.body_template,
    }


def notification_objects(notifications: Sequence[Notification]) -> list[dict[str, Any]]:
    """With every delivery and attempt; three statements for any number."""
    attempts: dict[int, list[Attempt]] = {}
    deliveries: dict[int, list[Delivery]] = {}
    ids = [notification.pk for notification in notifications]
    for delivery in Delivery.objects.filter(notification__in=ids).order_by("pk"):
        deliveries.setdefault(delivery.notification_id, []).append(delivery)
    for attempt in Attempt.objects.filter(delivery__notification__in=ids).order_by("number"):
        attempts.setdefault(attempt.delivery_id, []).append(attempt)
    return [
        {
            "id": notification.pk,
            "uid": str(notification.uid),
            "rule": notification.rule_id,
            "group": notification.group_id,
            "is_test": notification.is_test,
            "created_at": notification.created_at,
            "facts": notification.facts,
            "deliveries": [_delivery(one, attempts) for one in deliveries.get(notification.pk, [])],
        }
        for notification in notifications
    ]


def _delivery(delivery: Delivery, attempts: Mapping[int, Sequence[Attempt]]) -> dict[str, Any]:
    return {
        "id": delivery.pk,
        "target_type": delivery.target_type,
        "target_value": delivery.target_value,
        "status": delivery.status,
        "next_attempt_at": delivery.next_attempt_at,
        "attempts": [
            {
                "number": attempt.number,
                "started_at": attempt.started_at,
                "duration_ms": attempt.duration_ms,
                "outcome": attempt.outcome,
                "status_code": attempt.status_code,
                "detail": attempt.detail,
            }
            for attempt in attempts.get(delivery.pk, ())
        ],
    }
