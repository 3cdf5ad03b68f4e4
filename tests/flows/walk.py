"""Every question that the API answers, asked of an installation: what two installations must answer alike."""

import itertools
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.installation import Installation

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"

OF_NOW = frozenset({"/api/live/", "/api/health/", "/api/status/", "/api/groups/spikes/"})
"""Answers that are about this moment and this process."""


_LOOPBACK = re.compile(rb"127\.0\.0\.1:\d+")


def walk(site: Installation, *, start: str, end: str) -> dict[str, Any]:
    """Path with its query to the answer's JSON, for each GET of the document and all objects that there are.

    `start` and `end` are the range of what is counted. Ports of this machine are taken out of the answers.
    """
    answers: dict[str, Any] = {}
    asked: set[str] = set(OF_NOW)

    def ask(template: str, query: dict[str, Any] | None = None, **names: Any) -> Any:
        asked.add(template)
        path = template.format(**names) + (f"?{urlencode(query, doseq=True)}" if query else "")
        reply = site.get(path)
        assert reply.status == 200, (path, reply.status, reply.body[:500])
        answers[path] = json.loads(_LOOPBACK.sub(b"127.0.0.1", reply.body))
        return answers[path]

    counted = {"from": start, "to": end}
    projects = ask("/api/projects/")
    # The web process answers before the engine has opened its columns.
    counting = f"/api/events/clickhouse/?limit=1&project={projects[0]['slug']}"
    site.wait_until(lambda: site.get(counting).status == 200, "the columns answer")
    for project in projects:
        of = {"project": project["slug"]}
        ask("/api/projects/{slug}/", slug=project["slug"])
        ask("/api/projects/{slug}/intake/", slug=project["slug"])
        _groups(ask, of, counted)
        for event in _listed(ask("/api/events/", {**of, "limit": 100})):
            ask("/api/events/{event_id}/", of, event_id=event["event_id"])
        ask("/api/events/clickhouse/", {**of, "limit": 100})
        for backend in ("ch", "db"):
            ask("/api/dashboard/series/", {**of, **counted, "interval": "1h", "backend": backend})
            ask("/api/dashboard/top-groups/", {**of, **counted, "limit": 50, "backend": backend})
            ask("/api/releases/health/", {**of, **counted, "all": "1", "backend": backend})
            ask("/api/releases/health/series/", {**of, **counted, "interval": "1h", "backend": backend})
            ask("/api/releases/comparison/", {**of, **counted, "backend": backend})
        ask("/api/environments/", of)
        for release in _listed(ask("/api/releases/", of)):
            ask("/api/releases/{id}/", id=release["id"])
            for artifact in _listed(ask("/api/releases/{id}/artifacts/", {"content": "1"}, id=release["id"])):
                ask("/api/releases/{id}/artifacts/{artifact}/", id=release["id"], artifact=artifact["id"])
        for deployment in _listed(ask("/api/deployments/", of)):
            ask("/api/deployments/{id}/", id=deployment["id"])
        for rule in _listed(ask("/api/alert-rules/", of)):
            ask("/api/alert-rules/{id}/", id=rule["id"])
            ask("/api/alert-rules/{id}/notifications/", id=rule["id"])
            ask("/api/alert-rules/{id}/preview/", counted, id=rule["id"])
            for target in _listed(ask("/api/alert-rules/{id}/targets/", id=rule["id"])):
                ask("/api/alert-rules/{id}/targets/{target_id}/", id=rule["id"], target_id=target["id"])
        for notification in _listed(ask("/api/alert-notifications/", of)):
            ask("/api/alert-notifications/{id}/", id=notification["id"])
    wanted = {path for path, methods in yaml.safe_load(DOCUMENT.read_text())["paths"].items() if "get" in methods}
    assert wanted <= asked, wanted - asked
    return answers


def _groups(ask: Any, of: dict[str, Any], counted: dict[str, str]) -> None:
    for query in ({}, {"sort": "first_seen"}, {"sort": "count"}, {"status": "resolved"}, {"q": "region:eu"}):
        ask("/api/groups/", {**of, "limit": 100, **query})
    groups = _listed(ask("/api/groups/", {**of, "limit": 100}))
    ask("/api/groups/stats/", {**of, **counted, "id": [group["id"] for group in groups]})
    for group in groups:
        of_group = {"id": group["id"]}
        ask("/api/groups/{id}/", **of_group)
        ask("/api/groups/by-short-id/{short_id}/", short_id=group["short_id"])
        for about in ("activity", "comments", "events", "hashes"):
            ask(f"/api/groups/{{id}}/{about}/", **of_group)
        ask("/api/groups/{id}/series/", {**counted, "interval": "1h"}, **of_group)
        ask("/api/groups/{id}/tags/", counted, **of_group)
        ask("/api/groups/{id}/events/{event}/", event="latest", **of_group)
        ask("/api/alert-rules/by-group/{group_id}/", group_id=group["id"])


def _listed(answer: Any) -> list[Any]:
    """The objects of a list, however its page is wrapped."""
    if isinstance(answer, dict):
        return next((value for value in answer.values() if isinstance(value, list)), [])
    return list(itertools.chain(answer))
