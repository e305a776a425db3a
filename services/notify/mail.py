"""Mails: written from a text and a contact, and handed to the SMTP server of the operation."""

import smtplib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from services.notify.domain.templates import Catalogue, Text, short_order
from services.notify.domain.vocabulary import MailOutcome

TIMEOUT_SECONDS = 10.0


class MailServerAway(ConnectionError):
    """Nobody answers where the mail server should be: a matter of the server, not of any mail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server said of one mail, and why when it was not a yes."""

    outcome: MailOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that a mail says, and to whom."""

    notification_id: str
    order_id: str
    name: str
    email: str
    text: Text
    at: datetime


def write(letter: Letter, catalogue: Catalogue, sender: str) -> EmailMessage:
    """The mail. Its Message-ID is the notification's, so that one that had to be handed over twice can be known.

    Raises ValueError for an address that no header can hold.
    """
    words = catalogue.words
    greeting = words["greeting"].format(name=letter.name) if letter.name else words["greeting_unnamed"]
    footer = words["footer"].format(order=short_order(letter.order_id))
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = letter.email
    mail["Subject"] = letter.text.title
    mail["Date"] = format_datetime(letter.at)
    mail["Message-ID"] = f"<{letter.notification_id}@{_domain(sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{greeting}\n\n{letter.text.text}\n\n{words['closing']}\n\n-- \n{footer}\n", cte="base64")
    # Only now: setting the content removes what was said of it before.
    mail["Content-Language"] = catalogue.language.value
    return mail


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


class Mailer:
    """Hands mails to one SMTP server, each over a connection of its own."""

    def __init__(self, host: str, port: int, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._host = host
        self._port = port
        self._timeout_seconds = timeout_seconds

    def send(self, mail: EmailMessage) -> Verdict:
        """The server's verdict; raises MailServerAway when there is no server to ask."""
        server = self._connect()
        try:
            return _hand_over(server, mail)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()

    def _connect(self) -> smtplib.SMTP:
        try:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_seconds)
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerAway(f"{self._host}:{self._port}: {error}") from error
        try:
            server.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            server.close()
            raise MailServerAway(f"{self._host}:{self._port}: {error}") from error
        return server


def _hand_over(server: smtplib.SMTP, mail: EmailMessage) -> Verdict:
    """A connection that breaks only now may be this mail's own fault, so that it counts as a try of it."""
    try:
        server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as refused:
        return _verdict(max(code for code, _ in refused.recipients.values()))
    except smtplib.SMTPResponseException as refused:
        return _verdict(refused.smtp_code)
    except (smtplib.SMTPNotSupportedError, UnicodeError, ValueError) as unfit:
        return Verdict(MailOutcome.REFUSED, f"the address cannot be used ({type(unfit).__name__})")
    except (OSError, smtplib.SMTPException) as broken:
        return Verdict(MailOutcome.DEFERRED, f"the connection broke ({type(broken).__name__})")
    return Verdict(MailOutcome.ACCEPTED)


def _verdict(code: int) -> Verdict:
    """RFC 5321, 4.2.1: 4yz may be tried again, 5yz may not. The server's words may quote the address: they stay out
    of events."""
    outcome = MailOutcome.DEFERRED if 400 <= code < 500 else MailOutcome.REFUSED
    return Verdict(outcome, f"the mail server answered {code}")
