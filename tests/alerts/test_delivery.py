"""Notifications on their way, to a real mail server and a real webhook receiver."""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from mini_sentry.alerts import delivery
from mini_sentry.alerts.channels.base import Channel, Message, SendFailed
from mini_sentry.alerts.channels.email import Email
from mini_sentry.alerts.channels.webhook import Webhook, may_reach
from mini_sentry.alerts.delivery import BURST, PER_SECOND, WAITS, Allowance, deliver_due, deliver_now
from mini_sentry.alerts.models import AlertRule, AlertTarget, Attempt, Delivery
from mini_sentry.alerts.notifying import Told, sample_facts, write
from mini_sentry.projects.models import Project
from tests.alerts.receivers import Mailbox, Receiver, mail_server, receiver
from tests.alerts.rules import make_rule
from tests.factories import make_event, make_group
from tests.installation import free_port

pytestmark = pytest.mark.django_db

QUICK: dict[str, Channel] = {"email": Email(), "webhook": Webhook(connect_seconds=0.5, whole_seconds=0.6)}


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with mail_server() as made:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
        settings.EMAIL_TIMEOUT = 2
        settings.DEFAULT_FROM_EMAIL = "alerts@x.test"
        yield made


def told(rule: AlertRule, **facts: Any) -> Delivery:
    """A notification of the rule; its first delivery."""
    now = timezone.now()
    (notification,) = write([Told(rule, None, sample_facts(rule, now=now) | facts)], now=now)
    found = notification.deliveries.order_by("pk").first()
    assert found is not None
    return found


def deliver() -> int:
    return deliver_due(channels=QUICK, allowance=Allowance())


def due_again() -> None:
    Delivery.objects.filter(status="waiting").update(next_attempt_at=timezone.now())


def attempts(of: Delivery) -> list[tuple[int, str, int | None]]:
    return list(Attempt.objects.filter(delivery=of).order_by("number").values_list("number", "outcome", "status_code"))


def test_a_webhook_is_posted_with_the_seven_keys_and_a_signature(shop: Project, hooks: Receiver) -> None:
    rule = make_rule(shop, target_value=hooks.url("/ok?team=a b".replace(" ", "%20")))
    sent = told(rule, message="größer")
    deliver()
    (received,) = hooks.received
    assert received.path == "/ok?team=a%20b"
    body = received.json
    assert {"project", "group_id", "group_title", "level", "message", "count", "received_at"} <= set(body)
    assert (body["project"], body["message"], body["rule_id"]) == ("shop", "größer", rule.pk)
    assert body["delivery"] == received.headers["x-mini-sentry-delivery"] == str(sent.notification.uid)
    digest = hmac.new(rule.secret.encode(), received.body, hashlib.sha256).hexdigest()
    assert received.headers["x-mini-sentry-signature"] == f"sha256={digest}"
    assert received.headers["content-type"] == "application/json"
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("sent", [(1, "sent", 200)])


def test_a_mail_arrives_with_its_subject_and_text(shop: Project, mailbox: Mailbox) -> None:
    rule = make_rule(shop, target_type="email", target_value="ops@x.test, dev@x.test")
    told(rule, group_title="ValueError: größer", count=7)
    deliver()
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Mini Sentry] shop: ValueError: größer"
    assert mail["From"] == "alerts@x.test"
    assert mailbox.recipients == [["ops@x.test", "dev@x.test"]]
    assert "/p/shop/issues/" in mail.get_content()


def test_a_target_has_its_own_words(shop: Project, mailbox: Mailbox, hooks: Receiver) -> None:
    rule = make_rule(shop)
    words = {"subject_template": "{level}: {group_title}", "body_template": "{count} times"}
    AlertTarget.objects.create(rule=rule, target_type="email", target_value="ops@x.test", **words)
    AlertTarget.objects.create(rule=rule, target_type="webhook", target_value=hooks.url(), **words)
    told(rule, level="error", group_title="Broken", count=3)
    deliver()
    assert mailbox.mails[0]["Subject"] == hooks.received[0].json["subject"] == "error: Broken"
    assert mailbox.mails[0].get_content().strip() == hooks.received[0].json["text"] == "3 times"


def test_a_500_is_tried_again_later_and_later_and_every_attempt_is_recorded(shop: Project, hooks: Receiver) -> None:
    sent = told(make_rule(shop, target_value=hooks.url("/flaky/2")))
    for wait in WAITS[:2]:
        before = timezone.now()
        assert deliver() == 1
        sent.refresh_from_db()
        assert sent.next_attempt_at is not None
        assert before + wait <= sent.next_attempt_at <= timezone.now() + wait
        assert deliver() == 0
        due_again()
    deliver()
    assert attempts(sent) == [(1, "failed", 500), (2, "failed", 500), (3, "sent", 200)]
    assert len({one.headers["x-mini-sentry-delivery"] for one in hooks.received}) == 1
    assert [one.headers["x-mini-sentry-attempt"] for one in hooks.received] == ["1", "2", "3"]


def test_a_target_that_never_works_is_given_up(shop: Project, hooks: Receiver) -> None:
    sent = told(make_rule(shop, target_value=hooks.url("/500")))
    while deliver():
        due_again()
    sent.refresh_from_db()
    assert (sent.status, sent.attempt_count, sent.next_attempt_at) == ("failed", len(WAITS) + 1, None)


@pytest.mark.parametrize(("path", "code"), [("/redirect", 302), ("/404", 404)])
def test_a_redirect_is_not_followed_and_what_is_refused_is_not_tried_again(
    shop: Project, hooks: Receiver, path: str, code: int
) -> None:
    sent = told(make_rule(shop, target_value=hooks.url(path)))
    deliver()
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("failed", [(1, "refused", code)])
    assert [one.path for one in hooks.received] == [path]


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_a_receiver_that_hangs_or_drips_is_cut_off(shop: Project, hooks: Receiver, path: str) -> None:
    sent = told(make_rule(shop, target_value=hooks.url(path)))
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < 2
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("waiting", [(1, "failed", None)])
    assert "did not answer" in Attempt.objects.get().detail


def test_a_receiver_that_hangs_delays_nobody_else(shop: Project, hooks: Receiver, mailbox: Mailbox) -> None:
    slow: dict[str, Channel] = {"email": Email(), "webhook": Webhook(whole_seconds=2.5)}
    with receiver() as hanging:
        stuck = [told(make_rule(shop, target_value=hanging.url("/hang"))) for _ in range(40)]
        told(make_rule(shop, target_value=hooks.url("/hang")))
        prompt = told(make_rule(shop, target_value=hooks.url()))
        mail = told(make_rule(shop, target_type="email", target_value="ops@x.test"))
        started = time.monotonic()
        took: list[float] = []

        def watch() -> None:
            while not (hooks.at("/ok") and mailbox.mails):
                time.sleep(0.01)
            took.append(time.monotonic() - started)

        watching = threading.Thread(target=watch)
        watching.start()
        deliver_due(channels=slow, allowance=Allowance())
        watching.join()
    assert took[0] < 1.5
    assert [attempts(one) for one in (prompt, mail)] == [[(1, "sent", 200)], [(1, "sent", None)]]
    # Once it had not answered, the others that wait for it rested.
    assert Attempt.objects.filter(delivery__in=stuck).count() == delivery.AT_ONCE_PER_DESTINATION


def test_what_nobody_listens_to_is_tried_again(shop: Project) -> None:
    sent = told(make_rule(shop, target_value=f"http://127.0.0.1:{free_port()}/"))
    deliver()
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("waiting", [(1, "failed", None)])
    assert "cannot be reached" in Attempt.objects.get().detail


def test_a_recipient_that_does_not_exist_is_not_tried_again(shop: Project, mailbox: Mailbox) -> None:
    sent = told(make_rule(shop, target_type="email", target_value="nobody@x.test"))
    deliver()
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("failed", [(1, "refused", 550)])
    assert "no such mailbox" in Attempt.objects.get().detail


def test_mail_waits_for_a_server_that_is_away(shop: Project, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    sent = told(make_rule(shop, target_type="email", target_value="ops@x.test"))
    deliver()
    sent.refresh_from_db()
    assert (sent.status, attempts(sent)) == ("waiting", [(1, "failed", None)])


def test_an_attempt_whose_process_died_is_made_again_under_the_same_name(shop: Project, hooks: Receiver) -> None:
    sent = told(make_rule(shop, target_value=hooks.url()))
    now = timezone.now()
    Delivery.objects.filter(pk=sent.pk).update(leased_until=now + timedelta(seconds=5), attempt_count=1)
    Attempt.objects.create(delivery=sent, number=1)
    assert deliver() == 0
    deliver_due(channels=QUICK, allowance=Allowance(), clock=lambda: timezone.now() + timedelta(seconds=6))
    assert attempts(sent) == [(1, "failed", None), (2, "sent", 200)]
    assert hooks.received[0].headers["x-mini-sentry-delivery"] == str(sent.notification.uid)


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(hours=2), timedelta(days=400)])
def test_a_clock_that_was_set_back_holds_no_delivery_up(shop: Project, hooks: Receiver, back: timedelta) -> None:
    sent = told(make_rule(shop, target_value=hooks.url("/flaky/1")))
    since = lambda: timezone.now() - back  # noqa: E731
    assert deliver_due(channels=QUICK, allowance=Allowance(), clock=since) == 1
    assert attempts(sent) == [(1, "failed", 500)]
    Delivery.objects.update(next_attempt_at=timezone.now() + WAITS[0], leased_until=timezone.now())
    assert delivery.is_any_due(since())
    deliver_due(channels=QUICK, allowance=Allowance(), clock=since)
    assert attempts(sent) == [(1, "failed", 500), (2, "sent", 200)]


def test_a_clock_that_is_another_machines_hurries_no_delivery(shop: Project, hooks: Receiver) -> None:
    told(make_rule(shop, target_value=hooks.url("/500")))
    behind = lambda: timezone.now() - timedelta(seconds=50)  # noqa: E731
    for _ in WAITS:
        assert deliver() == 1
        assert deliver_due(channels=QUICK, allowance=Allowance(), clock=behind) == 0
        due_again()


@pytest.mark.parametrize("turn", [timedelta(hours=-2), timedelta(hours=2)])
def test_what_is_being_attempted_while_the_clock_is_set_is_attempted_once(
    shop: Project, hooks: Receiver, turn: timedelta
) -> None:
    told(make_rule(shop, target_value=hooks.url("/hang")))
    threading.Timer(1.5, hooks.released.set).start()
    set_at = time.monotonic() + 0.3
    slow: dict[str, Channel] = {"webhook": Webhook(whole_seconds=5)}
    clock = lambda: timezone.now() + (turn if time.monotonic() > set_at else timedelta())  # noqa: E731
    assert deliver_due(channels=slow, allowance=Allowance(), clock=clock) == len(hooks.received) == 1


def test_an_event_that_many_rules_tell_of_is_read_once(shop: Project, hooks: Receiver) -> None:
    event = make_event(make_group(shop), {"message": "broken", "tags": {"shop": "eu"}})
    for number in range(3):
        told(make_rule(shop, name=f"Rule {number}", target_value=hooks.url()), event_id=event.event_id.hex)
    with CaptureQueriesContext(connection) as queries:
        deliver()
    assert [received.json["tags"]["shop"] for received in hooks.received] == ["eu"] * 3
    assert sum('FROM "groups_event"' in query["sql"] for query in queries.captured_queries) == 1


def test_a_flood_of_alerts_goes_out_slowly_after_a_first_burst() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert allowance.left() == BURST
    allowance.take(BURST)
    assert allowance.left() == 0
    now[0] = 1.0
    assert allowance.left() == PER_SECOND
    now[0] = 1000.0
    assert allowance.left() == BURST


def test_a_test_is_attempted_once_and_by_nobody_else(shop: Project, hooks: Receiver) -> None:
    rule = make_rule(shop, target_value=hooks.url("/500"))
    now = timezone.now()
    (notification,) = write([Told(rule, None, sample_facts(rule, now=now))], now=now, is_test=True)
    assert deliver() == 0
    deliver_now(notification, channels=QUICK)
    assert (notification.deliveries.get().status, len(hooks.received)) == ("failed", 1)
    assert hooks.received[0].json["is_test"] is True
    rule.refresh_from_db()
    assert rule.last_triggered_at is None


def test_private_addresses_are_refused_only_when_that_is_set(
    shop: Project, hooks: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_REFUSE_PRIVATE_ADDRESSES = True
    message = Message("uid", 1, "", "", {}, "secret")
    with pytest.raises(SendFailed) as refusal:
        QUICK["webhook"].send(hooks.url(), message)
    assert refusal.value.is_permanent
    assert hooks.received == []


@pytest.mark.parametrize(
    ("address", "always", "on_request"),
    [
        ("203.0.114.7", True, True),
        ("10.0.0.8", True, False),
        ("127.0.0.1", True, False),
        ("::1", True, False),
        ("::ffff:10.0.0.8", True, False),
        ("fd00::8", True, False),
        ("169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
    ],
)
def test_where_webhooks_may_go(address: str, always: bool, on_request: bool) -> None:
    assert may_reach(address, refuse_private=False) is always
    assert may_reach(address, refuse_private=True) is on_request
