"""Every page of the UI as a picture, in light and dark, on a fine screen and a phone: `tools/screenshots.py OUTDIR`.

Starts an installation of its own on a scratch directory, fills it, and stops it again.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import browser as browsers
from tests import reading
from tests.installation import Installation, running
from tests.ui import seed

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
TALLEST = 10_000
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def pages(installation: Installation, slug: str) -> dict[str, str]:
    """A name for the file and the path, for each page worth a look."""
    issues = f"/p/{slug}/issues"
    shown = {
        "projects": "/projects",
        "new-project": "/projects/new",
        "setup": f"/p/{slug}/setup",
        "setup-waiting": "/p/not-connected-yet/setup",
        "issues": issues,
        "issues-resolved": f"{issues}?status=resolved",
        "issues-no-match": f"{issues}?q=nothing-like-this",
        "no-such-page": "/no/such/page",
    }
    titles = {
        "crash": "ZeroDivisionError",
        "chained": "PaymentError: could not charge order 10442",
        "group": "ExceptionGroup",
        "message": "nightly export done",
        "many": "TimeoutError",
        "hostile": seed.HOSTILE_TYPE,
    }
    found = reading.groups(installation, slug)
    for name, title in titles.items():
        group = next(group for group in found if group["title"].startswith(title))
        shown[f"issue-{name}"] = f"{issues}/{group['short_id']}"
    for platform in ("node", "javascript"):
        group = next(group for group in found if group["platform"] == platform and group["type"])
        shown[f"issue-{platform}"] = f"{issues}/{group['short_id']}"
    return shown


def picture(watched: browsers.Watched, file: Path, size: tuple[int, int]) -> None:
    """The page from top to bottom. The window grows with it, so that what sticks to an edge is at the edge."""
    width, height = size
    whole = int(watched.page.evaluate("document.documentElement.scrollHeight"))
    watched.page.set_viewport_size({"width": width, "height": max(height, min(whole, TALLEST))})
    watched.settle()
    watched.page.screenshot(path=file)
    watched.page.set_viewport_size({"width": width, "height": height})


def main() -> int:
    parser = argparse.ArgumentParser(description="Every page of the UI as a picture.")
    parser.add_argument("outdir", type=Path)
    outdir: Path = parser.parse_args().outdir
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
        project = seed.seed(installation)
        shown = pages(installation, project["slug"])
        for form, size in SIZES.items():
            for theme in THEMES:
                with browsers.watched(browser, size=size, theme=theme) as watched:
                    for name, path in shown.items():
                        watched.page.goto(installation.address + path)
                        watched.settle()
                        file = outdir / f"{name}-{form}-{theme}.png"
                        picture(watched, file, size)
                        print(file, *watched.trouble, sep="\n  ")
                        watched.trouble.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
