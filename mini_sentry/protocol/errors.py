"""What can be wrong with what a client sends.

    ProtocolError
    ├── DsnInvalid          not the text of a DSN
    ├── EncodingUnknown     a content encoding nobody here speaks
    ├── EncodingInvalid     the body is not what its content encoding says
    ├── BodyTooLarge        more bytes than allowed, before or after inflating
    ├── EnvelopeInvalid     the envelope's grammar is broken
    ├── EnvelopeTooLarge    the envelope, or one of its events, has more bytes or items than allowed
    ├── MediaTypeUnknown    a content type that no reader is there for
    ├── PayloadInvalid      the payload is no JSON object at all
    ├── OutOfTime           a session began too long ago, or in the future
    ├── SessionIdMissing    a REST session without its id
    └── FieldErrors         a REST body with fields of the wrong kind

Odd fields in an event are no error: they are dropped and noted (`event.EventError`).
"""

from collections.abc import Mapping, Sequence


class ProtocolError(Exception):
    """Base of everything below; its text may be shown to the client."""


class DsnInvalid(ProtocolError):
    pass


class EncodingUnknown(ProtocolError):
    def __init__(self, encoding: str) -> None:
        super().__init__(f"unknown content encoding {encoding[:40]!r}")
        self.encoding = encoding


class EncodingInvalid(ProtocolError):
    def __init__(self, encoding: str, cause: str) -> None:
        super().__init__(f"the body is not valid {encoding}: {cause}")
        self.encoding = encoding


class BodyTooLarge(ProtocolError):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the body has more than {max_bytes} bytes")
        self.max_bytes = max_bytes


class EnvelopeInvalid(ProtocolError):
    """`offset` is the byte at which the part that is broken begins."""

    def __init__(self, cause: str, offset: int) -> None:
        super().__init__(f"{cause} (at byte {offset})")
        self.offset = offset


class EnvelopeTooLarge(ProtocolError):
    pass


class MediaTypeUnknown(ProtocolError):
    def __init__(self, media_type: str) -> None:
        super().__init__(f'Unsupported media type "{media_type[:80]}" in request.')
        self.media_type = media_type


class PayloadInvalid(ProtocolError):
    pass


class OutOfTime(ProtocolError):
    """`seconds` lie between the receipt and what cannot be, below 0 for the past."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{abs(seconds):.0f} s {'ahead' if seconds > 0 else 'ago'}")
        self.seconds = seconds


class SessionIdMissing(ProtocolError):
    def __init__(self) -> None:
        super().__init__("session_id required")


class FieldErrors(ProtocolError):
    """`fields` maps a field's name to what is wrong with it; `non_field_errors` stands for the body as a whole."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in fields.items()))
        self.fields = {name: list(texts) for name, texts in fields.items()}
