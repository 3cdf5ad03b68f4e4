import pytest

from mini_sentry.protocol import dsn
from mini_sentry.protocol.errors import DsnInvalid


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://key@errors.example.com/42", dsn.Dsn("https", "key", "errors.example.com", "42")),
        ("http://key@localhost:8000/1", dsn.Dsn("http", "key", "localhost", "1", 8000)),
        ("https://key@example.com/sentry/42", dsn.Dsn("https", "key", "example.com", "42", None, "/sentry")),
        ("https://key@example.com/a/b/42/", dsn.Dsn("https", "key", "example.com", "42", None, "/a/b")),
        ("http://key@[::1]:8000/7", dsn.Dsn("http", "key", "::1", "7", 8000)),
    ],
)
def test_a_dsn_comes_apart_and_together_again(text, parts):
    assert dsn.parse(text) == parts
    assert dsn.parse(str(parts)) == parts


def test_the_secret_of_old_clients_is_ignored():
    assert dsn.parse("https://key:secret@example.com/1") == dsn.parse("https://key@example.com/1")


def test_endpoints_hang_below_the_path_prefix():
    assert (
        dsn.parse("https://key@example.com:444/errors/42").endpoint("envelope")
        == "https://example.com:444/errors/api/42/envelope/"
    )


def test_a_dsn_is_built_from_the_servers_public_address():
    built = dsn.build("https://example.com/errors/", public_key="key", project_id=3)
    assert str(built) == "https://key@example.com/errors/3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key",
        "https://example.com/1",
        "https://key@example.com",
        "https://key@example.com/",
        "ftp://key@example.com/1",
        "https://key@/1",
        "https://key@example.com:port/1",
        "http://[::1",
        "https://" + "k" * 3000 + "@h/1",
    ],
)
def test_what_lacks_a_part_is_no_dsn(text):
    with pytest.raises(DsnInvalid):
        dsn.parse(text)
