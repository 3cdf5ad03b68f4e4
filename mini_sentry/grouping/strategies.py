"""Automatic grouping: the first thing of an event that says enough decides, everything below it is ignored."""

from mini_sentry.protocol.event import Event, ExceptionValue, Stacktrace, Thread

from . import exceptions, security
from .evidence import Evidence, StackEvidence, StringEvidence
from .in_app import InAppRules
from .message import pattern_of
from .stacktrace import Stack, judge


def automatic(event: Event, *, rules: InAppRules) -> Evidence:
    """Exceptions, threads, stack trace, template, browser report, message; events without any are one group."""
    if event.exceptions and not _is_message(event):
        errors = exceptions.evidence(event, rules=rules)
        if errors is not None:
            return errors
    elif event.exceptions:
        message = _from_message(event)
        if message is not None:
            # The call site tells where; one logging function must not make one group of all that is logged.
            message.stack = judge(event.exceptions[-1].stacktrace, platform=event.platform, rules=rules)
            return message
    return (
        (_from_stack("threads", _thread_stack(event.threads), event, rules) if event.threads else None)
        or (_from_stack("stacktrace", event.stacktrace, event, rules) if event.stacktrace is not None else None)
        or (_from_template(event) if event.template else None)
        or (_from_report(event) if event.csp else None)
        or _from_message(event)
        or StringEvidence("fallback", [("fallback", "", "")], main=event.exceptions[-1] if event.exceptions else None)
    )


def stacks(event: Event, *, rules: InAppRules) -> list[Stack]:
    """Every stack that a rule about frames may look at."""
    traces: list[tuple[Stacktrace | None, ExceptionValue | None]]
    if event.exceptions:
        traces = [(error.stacktrace, error) for error in event.exceptions]
    else:
        traces = [(_thread_stack(event.threads), None), (event.stacktrace, None)]
    found = [judge(trace, platform=event.platform, rules=rules, error=error) for trace, error in traces]
    return [stack for stack in found if stack is not None]


def _is_message(event: Event) -> bool:
    """Whether the exceptions are only the call site of a message, as JavaScript SDKs send it since version 11."""
    return bool(event.message or event.message_template) and all(not error.type for error in event.exceptions)


def _thread_stack(threads: list[Thread]) -> Stacktrace | None:
    """The stack of the one thread that crashed, else of the one that is current, else of the only one."""
    for candidates in (
        [thread for thread in threads if thread.crashed],
        [thread for thread in threads if thread.current],
        threads,
    ):
        if len(candidates) == 1:
            return candidates[0].stacktrace
    return None


def _from_stack(strategy: str, trace: Stacktrace | None, event: Event, rules: InAppRules) -> StackEvidence | None:
    stack = judge(trace, platform=event.platform, rules=rules)
    if stack is None or stack.judgement.why_not:
        return None
    needs_text = not stack.judgement.app
    return StackEvidence(strategy, stack, pattern_of(event.message_template or event.message) if needs_text else "")


def _from_template(event: Event) -> StringEvidence | None:
    template = event.template or {}
    path = template.get("filename") or template.get("abs_path")
    line = template.get("context_line")
    strings = []
    if isinstance(path, str) and path:
        strings.append(("filename", path, path.replace("\\", "/").rsplit("/", 1)[-1].lower()))
    if isinstance(line, str) and line.strip():
        strings.append(("context-line", line, " ".join(line.split())))
    return StringEvidence("template", strings) if strings else None


def _from_report(event: Event) -> StringEvidence | None:
    report = event.csp or {}
    if host := security.certificate_host(report):
        return StringEvidence("csp", [("type", event.type, event.type), ("hostname", host, host.lower())])
    directive, source = security.blocked(report)
    if not directive:
        return None
    return StringEvidence("csp", [("directive", directive, directive), ("source", source, source)])


def _from_message(event: Event) -> StringEvidence | None:
    text = event.message_template or event.message
    pattern = pattern_of(text)
    return StringEvidence("message", [("message", text, pattern)]) if pattern else None
