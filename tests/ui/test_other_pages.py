"""The pages that are not the application's own, the reference and the administration, work under their policy and
without the rest of the internet."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Route, expect

from tests import browser as browsers
from tests import reading
from tests.browser import Watched
from tests.installation import Installation, running

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SIZE = (1280, 900)
EMAIL, PASSWORD = "owner@example.com", "correct horse battery"


class Site(NamedTuple):
    installation: Installation
    browser: Browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("other") / "data"
    with browsers.for_tests() as browser, running(data) as installation:
        shop = installation.create_project()
        sent = {"message": "it broke <script>alert(1)</script>", "release": "1.0.0"}
        assert installation.post(f"/api/events/ingest/token/{shop['ingest_token']}/", sent).status == 201
        installation.variables |= {"DJANGO_SUPERUSER_EMAIL": EMAIL, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        installation.manage("createsuperuser", "--no-input")
        yield Site(installation, browser)


@pytest.fixture
def page(site: Site) -> Iterator[Watched]:
    """A page for which there is nothing but this server."""

    def only_here(route: Route) -> None:
        if route.request.url.startswith((site.installation.address, "data:")):
            route.continue_()
        else:
            route.abort()

    with browsers.watched(site.browser, size=SIZE) as watched:
        watched.page.route("**/*", only_here)
        yield watched
        watched.assert_clean()


def test_the_reference_lists_every_operation_and_sends_one(site: Site, page: Watched):
    page.page.goto(f"{site.installation.address}/docs/")
    page.page.locator(".opblock").first.wait_for()
    described = site.installation.get("/docs/openapi.yaml").body.decode()
    assert page.page.locator(".opblock").count() == described.count("operationId:")
    health = page.page.locator("#operations-health-health")
    health.locator(".opblock-summary-control").click()
    health.get_by_role("button", name="Try it out").click()
    health.get_by_role("button", name="Execute").click()
    expect(health.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_whoever_made_themselves_a_superuser_walks_over_the_administration(site: Site, page: Watched):
    address = site.installation.address
    page.page.goto(f"{address}/admin/")
    page.page.get_by_label("Email").fill(EMAIL)
    page.page.get_by_label("Password").fill(PASSWORD)
    page.page.get_by_role("button", name="Log in").click()
    page.page.get_by_role("heading", name="Site administration").wait_for()
    lists = page.page.locator("#content-main th a").evaluate_all("links => links.map(link => link.pathname)")
    assert {"/admin/groups/event/", "/admin/groups/group/", "/admin/releases/release/"} <= set(lists)
    for path in lists:
        page.page.goto(address + path)
        page.page.locator("#content").wait_for()
        rows = page.page.locator("#result_list tbody th a")
        if rows.count():
            rows.first.click()
            page.page.locator("#content h1").wait_for()
        adds = page.page.locator(".object-tools .addlink")
        if adds.count():
            adds.first.click()
            page.page.locator("#content h1").wait_for()
        page.assert_clean()


def test_an_event_is_found_in_the_administration_by_its_id(site: Site, page: Watched):
    [group] = reading.groups(site.installation, "shop")
    event_id = reading.latest_event(site.installation, group)["event_id"]
    page.page.goto(f"{site.installation.address}/admin/login/?next=/admin/groups/event/")
    page.page.get_by_label("Email").fill(EMAIL)
    page.page.get_by_label("Password").fill(PASSWORD)
    page.page.get_by_role("button", name="Log in").click()
    page.page.locator("#searchbar").fill(event_id)
    page.page.get_by_role("button", name="Search").click()
    expect(page.page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.page.locator("#result_list")).to_contain_text("it broke <script>alert(1)</script>")
