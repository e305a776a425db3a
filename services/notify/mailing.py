"""Sends the mails that are due, one at a time, each in the transaction that records what became of it."""

import time
from dataclasses import dataclass, field
from datetime import datetime

from services.notify import views
from services.notify.application import NOTIFICATION, context_after, record_mail
from services.notify.domain import events as e
from services.notify.domain.commands import RecordMail
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.state import Notification, Progress
from services.notify.domain.templates import Catalogue, Catalogues, Facts, Text, compose
from services.notify.domain.vocabulary import MailOutcome
from services.notify.mail import Letter, Mailer, MailServerAway, Verdict, write
from shared.eventstore.ports import Store, Transaction
from shared.kernel.clock import Clock
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, gauge

MAILS_A_TURN = 20
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

_log = get_logger(__name__)
_away = gauge("doorstep_mail_server_away", "1 while the mail server cannot be reached and all mails wait")
_outcomes = counter("doorstep_mail_attempts", "Mails handed to the server, by what it said", ("outcome",))


@dataclass(slots=True)
class Pause:
    """How long the mail server is left alone, in seconds of the wall: it knows nothing of the platform's time."""

    until: float = 0.0
    outages_in_a_row: int = 0

    def begin(self, error: Exception) -> None:
        self.outages_in_a_row += 1
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** min(self.outages_in_a_row - 1, 10), LONGEST_PAUSE_SECONDS)
        self.until = time.monotonic() + seconds
        _away.set(1)
        _log.warning("mail_server_away", error=str(error), again_in_seconds=seconds)

    def end(self) -> None:
        if self.outages_in_a_row:
            _log.info("mail_server_back", after_tries=self.outages_in_a_row)
        self.outages_in_a_row = 0
        _away.set(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """The sender of mails.

    A mail that the server took just before this process died is handed over again, under the same Message-ID: SMTP
    knows no transaction. While there is no server to ask every mail stays due, and no try of it is counted.
    """

    store: Store
    mailer: Mailer
    catalogues: Catalogues
    policy: NotifyPolicy
    clock: Clock
    pause: Pause = field(default_factory=Pause)

    def send_due(self) -> int:
        """Sends up to a turn's worth of mails; returns how many were tried, 0 while the server is away."""
        if time.monotonic() < self.pause.until:
            return 0
        tried = 0
        try:
            while tried < MAILS_A_TURN and self._send_next():
                tried += 1
        except MailServerAway as error:
            self.pause.begin(error)
            return 0
        if tried:
            self.pause.end()
        return tried

    def _send_next(self) -> bool:
        # Not `run`: a transaction begun anew would send the mail again. The row's lock keeps others away from it.
        with self.store.transaction() as tx:
            now = self.clock.now()
            due = views.take_due_mail(tx.connection, now)
            if due is None:
                return False
            notification = tx.load(NOTIFICATION, due.notification_id).state
            if not isinstance(notification, Notification) or notification.progress is not Progress.PENDING:
                views.drop_mail(tx.connection, due)
                return True
            verdict = self._send(tx, due, notification.request, now)
            _outcomes.labels(verdict.outcome.value).inc()
            command = RecordMail(
                notification_id=due.notification_id, outcome=verdict.outcome, reason=verdict.reason, now=now
            )
            context = context_after(tx, due.notification_id, now)
            for event in record_mail(tx, command, context, self.policy):
                if isinstance(event, e.NotificationDelayed):
                    views.postpone_mail(tx.connection, due.notification_id, event.retry_at)
                else:
                    views.drop_mail(tx.connection, due)
            return True

    def _send(self, tx: Transaction, due: views.DueMail, request: e.NotificationRequested, now: datetime) -> Verdict:
        contact = views.lock_contact(tx, due.order_id)
        if contact is None or contact.email is None:
            return Verdict(MailOutcome.REFUSED, "the contact has been withdrawn")
        preferred = views.preferred_languages(tx.connection, [request.recipient_id])
        catalogue = self.catalogues.choose(preferred.get(request.recipient_id), request.language)
        letter = Letter(
            notification_id=request.notification_id,
            order_id=request.order_id,
            name=contact.name,
            email=contact.email,
            text=self._text(tx, catalogue, request),
            at=now,
        )
        try:
            mail = write(letter, catalogue, self.policy.mail_sender)
        except ValueError:
            return Verdict(MailOutcome.REFUSED, "the address cannot be used")
        return self.mailer.send(mail)

    def _text(self, tx: Transaction, catalogue: Catalogue, request: e.NotificationRequested) -> Text:
        merchants = [value for name, value in request.params.items() if name == "merchant_id"]
        facts = Facts(
            order_id=request.order_id,
            params=request.params,
            merchants=views.merchant_names(tx.connection, merchants),
            occurred_at=request.occurred_at,
            utc_offset_minutes=self.policy.display_utc_offset_minutes,
        )
        return compose(catalogue, request.template, facts)
