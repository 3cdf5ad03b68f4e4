"""Where notifications go, and where their links lead: checked targets, destinations and addresses of pages."""

import re
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from mini_sentry.alerts.models import TargetType
from mini_sentry.groups.short_ids import short_id
from mini_sentry.projects.addresses import base_url

MAIL: Final = "mail"
MOST_RECIPIENTS: Final = 20

_UNUSABLE = re.compile(r"[\s\x00-\x1f\x7f]")


class TargetInvalid(ValueError):
    """A target that nothing can be sent to; the text says why."""


def check(target_type: str, value: str) -> str:
    """The target without blanks around it. Raises TargetInvalid."""
    if target_type == TargetType.WEBHOOK:
        webhook(value.strip())
        return value.strip()
    return ", ".join(recipients(value))


def recipients(value: str) -> list[str]:
    """The addresses of a mail target, separated by commas. Raises TargetInvalid."""
    found = [part for text in value.split(",") if (part := text.strip())]
    if not found:
        raise TargetInvalid("An e-mail address is required.")
    if len(found) > MOST_RECIPIENTS:
        raise TargetInvalid(f"These are more than {MOST_RECIPIENTS} addresses.")
    for address in found:
        try:
            validate_email(address)
        except ValidationError as error:
            raise TargetInvalid(f"{address[:80]!r} is not an e-mail address.") from error
    return found


def webhook(value: str) -> SplitResult:
    """The parts of a webhook's address; its host and port can be used as they are. Raises TargetInvalid."""
    if _UNUSABLE.search(value):
        raise TargetInvalid("The address holds blanks or control characters.")
    try:
        parts = urlsplit(value)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except (ValueError, UnicodeError) as error:
        raise TargetInvalid("This is not an address such as https://example.com/hook.") from error
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise TargetInvalid("The address must begin with http:// or https:// and name a host.")
    return parts


def destination_of(target_type: str, value: str) -> str:
    """What a delivery's slowness is blamed on: a webhook's address without its query, or mail as a whole."""
    return value.partition("?")[0][:300] if target_type == TargetType.WEBHOOK else MAIL


def project_url(slug: str) -> str:
    return f"{base_url(None)}/p/{quote(slug)}/"


def issue_url(slug: str, number: int) -> str:
    return f"{base_url(None)}/p/{quote(slug)}/issues/{quote(short_id(slug, number))}"
