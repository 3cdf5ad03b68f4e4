import json

import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import Grouping, group
from mini_sentry.protocol.event import Thread
from tests.grouping.factory import SAMPLES, make_error, make_event, make_frame, make_stack, make_thread


def grouped(**fields: object) -> Grouping:
    return group(make_event(**fields), config=config())


def hashes(**fields: object) -> set[str]:
    return {found.hash for found in grouped(**fields).hashes}


def test_what_says_more_comes_first() -> None:
    fields: dict[str, object] = {"message": "m"}
    steps: list[tuple[str, dict[str, object]]] = [
        ("message", {}),
        ("csp", {"csp": {"effective-directive": "script-src", "blocked-uri": "inline"}}),
        ("template", {"template": {"filename": "a.html", "context_line": "{% x %}"}}),
        ("stacktrace", {"stacktrace": make_stack("s")}),
        ("threads", {"threads": [make_thread("t")]}),
        ("exception", {"exceptions": [make_error()]}),
    ]
    for strategy, added in steps:
        fields.update(added)
        assert grouped(**fields).strategy == strategy


@pytest.mark.parametrize(
    ("threads", "chosen"),
    [
        ([make_thread("a", crashed=True), make_thread("b", current=True)], "a"),
        ([make_thread("a"), make_thread("b", current=True)], "b"),
        ([make_thread("a")], "a"),
        ([make_thread("a"), make_thread("b")], None),
        ([make_thread("a", crashed=True), make_thread("b", crashed=True), make_thread("c", current=True)], "c"),
        ([Thread(crashed=True), make_thread("b", current=True)], None),
    ],
)
def test_the_one_thread_that_crashed_else_the_current_else_the_only_one(
    threads: list[Thread], chosen: str | None
) -> None:
    found = grouped(message="m", threads=threads)
    assert found.strategy == ("threads" if chosen else "message")
    if chosen:
        assert {one.hash for one in found.hashes} == hashes(threads=[make_thread(chosen)])


def test_a_thread_of_a_few_framework_frames_counts_with_the_message() -> None:
    def noted(message: str, *functions: str) -> set[str]:
        stack = make_stack(*functions, in_app=False)
        return hashes(message=message, threads=[Thread(stacktrace=stack)])

    assert noted("no route", "run").isdisjoint(noted("no host", "run"))
    assert noted("no route", "a", "b", "c") == noted("no host", "a", "b", "c")


def test_a_template_error_is_grouped_by_file_name_and_line() -> None:
    def failed(path: str, line: str) -> set[str]:
        return hashes(template={"filename": path, "context_line": line, "lineno": 3})

    assert failed("/srv/a/cart.html", " {% x %}") == failed("/opt/b/Cart.html", "{%  x %} ")
    assert failed("/srv/a/cart.html", "{% x %}").isdisjoint(failed("/srv/a/cart.html", "{% y %}"))


def csp(directive: str, blocked: str, **fields: str) -> dict[str, str]:
    return {"effective-directive": directive, "blocked-uri": blocked, "document-uri": "https://shop.com/a", **fields}


@pytest.mark.parametrize(
    ("report", "title"),
    [
        (csp("script-src-elem", "https://cdn.evil.com:8443/x.js?1"), "Blocked 'script' from 'cdn.evil.com'"),
        (csp("img-src", "https://shop.com/logo.png"), "Blocked 'img' from 'self'"),
        (csp("style-src-attr", "inline"), "Blocked 'style' from 'inline'"),
        (csp("script-src", "eval"), "Blocked 'script' from 'eval'"),
        (csp("font-src", "data"), "Blocked 'font' from 'data:'"),
        (csp("font-src", "data:font/woff;base64,AAAA"), "Blocked 'font' from 'data:'"),
        ({"effectiveDirective": "connect-src", "blockedURL": "wss://x.com/s"}, "Blocked 'connect' from 'x.com'"),
        ({"violated_directive": "frame-src 'self'", "blocked_uri": "http://a.b"}, "Blocked 'frame' from 'a.b'"),
        ({"csp-report": csp("base-uri", "self")}, "Blocked 'base-uri' from 'self'"),
        ({"hostname": "Shop.com"}, "Invalid certificate for 'Shop.com'"),
        ({"what": 3}, "<unlabeled event>"),
    ],
)
def test_a_browsers_report_is_called_by_what_was_blocked(report: dict[str, object], title: str) -> None:
    assert grouped(type="csp", csp=report).title == title


def test_a_report_is_grouped_by_directive_and_host() -> None:
    one = hashes(csp=csp("script-src", "https://cdn.evil.com/a.js"))
    assert one == hashes(csp=csp("script-src", "http://cdn.evil.com/b.js"))
    assert one.isdisjoint(hashes(csp=csp("style-src", "https://cdn.evil.com/a.js")))
    assert one.isdisjoint(hashes(csp=csp("script-src", "https://cdn.good.com/a.js")))


def test_recorded_reports_of_a_browser_are_read() -> None:
    requests = json.loads((SAMPLES / "browser-csp-report.json").read_text())["requests"]
    titles = {grouped(csp=json.loads(request["body"])).title for request in requests if request["body"].startswith("{")}
    assert "Blocked 'script' from '127.0.0.1'" in titles


def test_a_message_goes_by_its_template_whatever_level_and_logger() -> None:
    one = hashes(message="order 7 failed", message_template="order %s failed", level="error", logger="a")
    assert one == hashes(message="order x failed", message_template="order %s failed", level="info", logger="b")


def test_several_untyped_errors_with_a_message_are_a_message() -> None:
    errors = [make_error(None, "a", [make_frame("f")]), make_error(None, "b", [make_frame("g")])]
    assert grouped(message="m", exceptions=errors).strategy == "message"
    assert grouped(message="m", exceptions=[make_error("E", "a"), *errors]).strategy == "exception"
    assert grouped(exceptions=errors).strategy == "exception"
