"""The official browser SDK, in Chromium, on a page of another origin, sends to a running server."""

import functools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests import browser as browsers
from tests import reading
from tests.clients.node import HERE, node
from tests.installation import Installation, running

pytestmark = [pytest.mark.slow, pytest.mark.browser]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name for it
        """Nothing: requests are no news."""


class Shop(NamedTuple):
    """An installation, a browser, and the address of a page that is served by somebody else."""

    installation: Installation
    browser: Browser
    address: str

    def visit(self, slug: str, *happenings: str, events: int) -> tuple[list[dict[str, Any]], list[str]]:
        """Open the page once for each happening; the groups of a new project, and what went wrong on the pages."""
        project = self.installation.create_project(slug.title(), slug)
        trouble = []
        for happening in happenings:
            page = self.browser.new_page()
            watched = browsers.Watched(page)
            page.goto(f"{self.address}?{urlencode({'dsn': project['dsn'], 'happens': happening})}")
            page.wait_for_function("document.title === 'sent'")
            trouble += watched.trouble
            page.close()
        return reading.wait_for_events(self.installation, slug, events), trouble


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    site = tmp_path_factory.mktemp("site")
    bundle(site)
    with browsers.for_tests() as browser, running(site.parent / "data") as installation, served(site) as address:
        yield Shop(installation, browser, address)


def bundle(site: Path) -> None:
    """The page and its script, bundled as an application's would be."""
    script = HERE / "bundle.mjs"
    subprocess.run([node(), script, HERE / "apps" / "page.js", site / "shop.js"], check=True, timeout=60)
    (site / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">'
        '<script type="module" src="shop.js"></script>'
    )


@contextmanager
def served(site: Path) -> Iterator[str]:
    """A directory behind a loopback port; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_thrown_error_becomes_an_issue_with_its_stack_and_its_facts(shop: Shop):
    [group], trouble = shop.visit("thrown", "thrown", events=1)
    assert group["title"] == "TypeError: Cannot read properties of undefined (reading 'length')"
    assert "totalOf" in group["culprit"]
    assert (group["level"], group["platform"], group["handled"]) == ("error", "javascript", False)
    assert group["environments"] == ["staging"]
    assert group["first_release"] == "shop-web@3.1.0"
    event = reading.latest_event(shop.installation, group)
    tags = reading.tags(event)
    assert tags["browser.name"] == "HeadlessChrome"
    assert tags["browser"] == f"HeadlessChrome {shop.browser.version.split('.')[0]}.0.0"
    assert tags["os.name"] == "Linux"
    assert tags["url"].startswith(shop.address)
    assert tags["checkout.step"] == "payment"
    assert tags["user"] == "id:4711"
    assert "onerror" in tags["mechanism"]
    crash = reading.frames(event)[-1]
    assert crash["function"] == "totalOf"
    assert crash["filename"] == f"{shop.address}shop.js"
    assert crash["in_app"] is True
    assert crash["lineno"] > 1
    assert crash["colno"] > 1
    assert event["normalized"]["request"]["url"].startswith(shop.address)
    assert event["normalized"]["sdk"]["name"] == "sentry.javascript.browser"
    assert len(trouble) == 1
    assert "exception: Cannot read properties of undefined" in trouble[0]


def test_a_rejected_promise_becomes_an_issue(shop: Shop):
    [group], trouble = shop.visit("rejected", "rejected", events=1)
    assert group["title"] == "RangeError: no prices for lyon"
    assert group["handled"] is False
    event = reading.latest_event(shop.installation, group)
    assert "onunhandledrejection" in reading.tags(event)["mechanism"]
    assert reading.frames(event)[-1]["function"] == "loadPrices"
    assert trouble == ["exception: no prices for lyon"]


def test_a_message_is_titled_by_its_text(shop: Shop):
    [group], trouble = shop.visit("message", "message", events=1)
    assert group["title"] == "the cart was restored"
    assert group["level"] == "warning"
    assert trouble == []


def test_the_same_error_on_two_visits_is_one_issue(shop: Shop):
    [group], trouble = shop.visit("caught", "caught", "caught", events=2)
    assert group["count"] == 2
    assert group["handled"] is True
    assert trouble == []
