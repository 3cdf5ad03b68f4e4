"""The body of the legacy `/store/` route: one event as JSON, as base64 of that, or as base64 of its zlib form.

Spec: https://develop.sentry.dev/sdk/foundations/transport/
"""

import binascii

from mini_sentry.protocol.errors import BodyTooLarge, EncodingInvalid, PayloadInvalid
from mini_sentry.protocol.inflate import inflate
from mini_sentry.protocol.limits import DEFAULT, Limits


def payload(body: bytes, *, limits: Limits = DEFAULT) -> bytes:
    """The event's JSON in `body` (its content encoding already undone). What is in it is not looked at.

    Raises PayloadInvalid when it is none of the three forms, BodyTooLarge when the JSON is over `limits.event_bytes`.
    """
    text = body.strip()
    if not text.startswith(b"{"):
        try:
            text = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error as error:
            raise PayloadInvalid("the body is neither JSON nor base64") from error
        if not text.lstrip().startswith(b"{"):
            try:
                text = inflate(text, "deflate", max_bytes=limits.event_bytes)
            except EncodingInvalid as error:
                raise PayloadInvalid("the body is base64 of neither JSON nor zlib data") from error
    if len(text) > limits.event_bytes:
        raise BodyTooLarge(limits.event_bytes)
    return text
