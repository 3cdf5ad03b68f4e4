import base64

import pytest

from mini_sentry.protocol.auth import Credentials, credentials

KEY = "0123456789abcdef0123456789abcdef"
K = KEY.encode()


@pytest.mark.parametrize(
    ("auth", "authorization", "query", "client"),
    [
        (
            b"Sentry sentry_version=7, sentry_key=%s, sentry_client=sentry.python/2.75.0" % K,
            None,
            b"",
            "sentry.python/2.75.0",
        ),
        (b"sentry sentry_key=%s,sentry_version=7" % K, None, b"", ""),
        (
            b"Sentry sentry_timestamp=1.5, sentry_client=raven-python/6.10.0, sentry_version=6, sentry_key=%s, sentry_secret=x"
            % K,
            None,
            b"",
            "raven-python/6.10.0",
        ),
        (b"sentry_key=%s" % K, None, b"", ""),
        (None, b"Sentry sentry_key=%s" % K, b"", ""),
        (None, b"Basic " + base64.b64encode(K + b":"), b"", ""),
        (None, b"basic " + base64.b64encode(K + b":secret"), b"", ""),
        (
            None,
            None,
            b"sentry_version=7&sentry_key=%s&sentry_client=sentry.javascript.browser%%2F11.12.0" % K,
            "sentry.javascript.browser/11.12.0",
        ),
        (None, b"Bearer sntryu_1", b"sentry_key=%s" % K, ""),
        (b"Sentry sentry_version=7", None, b"sentry_key=%s" % K, ""),
    ],
)
def test_the_key_is_found_wherever_a_client_puts_it(auth, authorization, query, client):
    assert credentials(auth, authorization, query) == Credentials(KEY, client)


def test_the_first_place_that_names_a_key_counts():
    assert credentials(b"Sentry sentry_key=one", b"Sentry sentry_key=two", b"sentry_key=three") == Credentials("one")
    assert credentials(None, b"Sentry sentry_key=two", b"sentry_key=three") == Credentials("two")


@pytest.mark.parametrize(
    ("auth", "authorization", "query"),
    [
        (None, None, b""),
        (b"", b"", b""),
        (b"Sentry", None, b"a=b"),
        (b"Sentry sentry_key=, sentry_version=7", None, b""),
        (None, b"Bearer abc", b""),
        (None, b"Basic !!!", b""),
        (None, b"Basic " + base64.b64encode(b":secret"), b""),
        (None, None, b"not_sentry_key=abc"),
        (None, None, b"sentry_key="),
        (b"Sentry sentry_key=" + b"a" * 200, None, b""),
        (b"Sentry " + b" " * 5000 + b"sentry_key=a", None, b""),
    ],
)
def test_nothing_that_looks_like_a_key_is_no_credentials(auth, authorization, query):
    assert credentials(auth, authorization, query) is None
