"""Chromium walks over every page of the UI, with a fine screen and a phone's, in light and dark, and uses what is on it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, Route, expect

from tests import browser as browsers
from tests import reading
from tests.installation import Installation, running
from tests.ui import seed

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = (1440, 900)
PHONE = (390, 844)
SLUG = "storefront-web"
FULL = "warehouse-api"
UNREADABLE = f"/p/{SLUG}/issues?q=timeout+relaese:1.2"


class Site(NamedTuple):
    installation: Installation
    browser: Browser
    project: dict[str, Any]

    def paths(self) -> list[str]:
        """Every page there is, each kind of issue among them."""
        found = reading.groups(self.installation, SLUG)
        titles = {
            "hostile": seed.HOSTILE_TYPE,
            "chained": "PaymentError: could not charge order 10442",
            "message": "nightly export done",
            "many": "TimeoutError: no answer from payments",
        }
        shorts = {
            name: next(group["short_id"] for group in found if group["title"].startswith(title))
            for name, title in titles.items()
        }
        chained = reading.latest_event(self.installation, reading.titled(found, titles["chained"]))["event_id"]
        issues = f"/p/{SLUG}/issues"
        return [
            "/projects",
            "/projects/new",
            f"/p/{SLUG}/setup",
            "/p/not-connected-yet/setup",
            "/p/not-connected-yet/issues",
            issues,
            f"{issues}?q=nothing-like-this",
            "/p/warehouse-api/issues?status=all",
            *(f"{issues}/{short}" for short in shorts.values()),
            f"{issues}/{shorts['chained']}/events/{chained}",
            f"{issues}/{shorts['many']}/events/first",
        ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("walk") / "data"
    with browsers.for_tests() as browser, running(data) as installation:
        project = seed.seed(installation)
        seed.fill(installation)
        yield Site(installation, browser, project)


@pytest.fixture
def desk(site: Site) -> Iterator[browsers.Watched]:
    """A page on a fine screen, on which nothing may go wrong."""
    with browsers.watched(site.browser, size=DESKTOP) as watched:
        yield watched
        watched.assert_clean()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_shows_without_a_complaint(site: Site, theme: Literal["light", "dark"], size: tuple[int, int]):
    with browsers.watched(site.browser, size=size, theme=theme) as watched:
        page = watched.page
        for path in site.paths():
            page.goto(site.installation.address + path)
            watched.settle()
            assert page.title() != "owned"
            assert page.evaluate("document.documentElement.classList.contains('dark')") is (theme == "dark")
            assert sideways(page) == [], path
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (brightness(background) < 128) is (theme == "dark"), (path, background)
        watched.assert_clean()


def sideways(page: Page) -> list[str]:
    """What makes the page scroll to the side: the elements that stick out, if it does."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth
            if (document.documentElement.scrollWidth <= width) return []
            return [...document.querySelectorAll('body *')]
                .filter(each => each.getBoundingClientRect().right > width + 1)
                .slice(0, 5).map(each => `${each.tagName}.${each.className}`)
        }"""
    )
    return found


def brightness(colour: str) -> float:
    """0 to 255, of `rgb(…)` or `oklab(…)` or the like."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", colour)]
    return sum(numbers[:3]) / 3 if colour.startswith("rgb") else numbers[0] * 255


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_an_accessibility_finding(site: Site, theme: Literal["light", "dark"]):
    # The checker is put into the page, which the page's own policy forbids.
    with browsers.watched(site.browser, size=DESKTOP, theme=theme, bypass_csp=True) as watched:
        findings = []
        for path in [*site.paths(), UNREADABLE]:
            watched.page.goto(site.installation.address + path)
            watched.settle()
            watched.page.add_script_tag(path=AXE)
            result = watched.page.evaluate("axe.run({resultTypes: ['violations']})")
            findings += [
                f"{path}: {found['id']}: {node['target']} {node['failureSummary']}"
                for found in result["violations"]
                for node in found["nodes"][:2]
            ]
        assert not findings, "\n".join(findings)


def test_a_page_and_an_issue_that_are_not_there_say_so(site: Site):
    with browsers.watched(site.browser, size=DESKTOP) as watched:
        page = watched.page
        page.goto(f"{site.installation.address}/no/such/page")
        expect(page.get_by_role("heading", name="There is no such page.")).to_be_visible()
        expect(page).to_have_title("No such page · Mini Sentry")
        watched.assert_clean()
        page.goto(f"{site.installation.address}/p/{SLUG}/issues/{SLUG.upper()}-ZZZ")
        expect(page.get_by_text("There is no issue")).to_be_visible()
        assert all("answer 404" in line or "404 (Not Found)" in line for line in watched.trouble), watched.trouble


def test_the_hostile_issue_is_text_and_nothing_else(site: Site, desk: browsers.Watched):
    page = desk.page
    [group] = [g for g in reading.groups(site.installation, SLUG) if g["title"].startswith(seed.HOSTILE_TYPE)]
    page.goto(f"{site.installation.address}/p/{SLUG}/issues/{group['short_id']}")
    desk.settle()
    expect(page.get_by_role("heading", level=1)).to_contain_text(seed.HOSTILE_TYPE)
    assert page.locator("a[href^='javascript:' i]").count() == 0
    assert page.locator("main img, main script, main iframe").count() == 0
    # Marks that turn text round are shown as what they are.
    assert "\u202e" not in page.locator("main").inner_text()


def test_a_mapped_frame_is_shown_as_written_and_as_sent_and_one_without_a_map_says_why(
    site: Site, desk: browsers.Watched
):
    page = desk.page
    [group] = [g for g in reading.groups(site.installation, SLUG) if g["title"].startswith("RangeError: the cart")]
    page.goto(f"{site.installation.address}/p/{SLUG}/issues/{group['short_id']}")
    stack = page.get_by_role("region", name="Stack trace")
    expect(stack.get_by_role("button", name="cart.ts:6")).to_be_visible()
    expect(stack.get_by_text("with checkout.min.js.map")).to_contain_text("checkout.min.js:3:86")
    page.keyboard.press("o")
    expect(stack.get_by_text("checkout.min.js").first).to_be_visible()
    expect(stack.get_by_text("cart.ts")).to_have_count(0)
    assert "src=minified" in page.url
    stack.get_by_role("button", name="Original").click()
    expect(stack.get_by_role("button", name="cart.ts:6")).to_be_visible()
    stack.get_by_role("button", name="vendor.min.js").click()
    expect(stack.get_by_role("list", name="What there is instead")).to_contain_text("checkout.min.js")
    desk.settle()


def test_a_project_is_made_and_the_page_turns_by_itself_at_its_first_event(site: Site, desk: browsers.Watched):
    page = desk.page
    page.goto(f"{site.installation.address}/projects")
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name", exact=True).fill("Checkout page")
    expect(page.get_by_label("Slug")).to_have_value("checkout-page")
    page.get_by_text("Python", exact=True).click()
    page.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/p/checkout-page/setup")
    expect(page.get_by_text("Listening for the first event…")).to_be_visible()
    project = site.installation.get("/api/projects/checkout-page/").json()
    expect(page.get_by_text(project["dsn"]).first).to_be_visible()
    desk.settle()
    key = project["dsn"].split("//")[1].split("@")[0]
    seed.send(site.installation, project | {"key": key}, {"message": "hello from the checkout"})
    expect(page.get_by_text("First event")).to_be_visible()
    expect(page.get_by_text("hello from the checkout")).to_be_visible()
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("hello from the checkout")
    expect(page.get_by_text("Event 1 of 1")).to_be_visible()
    desk.settle()


def test_a_name_that_is_taken_is_told_at_its_field(site: Site):
    with browsers.watched(site.browser, size=DESKTOP) as watched:
        page = watched.page
        page.goto(f"{site.installation.address}/projects/new")
        page.get_by_label("Name", exact=True).fill("Storefront web")
        page.get_by_role("button", name="Create project").click()
        expect(page.get_by_role("alert").first).to_be_visible()
        assert page.url.endswith("/projects/new")
        assert all("400" in line for line in watched.trouble), watched.trouble


def status_of(site: Site, short_id: str) -> str:
    status: str = site.installation.get(f"/api/groups/by-short-id/{short_id}/").json()["status"]
    return status


def test_an_issue_is_resolved_from_the_list_and_brought_back(site: Site, desk: browsers.Watched):
    page = desk.page
    group = reading.titled(reading.groups(site.installation, SLUG), "nightly export done")
    short_id = group["short_id"]
    page.goto(f"{site.installation.address}/p/{SLUG}/issues")
    page.get_by_role("checkbox", name=f"Select {short_id}", exact=True).check()
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.get_by_text(f"Resolved {short_id}.")).to_be_visible()
    assert status_of(site, short_id) == "resolved"
    page.get_by_role("button", name="Undo").click()
    site.installation.wait_until(lambda: status_of(site, short_id) == "unresolved", "undone")
    desk.settle()


def test_an_issue_is_resolved_and_assigned_on_its_page(site: Site, desk: browsers.Watched):
    page = desk.page
    group = reading.titled(reading.groups(site.installation, SLUG), "Cache warmup finished with 3 misses")
    short_id = group["short_id"]
    page.goto(f"{site.installation.address}/p/{SLUG}/issues/{short_id}")
    page.get_by_role("button", name="Resolve", exact=False).first.click()
    expect(page.get_by_role("button", name="Unresolve")).to_be_visible()
    expect(page.get_by_text(f"Resolved {short_id}.")).to_be_visible()
    assert status_of(site, short_id) == "resolved"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Ignore")).to_be_visible()
    page.get_by_role("button", name="Assign").click()
    page.get_by_label("Assign to").fill("grace@example.org")
    page.get_by_role("dialog").get_by_role("button", name="Assign", exact=True).click()
    expect(page.get_by_text("Assigned to grace@example.org.")).to_be_visible()
    activity = page.get_by_role("region", name="Activity")
    expect(activity.get_by_text("Assigned to grace@example.org")).to_be_visible()
    assert site.installation.get(f"/api/groups/{group['id']}/").json()["assignee"] == "grace@example.org"
    desk.settle()


def test_keys_alone_lead_from_the_list_through_an_issue_and_on(site: Site, desk: browsers.Watched):
    page = desk.page
    page.goto(f"{site.installation.address}/p/{FULL}/issues")
    rows = page.get_by_role("list", name="Issues").get_by_role("listitem")
    expect(rows.nth(3)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 selected")).to_have_count(0)
    second = rows.nth(1).get_by_role("link").get_attribute("href") or ""
    third = rows.nth(2).get_by_role("link").get_attribute("href") or ""
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")
    expect(page.get_by_text("2 of ")).to_be_visible()
    page.keyboard.press("j")
    page.wait_for_url(f"**{third}")
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Unresolve")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Ignore")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_label("Assign to")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Assign")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Copy as Markdown")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    desk.settle()


def test_all_issues_that_match_are_resolved_at_once_and_brought_back(site: Site, desk: browsers.Watched):
    page = desk.page
    installation = site.installation
    open_issues = f"/api/groups/?project={FULL}&status=unresolved&limit=1"

    def amount() -> int:
        return int(installation.get(open_issues).headers["x-hits"])

    before = amount()
    page.goto(f"{installation.address}/p/{FULL}/issues")
    page.get_by_role("checkbox", name="Select all issues in the list").click()
    expect(page.get_by_text("50 selected")).to_be_visible()
    page.get_by_role("button", name=f"Select all {before} matching").click()
    expect(page.get_by_text(f"All {before} matching selected")).to_be_visible()
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.get_by_text(f"Resolved {before} issues.")).to_be_visible()
    expect(page.get_by_text("Nothing open.")).to_be_visible()
    assert amount() == 0
    page.get_by_role("button", name="Undo").click()
    installation.wait_until(lambda: amount() == before, "undone")
    expect(page.get_by_text(f"{before} issues", exact=True)).to_be_visible()
    # What was resolved or ignored before is so still.
    assert int(installation.get(f"/api/groups/?project={FULL}&limit=1").headers["x-hits"]) == seed.MANY
    desk.settle()


def test_the_word_that_a_search_cannot_contain_is_told_with_a_way_to_mend_it(site: Site):
    with browsers.watched(site.browser, size=DESKTOP) as watched:
        page = watched.page
        page.goto(site.installation.address + UNREADABLE)
        box = page.get_by_label("Search issues")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("alert")).to_contain_text("there is no key 'relaese'")
        assert page.locator(".decoration-wavy").inner_text() == "relaese:1.2"
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        page.get_by_role("button", name="Search for timeout release:1.2").click()
        expect(box).to_have_value("timeout release:1.2")
        expect(page.get_by_role("alert")).to_have_count(0)
        watched.settle()
        assert all("400" in line for line in watched.trouble), watched.trouble


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def right_of(locator: Locator) -> float:
    return box_of(locator)["x"] + box_of(locator)["width"]


def test_a_phone_shows_the_whole_id_of_each_issue_and_a_way_to_set_up(site: Site):
    with browsers.watched(site.browser, size=PHONE) as watched:
        page = watched.page
        page.goto(f"{site.installation.address}/p/{SLUG}/issues")
        watched.settle()
        found = reading.groups(site.installation, SLUG)
        ids = page.get_by_role("list", name="Issues").get_by_text(re.compile(f"^{SLUG.upper()}-"))
        assert ids.count() >= 10
        for each in ids.all():
            assert each.inner_text() in {group["short_id"] for group in found}
            assert right_of(each) <= right_of(each.locator("..")) + 1, each.inner_text()
        page.goto(f"{site.installation.address}/projects")
        storefront = page.get_by_role("listitem").filter(has_text="Storefront web")
        expect(storefront.get_by_text("python", exact=True)).to_be_visible()
        expect(storefront.get_by_role("link", name="Set up")).to_be_visible()
        issue = reading.titled(found, "Cache warmup finished with 3 misses")
        page.goto(f"{site.installation.address}/p/{SLUG}/issues/{issue['short_id']}")
        buttons = [page.get_by_role("button", name=name).first for name in ("Ignore", "Copy as Markdown")]
        assert box_of(buttons[0])["y"] == box_of(buttons[1])["y"]
        watched.settle()
        watched.assert_clean()


def test_the_list_of_a_project_without_events_is_never_blank(site: Site, desk: browsers.Watched):
    page = desk.page
    late: list[Route] = []
    page.route("**/assets/SetupPage-*.js", lambda route: late.append(route))
    page.goto(f"{site.installation.address}/p/not-connected-yet/issues")
    expect(page.get_by_role("heading", name="Set up", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading the set-up")).to_be_visible()
    for route in late:
        route.continue_()
    expect(page.get_by_text("Listening for the first event…")).to_be_visible()
    expect(page).to_have_title("Set up · not-connected-yet · Mini Sentry")
    desk.settle()


def test_a_search_narrows_the_list_and_is_in_the_address(site: Site, desk: browsers.Watched):
    page = desk.page
    page.goto(f"{site.installation.address}/p/{SLUG}/issues")
    rows = page.get_by_role("list", name="Issues").get_by_role("listitem")
    expect(rows.nth(3)).to_be_visible()
    box = page.get_by_label("Search issues")
    box.fill("level:info export")
    box.press("Enter")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("nightly export done")
    assert "q=" in page.url
    page.reload()
    expect(rows).to_have_count(1)
    box.fill("no such words")
    expect(page.get_by_text("No issue matches.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Drop")).first.click()
    expect(rows.nth(3)).to_be_visible()
    desk.settle()


def test_a_new_issue_is_announced_and_shown_on_demand(site: Site, desk: browsers.Watched):
    page = desk.page
    page.goto(f"{site.installation.address}/p/{SLUG}/issues")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    desk.settle()
    seed.send(site.installation, site.project, {"message": "the printer is on fire", "level": "fatal"})
    announced = page.get_by_role("button", name=re.compile("1 new issue"))
    expect(announced).to_be_visible()
    expect(page.get_by_text("the printer is on fire")).to_have_count(0)
    announced.click()
    expect(page.get_by_role("list", name="Issues").get_by_role("listitem").first).to_contain_text(
        "the printer is on fire"
    )
    desk.settle()


def test_events_of_an_issue_are_stepped_through(site: Site, desk: browsers.Watched):
    page = desk.page
    [group] = [g for g in reading.groups(site.installation, SLUG) if g["title"].startswith("TimeoutError")]
    page.goto(f"{site.installation.address}/p/{SLUG}/issues/{group['short_id']}")
    expect(page.get_by_text("Event 40 of 40")).to_be_visible()
    expect(page.get_by_role("button", name="Newer event")).to_be_disabled()
    page.get_by_role("button", name="Older event").click()
    expect(page.get_by_text("Event 39 of 40")).to_be_visible()
    assert "/events/" in page.url
    page.keyboard.press("[")
    expect(page.get_by_text("Event 38 of 40")).to_be_visible()
    page.get_by_role("button", name="Newer event").click()
    expect(page.get_by_text("Event 39 of 40")).to_be_visible()
    page.get_by_role("button", name="First", exact=True).click()
    expect(page.get_by_text("Event 1 of 40")).to_be_visible()
    expect(page.get_by_role("button", name="Older event")).to_be_disabled()
    desk.settle()


def test_a_resolved_issue_that_happens_again_comes_back_on_the_open_page(site: Site, desk: browsers.Watched):
    page = desk.page
    again = {"message": "the stock ran out", "level": "error"}
    seed.send(site.installation, site.project, again)
    group = reading.wait_for_title(site.installation, SLUG, "the stock ran out")
    site.installation.post(f"/api/groups/{group['id']}/resolve/", {})
    page.goto(f"{site.installation.address}/p/{SLUG}/issues/{group['short_id']}")
    expect(page.get_by_role("button", name="Unresolve")).to_be_visible()
    desk.settle()
    seed.send(site.installation, site.project, again)
    expect(page.get_by_text("Newer event, show")).to_be_visible()
    site.installation.wait_until(lambda: status_of(site, group["short_id"]) == "unresolved", "it regressed")
    page.reload()
    expect(page.get_by_text("Regressed").first).to_be_visible()
    desk.settle()
