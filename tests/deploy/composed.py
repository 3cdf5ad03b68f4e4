"""Compose files as Compose reads them: variables put in, several files merged, `.env` behind `environment`.

Only what our files use is understood; anything else fails the reading.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "docker-compose.yml"
DEV_FILE: Final = ROOT / "docker-compose.dev.yml"

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True)
class Override:
    """A value that replaces what the file before said, in place of being merged with it."""

    value: Any


class _Loader(yaml.SafeLoader):
    pass


def _override(loader: _Loader, node: yaml.Node) -> Override:
    if isinstance(node, yaml.MappingNode):
        return Override(loader.construct_mapping(node, deep=True))
    assert isinstance(node, yaml.SequenceNode)
    return Override(loader.construct_sequence(node, deep=True))


for _tag in ("!override", "!reset"):
    _Loader.add_constructor(_tag, _override)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Put the variables in: `${NAME}`, `${NAME:-default}` (when unset or empty; a default may hold others), `$$` for `$`."""
    made, position = "", 0
    while (at := text.find("$", position)) >= 0:
        made += text[position:at]
        if text[at + 1] == "$":
            made, position = made + "$", at + 2
            continue
        assert text[at + 1] == "{", f"not ${{…}} in {text!r}"
        end = _closing(text, at + 2)
        made, position = made + _value(text[at + 2 : end], variables), end + 1
    return made + text[position:]


def _closing(text: str, start: int) -> int:
    depth = 1
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    raise AssertionError(f"no closing brace in {text!r}")


def _value(inside: str, variables: Mapping[str, str]) -> str:
    name = _NAME.match(inside)
    assert name, inside
    rest = inside[name.end() :]
    given = variables.get(name[0], "")
    if not rest:
        return given
    assert rest.startswith(":-"), inside
    return given or interpolate(rest[2:], variables)


def variables_in(path: Path) -> set[str]:
    """The names of the variables that a file puts in."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    return set(re.findall(r"\$\{([A-Z_][A-Z0-9_]*)", "\n".join(lines)))


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return interpolate(value, variables)
        case list():
            return [_interpolated(part, variables) for part in value]
        case dict():
            return {name: _interpolated(part, variables) for name, part in value.items()}
        case Override():
            return Override(_interpolated(value.value, variables))
    return value


def _merged(first: Any, second: Any, name: str) -> Any:
    if isinstance(second, Override):
        return second.value
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            key: _merged(first[key], second[key], key)
            if key in first and key in second
            else _plain((second | first)[key])
            for key in [*first, *(key for key in second if key not in first)]
        }
    if isinstance(first, list) and name == "volumes":
        targets = {volume.split(":")[1] for volume in second}
        return [volume for volume in first if volume.split(":")[1] not in targets] + second
    return second


def _plain(value: Any) -> Any:
    if isinstance(value, Override):
        return value.value
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True)
class Service:
    name: str
    facts: dict[str, Any]
    dotenv: Mapping[str, str]

    @property
    def is_ours(self) -> bool:
        """Whether it runs our image."""
        return bool(self.facts["image"] == "mini-sentry")

    @property
    def command(self) -> list[str]:
        return list(self.facts.get("command", []))

    @property
    def environment(self) -> dict[str, str]:
        """What the process finds: `.env` where the service reads it, and over it what the file sets."""
        from_file: Mapping[str, str] = self.dotenv if self.facts.get("env_file") else {}
        return {**from_file, **self.facts.get("environment", {})}

    @property
    def port(self) -> int:
        """Where it listens; of a role without pages, where its probes are answered."""
        if "--port" in self.command:
            return int(self.command[self.command.index("--port") + 1])
        return int(self.environment["MINI_SENTRY_HEALTH_PORT"])

    @property
    def ports(self) -> list[str]:
        return list(self.facts.get("ports", []))

    @property
    def health(self) -> dict[str, Any]:
        return dict(self.facts.get("healthcheck", {}))

    @property
    def waits_for(self) -> dict[str, str]:
        """The condition, by service."""
        return {name: told["condition"] for name, told in self.facts.get("depends_on", {}).items()}

    @property
    def mounts(self) -> dict[str, str]:
        """The volume or path, by where it is mounted."""
        return {volume.split(":")[1]: volume.split(":")[0] for volume in self.facts.get("volumes", [])}


@dataclass(frozen=True)
class Composed:
    services: dict[str, Service]
    volumes: set[str]

    @property
    def ours(self) -> Iterator[Service]:
        return (service for service in self.services.values() if service.is_ours)


def read(*paths: Path, dotenv: Mapping[str, str] | None = None) -> Composed:
    """The files, later ones over earlier ones, with `dotenv` as the `.env` beside them."""
    variables = dotenv or {}
    whole: Any = {}
    for path in paths or (FILE,):
        loaded = yaml.load(path.read_text(), Loader=_Loader)
        whole = _merged(whole, _interpolated(loaded, variables), "")
    services = {name: Service(name, facts, variables) for name, facts in whole["services"].items()}
    return Composed(services, set(whole["volumes"]))
