"""The event payload as current SDKs send it: only the fields that decide something, for one strict pass.

Whatever is not declared (local variables, breadcrumbs, extra, modules) is skipped without being built. Whatever is not
as declared here raises, and the tolerant pass (`clean.py`) brings it into this shape field by field.

Spec: https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

from typing import Annotated, Any, Final

import msgspec

from mini_sentry.protocol.event import ExceptionValue, Name, Stacktrace, Thread, Value
from mini_sentry.protocol.limits import DEFAULT

NOTHING: Final = msgspec.Raw(b"")

Scalar = str | int | float | bool | None

Exceptions = Annotated[list[ExceptionValue], msgspec.Meta(max_length=DEFAULT.exceptions)]
Threads = Annotated[list[Thread], msgspec.Meta(max_length=DEFAULT.threads)]


class ExceptionBox(ExceptionValue, gc=False):
    """`{"values": […]}`, or a single exception written without a list around it."""

    values: Exceptions | None = None


class ThreadBox(msgspec.Struct, gc=False):
    values: Threads | None = None


class LogEntry(msgspec.Struct, gc=False):
    """`message` is the template, `formatted` what it says with `params` (a list or an object) filled in."""

    message: Value | None = None
    formatted: Value | None = None
    params: Any = None


class UserFields(msgspec.Struct, gc=False):
    id: Scalar = None
    username: Scalar = None
    email: Scalar = None
    ip_address: str | None = None


class RequestEnv(msgspec.Struct, gc=False):
    remote_addr: str | None = msgspec.field(name="REMOTE_ADDR", default=None)


class Request(msgspec.Struct, gc=False):
    url: str | None = None
    headers: dict[str, Any] | list[tuple[str, Any]] | None = None
    env: RequestEnv | None = None


class Named(msgspec.Struct, gc=False):
    """A context that says what something is called and which version of it."""

    name: str | None = None
    version: str | None = None


class Device(msgspec.Struct, gc=False):
    model: str | None = None
    family: str | None = None


class Trace(msgspec.Struct, gc=False):
    trace_id: str | None = None


class Contexts(msgspec.Struct, gc=False):
    trace: Trace | None = None
    runtime: Named | None = None
    os: Named | None = None
    client_os: Named | None = None
    browser: Named | None = None
    device: Device | None = None


class SdkSettings(msgspec.Struct, gc=False):
    infer_ip: str | None = None


class Sdk(msgspec.Struct, gc=False):
    name: Name | None = None
    version: Name | None = None
    settings: SdkSettings | None = None


class Payload(msgspec.Struct, gc=False):
    event_id: str | None = None
    type: Name | None = None
    timestamp: str | float | None = None
    platform: str | None = None
    level: str | float | None = None
    logger: str | None = None
    transaction: str | None = None
    culprit: str | None = None
    server_name: str | None = None
    release: str | None = None
    dist: str | None = None
    environment: str | None = None
    message: Value | LogEntry | None = None
    logentry: Value | LogEntry | None = None
    exception: ExceptionBox | Exceptions | None = None
    threads: ThreadBox | Threads | None = None
    stacktrace: Stacktrace | None = None
    fingerprint: Annotated[list[Scalar], msgspec.Meta(max_length=DEFAULT.fingerprint_parts)] | None = None
    checksum: str | None = None
    csp: dict[str, Any] | None = None
    template: dict[str, Any] | None = None
    tags: (
        Annotated[dict[str, Scalar], msgspec.Meta(max_length=DEFAULT.tags)]
        | Annotated[list[tuple[Scalar, Scalar]], msgspec.Meta(max_length=DEFAULT.tags)]
        | None
    ) = None
    user: UserFields | None = None
    request: Request | None = None
    contexts: Contexts | None = None
    sdk: Sdk | None = None
    site: str | None = None

    legacy_exception: msgspec.Raw = msgspec.field(name="sentry.interfaces.Exception", default=NOTHING)
    legacy_message: msgspec.Raw = msgspec.field(name="sentry.interfaces.Message", default=NOTHING)
    legacy_stacktrace: msgspec.Raw = msgspec.field(name="sentry.interfaces.Stacktrace", default=NOTHING)
    legacy_user: msgspec.Raw = msgspec.field(name="sentry.interfaces.User", default=NOTHING)
    legacy_http: msgspec.Raw = msgspec.field(name="sentry.interfaces.Http", default=NOTHING)
    legacy_contexts: msgspec.Raw = msgspec.field(name="sentry.interfaces.Contexts", default=NOTHING)
    legacy_template: msgspec.Raw = msgspec.field(name="sentry.interfaces.Template", default=NOTHING)
    legacy_csp: msgspec.Raw = msgspec.field(name="sentry.interfaces.Csp", default=NOTHING)

    def is_legacy(self) -> bool:
        """Whether it has fields that go by the names of raven's time."""
        none = NOTHING
        return not (
            self.legacy_exception is none
            and self.legacy_message is none
            and self.legacy_stacktrace is none
            and self.legacy_user is none
            and self.legacy_http is none
            and self.legacy_contexts is none
            and self.legacy_template is none
            and self.legacy_csp is none
        )


ALIASES: Final = {
    "sentry.interfaces.Exception": "exception",
    "sentry.interfaces.Message": "logentry",
    "sentry.interfaces.Stacktrace": "stacktrace",
    "sentry.interfaces.User": "user",
    "sentry.interfaces.Http": "request",
    "sentry.interfaces.Breadcrumbs": "breadcrumbs",
    "sentry.interfaces.Contexts": "contexts",
    "sentry.interfaces.Template": "template",
    "sentry.interfaces.Csp": "csp",
}
"""Names of raven's time, and what the same fields are called now."""
