"""An event's tags: the client's, checked, and those derived from its other fields.

The field wins for the keys that name one (level, release, …); for the rest a client's own tag of that name stays.
"""

from collections.abc import Iterable

from mini_sentry.protocol import fields
from mini_sentry.protocol.event import Event, EventError, User
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.protocol.useragent import UNKNOWN, UserAgent


def user_tag(user: User | None) -> str:
    """The identity that is counted as an affected user: `id:…`, else `username:…`, `email:…`, `ip:…`, else ""."""
    if user is None:
        return ""
    if user.id:
        tag = f"id:{user.id}"
    elif user.username:
        tag = f"username:{user.username}"
    elif user.email:
        tag = f"email:{user.email}"
    elif user.ip_address:
        tag = f"ip:{user.ip_address}"
    else:
        return ""
    return tag[: DEFAULT.tag_value_chars]


def checked(pairs: Iterable[tuple[str, str]], errors: list[EventError]) -> dict[str, str]:
    """The client's tags that may stay, at most `limits.tags`. Empty and closed ones go silently; impossible ones are noted."""
    tags: dict[str, str] = {}
    is_tag_key = fields.is_tag_key
    for key, text in pairs:
        value = fields.tag_value(text)
        if not value or key in fields.CLOSED_TAGS:
            continue
        if not is_tag_key(key):
            errors.append(EventError("invalid_data", "tags", key[: DEFAULT.note_chars]))
            continue
        if len(tags) >= DEFAULT.tags:
            errors.append(EventError("too_many", "tags", f"the first {DEFAULT.tags} were kept"))
            break
        tags[key] = value
    return tags


def derive(
    event: Event,
    client: Iterable[tuple[str, str]],
    *,
    url: str = "",
    mechanism: str = "",
    user_agent: UserAgent = UNKNOWN,
    contexts: Iterable[tuple[str, str, str]] = (),
) -> dict[str, str]:
    """All tags of `event`, the client's (`client`, as sent) first.

    `contexts` gives what the SDK says of the machine: context name, its name, its version. `user_agent` fills the gaps;
    where the SDK named its own operating system, the client's becomes `client_os`. Notes go to `event.errors`.
    """
    tags = checked(client, event.errors)
    tags["level"] = event.level
    if event.environment:
        tags["environment"] = event.environment
    if event.release:
        tags["release"] = event.release
    if event.dist:
        tags["dist"] = event.dist
    if event.user_tag:
        tags["user"] = event.user_tag
    derived: list[tuple[str, str]] = []
    add = derived.append
    if event.server_name:
        add(("server_name", event.server_name))
    if event.transaction:
        add(("transaction", event.transaction))
    if event.logger:
        add(("logger", event.logger))
    if url:
        add(("url", url))
    if event.handled is not None:
        add(("handled", "yes" if event.handled else "no"))
    if mechanism:
        add(("mechanism", mechanism))
    has_os = False
    for kind, name, version in contexts:
        if kind == "device":
            add(("device", name))
            continue
        if kind == "os":
            has_os = True
        add((kind, f"{name} {version}" if version else name))
        if kind != "client_os":
            add((f"{kind}.name", name))
    if user_agent.browser:
        add(("browser", user_agent.browser))
        add(("browser.name", user_agent.browser_name))
    if user_agent.os:
        if has_os:
            add(("client_os", user_agent.os))
        else:
            add(("os", user_agent.os))
            add(("os.name", user_agent.os_name))
    if user_agent.device:
        add(("device", user_agent.device))
    for key, text in derived:
        if key not in tags:
            value = fields.tag_value(text)
            if value:
                tags[key] = value
    return tags
