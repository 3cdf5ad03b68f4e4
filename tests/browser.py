"""A Chromium for tests: started when there is one, and a page that keeps account of all that goes wrong on it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
MISSING = "There is no Chromium. Install it (Debian: sudo apt-get install chromium) to run the browser tests."


def executable() -> str:
    """The path of a Chromium. Raises LookupError when there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise LookupError(MISSING)


@contextmanager
def started() -> Iterator[Browser]:
    """Raises LookupError when there is no Chromium."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def for_tests() -> Iterator[Browser]:
    """Like `started`, but without a Chromium the test is skipped; under CI it fails instead."""
    try:
        executable()
    except LookupError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with started() as browser:
        yield browser


class Watched:
    """A page, and what went wrong on it: console errors and warnings, exceptions, failed requests, policy violations."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        self._open: set[Request] = set()
        page.on("request", lambda request: self._open.add(request))
        page.on("requestfinished", lambda request: self._open.discard(request))
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.trouble.append(f"exception: {error}"))
        page.on("requestfailed", self._on_failed)
        page.on("response", self._on_response)
        page.on("dialog", self._on_dialog)
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', violation =>"
            " console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI} ${violation.sample}`))"
        )

    def settle(self) -> None:
        """Wait until everything that the page asked for is there and drawn, event streams apart, which stay open."""
        quiet = 0
        for _ in range(400):
            quiet = quiet + 1 if all("/api/live" in request.url for request in self._open) else 0
            if quiet >= 6:
                break
            self.page.wait_for_timeout(25)
        else:
            raise AssertionError(f"still loading: {[request.url for request in self._open]}")
        # No waiting for functions: they are evaluated as text, which the pages' policy forbids.
        expect(self.page.locator(".skeleton")).to_have_count(0)
        self.page.locator("h1").first.wait_for()
        self.page.evaluate("document.fonts.ready.then(() => undefined)")

    def _on_dialog(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.trouble.append(f"console {message.type}: {message.text} at {message.location.get('url', '')}")

    def _on_failed(self, request: Request) -> None:
        self._open.discard(request)
        # What a page no longer wants it aborts, and leaving a page ends its event stream.
        if request.failure not in {"net::ERR_ABORTED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING"}:
            self.trouble.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Any) -> None:
        if response.status >= 400:
            self.trouble.append(f"answer {response.status}: {response.request.method} {response.url}")

    def assert_clean(self) -> None:
        trouble, self.trouble = self.trouble, []
        assert not trouble, "\n".join(trouble)


@contextmanager
def watched(
    browser: Browser,
    *,
    size: tuple[int, int],
    theme: Literal["light", "dark"] = "light",
    bypass_csp: bool = False,
) -> Iterator[Watched]:
    """A page of its own: nothing is remembered from others. `size` is width and height in CSS pixels."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        bypass_csp=bypass_csp,
        is_mobile=width < 600,
        has_touch=width < 600,
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.set_default_timeout(10_000)
    try:
        yield Watched(context.new_page())
    finally:
        context.close()
