"""What the API of a running installation shows, waited for until it is there."""

from typing import Any

from tests.installation import Installation


def groups(installation: Installation, slug: str, *, q: str = "") -> list[dict[str, Any]]:
    """The project's groups in any status, the one seen last first."""
    query = f"&q={q}" if q else ""
    reply = installation.get(f"/api/groups/?project={slug}{query}")
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.json()
    return found


def wait_for_events(installation: Installation, slug: str, count: int, *, seconds: float = 20) -> list[dict[str, Any]]:
    """The project's groups once they count `count` events together."""
    installation.wait_until(
        lambda: sum(group["count"] for group in groups(installation, slug)) >= count,
        f"{count} events in {slug}, of which there are {[group['title'] for group in groups(installation, slug)]}",
        seconds=seconds,
    )
    found = groups(installation, slug)
    assert sum(group["count"] for group in found) == count, [(group["title"], group["count"]) for group in found]
    return found


def titled(found: list[dict[str, Any]], title: str) -> dict[str, Any]:
    """The one group of that title."""
    [group] = [group for group in found if group["title"] == title] or [{}]
    assert group, f"{title!r} is not among {[group['title'] for group in found]}"
    return group


def latest_event(installation: Installation, group: dict[str, Any]) -> dict[str, Any]:
    reply = installation.get(f"/api/groups/{group['id']}/events/latest/")
    assert reply.status == 200, reply.body
    event: dict[str, Any] = reply.json()
    return event


def event(installation: Installation, event_id: str) -> dict[str, Any]:
    """The event of that id, waited for."""
    path = f"/api/events/{event_id}/"
    installation.wait_until(lambda: installation.get(path).status == 200, f"{path} is there")
    found: dict[str, Any] = installation.get(path).json()
    return found


def tags(event: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in event["tag_list"]}


def frames(event: dict[str, Any], exception: int = -1) -> list[dict[str, Any]]:
    """The frames of one of its exceptions, caller first, crash last. Exceptions: oldest cause first, thrown last."""
    found: list[dict[str, Any]] = event["normalized"]["exceptions"][exception]["frames"]
    return found


def wait_for_title(installation: Installation, slug: str, title: str) -> dict[str, Any]:
    """The group of that title, waited for."""
    installation.wait_until(
        lambda: any(group["title"] == title for group in groups(installation, slug)), f"{title!r} is there"
    )
    return titled(groups(installation, slug), title)
