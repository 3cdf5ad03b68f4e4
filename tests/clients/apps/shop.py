"""A small shop that reports with the official Python SDK: `shop.py <dsn> <what happens>`."""

import logging
import sys
from typing import Any, NoReturn

import sentry_sdk
from sentry_sdk.scrubber import EventScrubber


class PaymentError(Exception):
    pass


def initialise(dsn: str) -> None:
    sentry_sdk.init(
        dsn=dsn,
        release="shop@1.4.2",
        environment="staging",
        dist="7",
        server_name="till-3",
        send_default_pii=True,
        # The SDK would hide secrets itself; not all SDKs do.
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
        # Or the SDK imports every framework that is installed beside it.
        auto_enabling_integrations=False,
        shutdown_timeout=10,
    )
    sentry_sdk.set_tag("checkout.step", "payment")
    sentry_sdk.set_user({"id": "4711", "email": "grace@customer.example"})
    sentry_sdk.add_breadcrumb(category="cart", message="item added", data={"sku": "tea-500"})


def charge(amount: float, installments: int) -> float:
    # Put together, so that the lines of source around the crash do not give them away.
    password = " ".join(["correct", "horse", "battery", "staple"])
    card = {"number": " ".join(["4111", *["1111"] * 3]), "holder": "Grace"}
    assert password
    assert card
    return amount / installments


def look_up(order: str) -> Any:
    return {}[order]


def uncaught() -> None:
    charge(12.5, installments=0)


def elsewhere() -> None:
    look_up("no-such-order")


def chained() -> None:
    try:
        try:
            look_up("10442")
        except KeyError as error:
            raise PaymentError("could not charge order 10442") from error
    except PaymentError as error:
        sentry_sdk.capture_exception(error)


def group_of_exceptions() -> None:
    failures: list[Exception] = []
    for call in (lambda: charge(1.0, 0), lambda: look_up("row-2")):
        try:
            call()
        except Exception as error:
            failures.append(error)
    raise ExceptionGroup("import failed", failures)


def message() -> None:
    sentry_sdk.capture_message("Cache warmup finished with 3 misses", level="warning")


def logged() -> None:
    logger = logging.getLogger("shop.stock")
    for stock in (3, 2):
        logger.error("only %d of %s left", stock, "tea-500")


def fingerprinted() -> None:
    for place in ("Berlin", "Lyon"):
        with sentry_sdk.new_scope() as scope:
            scope.fingerprint = ["till-offline"]
            sentry_sdk.capture_message(f"till in {place} is offline", level="fatal")


def main(dsn: str, what: str) -> NoReturn:
    initialise(dsn)
    {
        "uncaught": uncaught,
        "elsewhere": elsewhere,
        "chained": chained,
        "group": group_of_exceptions,
        "message": message,
        "logged": logged,
        "fingerprinted": fingerprinted,
    }[what]()
    sentry_sdk.flush(10)
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
