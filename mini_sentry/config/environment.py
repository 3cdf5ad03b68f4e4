"""Environment variables as values: text, numbers, flags and lists, with an error that names the variable."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import platformdirs


class BadSetting(Exception):
    """A variable holds what cannot be used; `name` is the variable."""

    def __init__(self, name: str, text: str, wanted: str) -> None:
        super().__init__(f"{name}={text!r} cannot be used: {wanted}")
        self.name = name


class Environment:
    """Typed reads of one mapping of variables; an empty text counts as unset."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str) -> str:
        return self._variables.get(name, "").strip() or default

    def number(self, name: str, default: int) -> int:
        """A whole number of at least 0. Raises BadSetting."""
        text = self.text(name, str(default))
        if not text.isdecimal():
            raise BadSetting(name, text, "it must be a whole number, 0 or more")
        return int(text)

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name, "1" if default else "0").lower()
        if text in {"1", "true", "yes", "on"}:
            return True
        if text in {"0", "false", "no", "off"}:
            return False
        raise BadSetting(name, text, "it must be one of 1, true, yes, on, 0, false, no, off")

    def words(self, name: str, default: str) -> list[str]:
        """A list separated by commas; blanks around the parts do not count."""
        return [word for part in self.text(name, default).split(",") if (word := part.strip())]

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        """A list of addresses and networks separated by commas, none when unset. Raises BadSetting."""
        try:
            return [ip_network(word, strict=False) for word in self.words(name, "")]
        except ValueError as error:
            raise BadSetting(name, self.text(name, ""), f"{error}") from error


def data_directory(variables: Mapping[str, str]) -> Path:
    """Where everything is kept: `MINI_SENTRY_DATA`, else `./data` where `make run` has made it, else the user's directory."""
    given = variables.get("MINI_SENTRY_DATA", "").strip()
    if given:
        return Path(given).expanduser().absolute()
    beside = Path.cwd() / "data"
    return beside if (beside / "secret_key").is_file() else platformdirs.user_data_path("mini-sentry")


def published_on(variables: Mapping[str, str]) -> str:
    """The address of this machine that a container's ports are published on, as the operator says; empty outside of one."""
    return variables.get("MINI_SENTRY_PUBLISHED_ON", "").strip()


def usable_cores() -> int:
    """How many processor cores this process may use; a limit on the share of their time is not seen."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
