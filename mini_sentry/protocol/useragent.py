"""The browser, operating system and device behind a User-Agent header."""

from functools import lru_cache
from typing import Final

import msgspec
import ua_parser

MAX_CHARS = 512


class UserAgent(msgspec.Struct, frozen=True, gc=False):
    """Names with and without the version; "" where nothing is known (SDKs and scripts have no browser)."""

    browser: str = ""
    browser_name: str = ""
    os: str = ""
    os_name: str = ""
    device: str = ""


UNKNOWN: Final = UserAgent()


@lru_cache(maxsize=4096)
def parse(header: str) -> UserAgent:
    """What `header` says, by the public list of patterns; it is long, so answers are kept."""
    found = ua_parser.parse(header[:MAX_CHARS])
    browser, system, device = found.user_agent, found.os, found.device
    return UserAgent(
        _versioned(browser.family, browser.major, browser.minor, browser.patch) if browser else "",
        browser.family if browser else "",
        _versioned(system.family, system.major, system.minor, system.patch) if system else "",
        system.family if system else "",
        (device.model or device.family) if device else "",
    )


def _versioned(name: str, *parts: str | None) -> str:
    version = ".".join(part for part in parts if part)
    return f"{name} {version}" if version else name
