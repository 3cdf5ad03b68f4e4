"""One server with one of each thing, for all who walk the contract."""

from collections.abc import Iterator

import pytest

from tests import reading
from tests.flows.contract.world import MAP, World, made
from tests.installation import running


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("contract") / "data") as site:
        shop, blog = site.create_project("Shop", "shop"), site.create_project("Blog", "blog")
        ingest = f"/api/events/ingest/token/{shop['ingest_token']}/"
        body = {"message": "it broke", "level": "error", "release": "1.0.0", "environment": "production", "stack": "Error: it broke\n    at t (http://h/app.js:1:1)", "extra": {"k": 1}}  # fmt: skip
        event = made(site.post(ingest, body))
        [group] = reading.wait_for_events(site, "shop", 1)
        release = made(site.post("/api/releases/", {"project": shop["id"], "version": "2.0.0"}))
        files = f"/api/releases/{release['id']}/artifacts/"
        sent = {"name": "app.js.map", "content": MAP, "content_type": "application/json"}
        sessions = f"/api/sessions/ingest/token/{shop['ingest_token']}/"
        rule = {"project": shop["id"], "name": "Many errors", "target_value": "ops@x.test"}
        ruled = made(site.post("/api/alert-rules/", rule))
        target = {"target_type": "webhook", "target_value": "https://x.test/h"}
        yield World(
            site=site,
            shop=shop,
            blog=blog,
            event=event,
            group=group,
            release=release,
            artifact=made(site.post(files, sent)),
            session=made(site.post(sessions, {"session_id": "s-1", "status": "ok", "release": "1.0.0", "environment": "production", "user": "u1", "duration_ms": 1200})),
            deployment=made(site.post("/api/deployments/", {"project": shop["id"], "release": release["id"]})),
            rule=ruled,
            target=made(site.post(f"/api/alert-rules/{ruled['id']}/targets/", target)),
        )  # fmt: skip
