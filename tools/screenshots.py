"""Every page and state of the UI as a picture, in light and dark, on a fine screen and a phone: `tools/screenshots.py OUTDIR`.

Starts an installation of its own on a scratch directory, fills it, and stops it again. `--only WORD` takes the pictures whose
name contains it.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Page, Route

from tests import browser as browsers
from tests import reading
from tests.installation import Installation, running
from tests.ui import seed

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
TALLEST = 10_000
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOP = "/p/storefront-web/issues"
WAREHOUSE = "/p/warehouse-api/issues"

Act = Callable[[Page], None]


def nothing(page: Page) -> None:
    pass


class Picture(NamedTuple):
    """What to go to, what to let go wrong before, and what to do there. Without `settles` the page stays as it is on its way."""

    name: str
    path: str
    act: Act = nothing
    before: Act = nothing
    settles: bool = True
    on_phones: bool = True


def answering(pattern: str, status: int, body: str) -> Act:
    """Let the API answer so to what matches."""

    def fulfil(route: Route) -> None:
        route.fulfill(status=status, body=body, content_type="application/json")

    return lambda page: _on(page, pattern, fulfil)


def silent(pattern: str) -> Act:
    """Let the API never answer to what matches."""
    return lambda page: _on(page, pattern, lambda route: None)


def away(pattern: str) -> Act:
    return lambda page: _on(page, pattern, lambda route: route.abort())


def _on(page: Page, pattern: str, handler: Callable[[Route], None]) -> None:
    page.route(pattern, handler)


def clicking(*names: str) -> Act:
    """Press the buttons of these names, one after the other."""

    def click(page: Page) -> None:
        for name in names:
            page.get_by_role("button", name=name).first.click()

    return click


def choosing(label: str) -> Act:
    return lambda page: page.get_by_role("combobox", name=label).first.click()


def select_some(page: Page) -> None:
    boxes = page.get_by_role("checkbox", name="Select ")
    for index in (1, 2, 4):
        boxes.nth(index).check()


def select_all(page: Page) -> None:
    page.get_by_role("checkbox", name="Select all issues in the list").click()


def select_matching(page: Page) -> None:
    select_all(page)
    page.get_by_role("button", name="matching").click()


def resolve_one(page: Page) -> None:
    page.locator("[data-row='0'] a").focus()
    page.keyboard.press("e")
    page.get_by_text("Undo").wait_for()


def hover(page: Page) -> None:
    page.locator("[data-row='3']").hover()


def write_comment(page: Page) -> None:
    page.get_by_label("Comment").fill(
        "The payment provider says that it was their proxy.\nhttps://status.example.org/17"
    )


def take_a_name(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Storefront web")
    page.get_by_text("Django", exact=True).click()
    page.get_by_role("button", name="Create project").click()
    page.get_by_role("alert").wait_for()


def list_keys(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


def fails(page: Page) -> None:
    page.get_by_role("button", name="Try again").wait_for(timeout=20_000)


def down(page: Page) -> None:
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(300)


def lists() -> Iterator[Picture]:
    failed = '{"detail": "The server made a mistake; its log says which."}'
    yield Picture("projects", "/projects")
    yield Picture("projects-none", "/projects", before=answering("**/api/projects/", 200, "[]"))
    yield Picture(
        "projects-failed", "/projects", fails, before=answering("**/api/projects/", 500, failed), settles=False
    )
    yield Picture("projects-switch", "/projects", choosing("Project"))
    yield Picture("new-project", "/projects/new")
    yield Picture("new-project-taken", "/projects/new", take_a_name)
    yield Picture("setup", "/p/storefront-web/setup")
    yield Picture("setup-browser", "/p/storefront-web/setup", clicking("Browser JS"))
    yield Picture("setup-waiting", "/p/not-connected-yet/setup")
    yield Picture("issues", SHOP)
    yield Picture("issues-hover", SHOP, hover)
    yield Picture("issues-loading", SHOP, before=silent("**/api/groups/?*"), settles=False)
    yield Picture("issues-failed", SHOP, fails, before=answering("**/api/groups/?*", 500, failed), settles=False)
    yield Picture("issues-without-counts", SHOP, before=answering("**/api/groups/stats/*", 400, failed))
    yield Picture("issues-reconnecting", SHOP, before=away("**/api/live/*"))
    yield Picture("issues-no-match", f"{SHOP}?q=nothing-like-this&level=error&range=24h")
    yield Picture("issues-search-wrong", f"{SHOP}?q=timeout+relaese:1.2+!level:info")
    yield Picture("issues-levels", f"{SHOP}?level=error&level=fatal", choosing("Level"))
    yield Picture("issues-sort", SHOP, choosing("Sort"))
    yield Picture("issues-ranges", f"{SHOP}?range=24h&environment=staging", choosing("Time range"))
    yield Picture("issues-keys", SHOP, list_keys, on_phones=False)
    yield Picture("issues-none-ignored", f"{SHOP}?status=ignored")
    yield Picture("issues-many", WAREHOUSE)
    yield Picture("issues-many-resolved", f"{WAREHOUSE}?status=resolved")
    yield Picture("issues-many-all", f"{WAREHOUSE}?status=all")
    yield Picture("issues-some-selected", WAREHOUSE, select_some, on_phones=False)
    yield Picture("issues-all-selected", WAREHOUSE, select_all, on_phones=False)
    yield Picture("issues-matching-selected", WAREHOUSE, select_matching, on_phones=False)
    yield Picture("issues-of-empty-project", "/p/not-connected-yet/issues")
    yield Picture("no-such-page", "/no/such/page")
    yield Picture("no-such-issue", f"{SHOP}/STOREFRONT-WEB-ZZZ")


def issues(installation: Installation) -> Iterator[Picture]:
    found = reading.groups(installation, "storefront-web")
    titles = {
        "crash": "ZeroDivisionError",
        "chained": "PaymentError: could not charge order 10442",
        "group": "ExceptionGroup",
        "mapped": "RangeError: the cart",
        "message": "nightly export done",
        "many": "TimeoutError",
        "hostile": seed.HOSTILE_TYPE,
    }
    paths = {
        name: f"{SHOP}/{next(group['short_id'] for group in found if group['title'].startswith(title))}"
        for name, title in titles.items()
    }
    for platform in ("node", "javascript"):
        group = next(group for group in found if group["platform"] == platform and group["type"])
        paths[platform] = f"{SHOP}/{group['short_id']}"
    for name, path in paths.items():
        yield Picture(f"issue-{name}", path)
    yield Picture("issue-old-event", f"{paths['many']}/events/first")
    yield Picture("issue-30-days", f"{paths['many']}?range=30d")
    yield Picture("issue-7-days", f"{paths['many']}?range=7d")
    yield Picture("issue-missing-event", f"{paths['many']}/events/{'0' * 32}")
    yield Picture("issue-loading", paths["node"], before=silent("**/api/groups/*/events/**"), settles=False)
    yield Picture(
        "issue-without-counts", paths["node"], before=answering("**/api/groups/*/{series,tags}/**", 400, "{}")
    )
    yield Picture("issue-scrolled", paths["node"], down)
    yield Picture("issue-raw", paths["chained"], clicking("Raw"))
    yield Picture("issue-minified", f"{paths['mapped']}?src=minified")
    yield Picture("issue-not-mapped", paths["mapped"], clicking("vendor.min.js"))
    yield Picture("issue-all-frames", f"{paths['node']}?frames=all&order=oldest")
    yield Picture("issue-unfolded", paths["crash"], clicking("Show", "Show", "Show"))
    yield Picture("issue-assigning", paths["crash"], clicking("Assign"))
    yield Picture("issue-commenting", paths["crash"], write_comment)
    yield Picture("issue-keys", paths["crash"], list_keys, on_phones=False)


def dealt_with(installation: Installation) -> Iterator[Picture]:
    """What changes the data comes last."""
    [group] = [g for g in reading.groups(installation, "storefront-web") if g["title"].startswith("ZeroDivision")]
    for action, body in (
        ("assign", {"assignee": "grace@customer.example"}),
        ("comments", {"body": "Known: https://example.org/17", "author": "Grace"}),
        ("ignore", {}),
        ("unresolve", {}),
        ("resolve", {}),
    ):
        installation.post(f"/api/groups/{group['id']}/{action}/", body)
    yield Picture("issue-resolved", f"{SHOP}/{group['short_id']}")
    yield Picture("issues-toast", WAREHOUSE, resolve_one)


def take(watched: browsers.Watched, picture: Picture, address: str, file: Path, size: tuple[int, int]) -> None:
    """The page from top to bottom. The window grows with it, so that what sticks to an edge is at the edge."""
    page, (width, height) = watched.page, size
    picture.before(page)
    page.goto(address + picture.path)
    if picture.settles:
        watched.settle()
    else:
        page.locator("h1").first.wait_for()
        page.wait_for_timeout(600)
    whole = int(page.evaluate("document.documentElement.scrollHeight"))
    if picture.act is nothing and picture.settles:
        page.set_viewport_size({"width": width, "height": max(height, min(whole, TALLEST))})
        watched.settle()
    picture.act(page)
    page.wait_for_timeout(250)
    page.screenshot(path=file)
    page.set_viewport_size({"width": width, "height": height})
    page.unroute_all(behavior="ignoreErrors")
    page.evaluate("localStorage.clear()")


def main() -> int:
    parser = argparse.ArgumentParser(description="Every page and state of the UI as a picture.")
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--only", default="", help="a word of the pictures' names")
    given = parser.parse_args()
    outdir: Path = given.outdir
    outdir.mkdir(parents=True, exist_ok=True)
    try:
        browsers.executable()
    except LookupError as missing:
        print(missing, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="mini-sentry-") as scratch,
        running(Path(scratch) / "data") as installation,
        browsers.started() as browser,
    ):
        seed.seed(installation)
        seed.fill(installation)
        for part in ([*lists(), *issues(installation)], dealt_with(installation)):
            pictures = [picture for picture in part if given.only in picture.name]
            for form, size in SIZES.items():
                for theme in THEMES:
                    with browsers.watched(browser, size=size, theme=theme) as watched:
                        for picture in pictures:
                            if form == "phone" and not picture.on_phones:
                                continue
                            file = outdir / f"{picture.name}-{form}-{theme}.png"
                            take(watched, picture, installation.address, file, size)
                            print(file, *watched.trouble, sep="\n  ", flush=True)
                            watched.trouble.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
