"""Given, when, then for decisions: events before, a decision, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import pytest

from services.notify.domain import commands as c
from services.notify.domain import events as e
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.vocabulary import AlertKind, Language, Medium, Role, Telling, alert_id, notification_id
from shared.kernel.errors import DomainError

S = TypeVar("S")
E = TypeVar("E")

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
POLICY = NotifyPolicy()
ORDER, CUSTOMER, MERCHANT, RIDER = "ord_1", "cus_1", "mer_1", "rid_1"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Stream(Generic[S, E]):
    """A kind of aggregate, for telling stories about it."""

    initial: S
    evolve: Callable[[S, E], S]

    def given(self, *events: E) -> Given[S, E]:
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return Given(self, state)


@dataclass(frozen=True)
class Given(Generic[S, E]):
    stream: Stream[S, E]
    state: S

    def when(self, decide: Callable[[S], Sequence[E]]) -> When[S, E]:
        return When(self, decide)


@dataclass(frozen=True)
class When(Generic[S, E]):
    given: Given[S, E]
    decide: Callable[[S], Sequence[E]]

    def then(self, *expected: E) -> When[S, E]:
        assert list(self.decide(self.given.state)) == list(expected)
        return self

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, error: type[DomainError]) -> None:
        with pytest.raises(error):
            self.decide(self.given.state)

    def and_again_nothing(self) -> None:
        """The same command after its own events changes nothing."""
        state = self.given.state
        for event in self.decide(state):
            state = self.given.stream.evolve(state, event)
        assert list(self.decide(state)) == []


def telling(
    template: str = "order_placed",
    role: Role = Role.CUSTOMER,
    source: str = "evt_1",
    recipient_id: str | None = None,
    at: datetime = NOW,
) -> Telling:
    return Telling(
        order_id=ORDER, role=role, template=template, source=source, recipient_id=recipient_id, occurred_at=at
    )


def formed() -> e.AudienceFormed:
    return e.AudienceFormed(order_id=ORDER, customer_id=CUSTOMER, merchant_id=MERCHANT)


def contact_opened(by_mail: bool = True, source: str = "evt_contact") -> e.ContactOpened:
    return e.ContactOpened(order_id=ORDER, language=Language.CHINESE, by_mail=by_mail, source=source)


def open_contact(email: str | None = "li@example.org", shared_at: datetime = NOW) -> c.OpenContact:
    return c.OpenContact(
        order_id=ORDER,
        customer_id=CUSTOMER,
        name="Li Hua",
        email=email,
        language=Language.CHINESE,
        source="evt_contact",
        shared_at=shared_at,
        now=NOW,
    )


def requested(medium: Medium = Medium.EMAIL, template: str = "order_placed.customer") -> e.NotificationRequested:
    return e.NotificationRequested(
        notification_id=notification_id(CUSTOMER, template, medium, "evt_1"),
        recipient_id=CUSTOMER,
        role=Role.CUSTOMER,
        medium=medium,
        template=template,
        params={"merchant_id": MERCHANT},
        language=Language.CHINESE,
        order_id=ORDER,
        source="evt_1",
        occurred_at=NOW,
        requested_at=NOW,
    )


def sent(request: e.NotificationRequested, at: datetime = NOW) -> e.NotificationSent:
    return e.NotificationSent(
        notification_id=request.notification_id,
        recipient_id=request.recipient_id,
        medium=request.medium,
        template=request.template,
        order_id=request.order_id,
        sent_at=at,
    )


def raise_alert(kind: AlertKind = AlertKind.DISPATCHER_NEEDED, now: datetime = NOW) -> c.RaiseAlert:
    return c.RaiseAlert(
        alert_id=alert_id(kind, "evt_1"), kind=kind, order_id=ORDER, delivery_id="dlv_1", now=now, params={"n": "1"}
    )


def raised(kind: AlertKind = AlertKind.DISPATCHER_NEEDED) -> e.AlertRaised:
    return e.AlertRaised(
        alert_id=alert_id(kind, "evt_1"),
        kind=kind,
        order_id=ORDER,
        delivery_id="dlv_1",
        params={"n": "1"},
        asked="dispatcher",
        raised_at=NOW,
        acknowledge_by=after(60),
    )
