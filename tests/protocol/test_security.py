import json

import pytest

from mini_sentry.protocol.errors import PayloadInvalid
from mini_sentry.protocol.security import payloads
from tests.protocol.payloads import event_of
from tests.recordings import requests_of

UA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


def report(**fields):
    return json.dumps(
        {"csp-report": {"document-uri": "https://shop.test/a", "effective-directive": "script-src", **fields}}
    ).encode()


def test_recorded_reports_become_events():
    events = [
        event_of(payload)
        for request in requests_of("browser-csp-report.json")
        for payload in payloads(request.body, user_agent=UA)
    ]
    assert [event.message for event in events] == [
        "Blocked 'script' from '127.0.0.1'",
        "Blocked 'img' from '127.0.0.1'",
        "Blocked 'script' from 'inline'",
    ]
    assert {(event.type, event.logger, event.level) for event in events} == {("csp", "csp", "error")}
    assert events[0].tags["effective-directive"] == "script-src-elem"
    assert events[0].tags["browser.name"] == "Chrome"
    assert events[0].csp["blocked-uri"] == "http://127.0.0.1:9701/assets/b7.js"


@pytest.mark.parametrize(
    ("uri", "blocked"),
    [
        ("https://cdn.test/x.js", "cdn.test"),
        ("https://cdn.test:444/x.js", "cdn.test"),
        ("https://shop.test/b", "self"),
        ("self", "self"),
        ("", "self"),
        ("inline", "inline"),
        ("eval", "eval"),
        ("data", "data:"),
        ("data:image/png;base64,xx", "data:"),
        ("blob", "blob:"),
        ("http://[broken", "http:"),
    ],
)
def test_the_message_says_what_was_blocked(uri, blocked):
    [payload] = payloads(report(**{"blocked-uri": uri}))
    assert event_of(payload).message == f"Blocked 'script' from '{blocked}'"


def test_the_query_says_where_the_site_ran():
    [payload] = payloads(report(), query={"sentry_release": "shop@1", "sentry_environment": "staging"})
    event = event_of(payload)
    assert (event.release, event.environment) == ("shop@1", "staging")


def test_the_reporting_api_sends_several_at_once():
    violation = {
        "type": "csp-violation",
        "url": "https://shop.test/",
        "body": {"effectiveDirective": "img-src", "blockedURL": "https://x.test/i.png", "sourceFile": "a.js"},
    }
    found = [
        event_of(payload)
        for payload in payloads(json.dumps([violation, {"type": "deprecation", "body": {}}, violation]).encode())
    ]
    assert [event.message for event in found] == ["Blocked 'img' from 'x.test'"] * 2
    assert found[0].csp["source-file"] == "a.js"


def test_certificate_reports_name_the_host():
    [payload] = payloads(b'{"expect-ct-report":{"hostname":"shop.test","port":443}}')
    event = event_of(payload)
    assert (event.type, event.message, event.csp["hostname"]) == (
        "expectct",
        "Expect-CT failed for 'shop.test'",
        "shop.test",
    )


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"nope", b'{"csp-report":{}}', b'{"csp-report":5}', b'[{"type":"csp-violation"}]']
)
def test_a_body_without_a_report_is_invalid(body):
    with pytest.raises(PayloadInvalid):
        payloads(body)
