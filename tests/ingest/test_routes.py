"""Which paths are the edge's."""

import pytest

from mini_sentry.ingest.routes import Kind, Route, handles, route, without_prefix


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/1/envelope/", Route(Kind.ENVELOPE, 1, "")),
        ("/api/42/envelope", Route(Kind.ENVELOPE, 42, "")),
        ("/api/1/store/", Route(Kind.STORE, 1, "")),
        ("/api/store/", Route(Kind.STORE, 0, "")),
        ("/api/store", Route(Kind.STORE, 0, "")),
        ("/api/1/security/", Route(Kind.SECURITY, 1, "")),
        ("/api/1/csp-report", Route(Kind.SECURITY, 1, "")),
        ("/api/1/minidump/", Route(Kind.UNKNOWN, 1, "")),
        ("/api/1/cron/nightly/0123/", Route(Kind.UNKNOWN, 1, "")),
        ("/api/1/events/4c79f60c11214eb38604f4ae0781bfb2/attachments/", Route(Kind.UNKNOWN, 1, "")),
        ("/api/events/ingest/token/abc/", Route(Kind.EVENT_BY_TOKEN, 0, "abc")),
        ("/api/events/ingest/shop", Route(Kind.EVENT_BY_SLUG, 0, "shop")),
        ("/api/events/ingest/token/", Route(Kind.EVENT_BY_SLUG, 0, "token")),
        ("/api/sessions/ingest/token/abc", Route(Kind.SESSION_BY_TOKEN, 0, "abc")),
    ],
)
def test_a_path_of_the_edge_says_what_and_for_whom(path: str, expected: Route) -> None:
    assert route(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/events/",
        "/api/events/4c79f60c11214eb38604f4ae0781bfb2/",
        "/api/events/ingest/",
        "/api/events/ingest/a/b/",
        "/api/sessions/ingest/shop/",
        "/api/0/organizations/default/chunk-upload/",
        "/api/projects/store/",
        "/api/groups/1/resolve/",
        "/api/1/",
        "/api/١/envelope/",
        "/x/api/1/envelope/",
    ],
)
def test_other_paths_are_left_to_the_rest_of_the_server(path: str) -> None:
    assert not handles(path)


def test_the_prefix_that_the_server_lives_under_does_not_count() -> None:
    assert without_prefix("/sentry/api/1/envelope/", "/sentry") == "/api/1/envelope/"
    assert without_prefix("/api/1/envelope/", "/sentry") == "/api/1/envelope/"
    assert without_prefix("/api/1/envelope/", "") == "/api/1/envelope/"
