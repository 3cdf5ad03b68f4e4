"""Events whose hashes must never change under a name of a configuration.

`python -m tests.grouping.golden_events` adds the hashes of names that `golden.json` does not have yet; what is there stays.
"""

import json
from pathlib import Path
from typing import Any

from mini_sentry.grouping import configs
from mini_sentry.grouping.group import group
from mini_sentry.protocol.event import Event, Frame, Stacktrace
from tests.grouping.factory import SAMPLES, make_error, make_event, make_frame, make_stack, make_thread, sample_events

GOLDEN = Path(__file__).with_name("golden.json")


def golden_events() -> dict[str, Event]:
    events = {
        f"{path.stem} {number}": event
        for path in sorted(SAMPLES.glob("*.json"))
        if path.stem not in ("index", "browser-csp-report")
        for number, event in enumerate(sample_events(path.stem), start=1)
    }
    lib = [make_frame(name, in_app=False) for name in ("run", "step", "call")]
    report = {"effective-directive": "script-src-elem", "blocked-uri": "https://cdn.evil.com/a.js"}
    child: dict[str, Any] = {"exception_id": 1, "parent_id": 0}
    root: dict[str, Any] = {"exception_id": 0, "is_exception_group": True}
    rust = [
        Frame(function=name, filename="main.rs", in_app=True)
        for name in ("main", "shop::pay::h0123456789abcdef", "core::panicking::panic", "rust_begin_unwind")
    ]
    java = [
        Frame(module=module, function=function, filename="Cart.java")
        for module, function in (
            ("java.lang.Thread", "run"),
            ("com.shop.Cart$$EnhancerBySpringCGLIB$$7f3a", "pay"),
            ("com.shop.Cart", "lambda$pay$0"),
        )
    ]
    browser = [
        Frame(filename="webpack:///./node_modules/react-dom/index.js", function="render", context_line="go();"),
        Frame(
            filename="webpack:///./src/cart.ts", function="t", context_line="throw new RangeError(code);", in_app=True
        ),
    ]
    made = {
        "nothing": make_event(),
        "message": make_event(message="order 10442 failed for jane@example.com\n\nat 2024-03-01T10:00:00Z\nmore"),
        "template": make_event(message="order 7 failed", message_template="order %s failed"),
        "typed": make_event(exceptions=[make_error("ValueError", "bad row 12")]),
        "app and system": make_event(
            exceptions=[make_error(frames=[*lib, make_frame("pay", context_line="  f( x )")])]
        ),
        "system only": make_event(exceptions=[make_error(frames=lib)]),
        "thin system": make_event(exceptions=[make_error(frames=lib[:2])]),
        "recursion": make_event(exceptions=[make_error(frames=[make_frame("walk", lineno=3)] * 9)]),
        "chain": make_event(
            exceptions=[make_error("A", frames=[make_frame("f")]), make_error("B", frames=[make_frame("g")])]
        ),
        "synthetic": make_event(exceptions=[make_error("Error", "thrown", [make_frame("f")], synthetic=True)]),
        "group of one": make_event(exceptions=[make_error(**child), make_error("ExceptionGroup", "batch", **root)]),
        "group of two": make_event(
            exceptions=[
                make_error("KeyError", "'id'", exception_id=2, parent_id=0),
                make_error(**child),
                make_error("ExceptionGroup", "batch", **root),
            ]
        ),
        "apple": make_event(
            platform="cocoa",
            exceptions=[make_error("NSError", "x", meta={"ns_error": {"domain": "NSURLErrorDomain", "code": -1001}})],
        ),
        "rust panic": make_event(platform="native", exceptions=[make_error("panic", "x", rust)]),
        "java": make_event(platform="java", exceptions=[make_error("IllegalStateException", "x", java)]),
        "mapped browser": make_event(platform="javascript", exceptions=[make_error("RangeError", "x", browser)]),
        "chunk": make_event(
            platform="javascript", exceptions=[make_error("ChunkLoadError", "Loading chunk 3 failed.")]
        ),
        "thread": make_event(message="m", threads=[make_thread("main", "notify", current=True)]),
        "stack": make_event(message="m", stacktrace=make_stack("main", "notify")),
        "thin thread": make_event(message="m", stacktrace=Stacktrace(lib[:1])),
        "csp": make_event(type="csp", csp=report),
        "certificate": make_event(type="expectct", csp={"hostname": "shop.com"}),
        "django template": make_event(template={"filename": "/a/Cart.html", "context_line": " {% x %}"}),
        "checksum": make_event(checksum="any text"),
        "custom": make_event(message="m", fingerprint=["database", "{{ tags.shard }}"], tags={"shard": "7"}),
        "hybrid": make_event(message="m", fingerprint=["{{ default }}", "acme"]),
    }
    return {**events, **made}


def hashes(name: str) -> dict[str, list[str]]:
    """For each event `variant:hash`, in lookup order."""
    config = configs.config(name)
    return {
        label: [f"{found.variant}:{found.hash}" for found in group(event, config=config).hashes]
        for label, event in golden_events().items()
    }


if __name__ == "__main__":
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for name in configs.names():
        golden.setdefault(name, hashes(name))
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")
