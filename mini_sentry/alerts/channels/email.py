"""Mail, through whatever backend Django is set to use (`EMAIL_BACKEND`)."""

import smtplib

from django.core.mail import EmailMessage

from mini_sentry.alerts.addresses import TargetInvalid, recipients
from mini_sentry.alerts.channels.base import Message, SendFailed


class Email:
    def send(self, target: str, message: Message) -> int | None:
        """One mail to all recipients. Its Message-ID is that of every attempt; mails of one group are one thread."""
        try:
            to = recipients(target)
        except TargetInvalid as error:
            raise SendFailed(str(error), is_permanent=True) from error
        headers = {
            "Message-ID": f"<{message.uid}@mini-sentry.invalid>",
            "Auto-Submitted": "auto-generated",
            "X-Mini-Sentry-Rule": str(message.facts.get("rule_id", "")),
        }
        if group_id := message.facts.get("group_id"):
            headers["References"] = f"<group-{group_id}@mini-sentry.invalid>"
        try:
            EmailMessage(message.subject, message.text, to=to, headers=headers).send()
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise SendFailed(
                f"All recipients were refused: {_words(next(iter(error.recipients.values()))[1])}",
                status_code=max(codes),
                is_permanent=min(codes) >= 500,
            ) from error
        except smtplib.SMTPResponseException as error:
            raise SendFailed(_words(error.smtp_error), status_code=error.smtp_code) from error
        except (OSError, smtplib.SMTPException) as error:
            raise SendFailed(f"The mail server did not take it: {error}", is_unreachable=True) from error
        except ValueError as error:
            raise SendFailed(f"The mail cannot be written: {error}", is_permanent=True) from error
        return None


def _words(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text
