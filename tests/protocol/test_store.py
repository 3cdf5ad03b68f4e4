import base64
import zlib

import pytest

from mini_sentry.protocol.errors import BodyTooLarge, PayloadInvalid
from mini_sentry.protocol.store import payload

EVENT = b'{"message":"x"}'


@pytest.mark.parametrize(
    "body",
    [
        EVENT,
        b"\n " + EVENT + b"\n",
        base64.b64encode(EVENT),
        base64.b64encode(zlib.compress(EVENT)),
        base64.b64encode(EVENT) + b"\n",
    ],
)
def test_an_event_comes_plain_or_as_base64_or_as_base64_of_zlib(body):
    assert payload(body) == EVENT


@pytest.mark.parametrize(
    "body", [b"", b"!!", b"[1]", base64.b64encode(b"nothing"), base64.b64encode(zlib.compress(EVENT))[:-8]]
)
def test_anything_else_is_invalid(body):
    with pytest.raises(PayloadInvalid):
        payload(body)


def test_a_bomb_is_refused():
    with pytest.raises(BodyTooLarge):
        payload(base64.b64encode(zlib.compress(bytes(50 * 1024 * 1024))))
    with pytest.raises(BodyTooLarge):
        payload(b"{" + b"x" * 2 * 1024 * 1024)
