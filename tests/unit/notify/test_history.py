"""Every stored event can be read for ever: golden files hold what each version looked like."""

import json
from pathlib import Path

import pytest

from services.notify import codec
from services.notify.domain import events as e
from services.notify.domain.vocabulary import AlertKind, Language, MailOutcome, Role
from services.notify.outbound import messages_for
from shared.eventstore.codec import EventType
from shared.eventstore.model import StoredEvent
from shared.eventstore.vault import KeyVault, MemoryKeys
from tests.unit.notify.story import (
    CUSTOMER,
    NOW,
    ORDER,
    RIDER,
    after,
    contact_opened,
    formed,
    raised,
    requested,
    sent,
    telling,
)

GOLDEN = Path(__file__).parent / "golden"
VAULT = KeyVault(MemoryKeys({}))
MAIL = requested()
ALERT = raised().alert_id

EVENTS: list[e.Event] = [
    formed(),
    e.RiderJoined(order_id=ORDER, rider_id=RIDER),
    e.RiderLeft(order_id=ORDER, rider_id=RIDER),
    contact_opened(),
    e.ContactEnding(order_id=ORDER, close_at=after(600)),
    e.ContactClosed(order_id=ORDER, source="evt_contact"),
    e.TellingPostponed(order_id=ORDER, telling=telling(role=Role.MERCHANT)),
    e.TellingsReleased(order_id=ORDER, tellings=(telling(),)),
    e.AlertNoted(order_id=ORDER, alert_id=ALERT, kind=AlertKind.UNDELIVERABLE),
    e.AlertsMoot(order_id=ORDER, alert_ids=(ALERT,)),
    MAIL,
    sent(MAIL),
    e.NotificationDelayed(
        notification_id=MAIL.notification_id, recipient_id=CUSTOMER, reason="451", retry_at=after(30)
    ),
    e.NotificationFailed(
        notification_id=MAIL.notification_id,
        recipient_id=CUSTOMER,
        medium=MAIL.medium,
        template=MAIL.template,
        order_id=ORDER,
        reason="550",
        outcome=MailOutcome.REFUSED,
    ),
    e.NotificationRead(notification_id=MAIL.notification_id, recipient_id=CUSTOMER, read_at=NOW),
    raised(),
    e.AlertEscalated(alert_id=ALERT, level=2, asked="operations", acknowledge_by=after(120)),
    e.AlertAcknowledged(alert_id=ALERT, by="dispatcher:dis_1", acknowledged_at=NOW),
    e.AlertSettled(alert_id=ALERT, reason="rider_assigned"),
    e.LanguagePreferred(recipient_id=CUSTOMER, language=Language.CHINESE),
]


def golden(name: str, version: int) -> Path:
    return GOLDEN / f"{name}.v{version}.json"


def test_every_type_has_an_example_here() -> None:
    assert {type(event) for event in EVENTS} == {entry.cls for entry in codec.EVERYTHING.types}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_stored_as_its_golden_file_says_and_read_back_the_same(event: e.Event) -> None:
    name, version, data = codec.EVERYTHING.encode(event, VAULT)
    assert data == json.loads(golden(name, version).read_text(encoding="utf-8"))
    assert codec.EVERYTHING.decode(name, version, data, VAULT) == event


@pytest.mark.parametrize("entry", codec.EVERYTHING.types, ids=lambda entry: entry.name)
def test_every_version_that_was_ever_stored_can_be_read(entry: EventType[e.Event]) -> None:
    for version in range(1, entry.schema_version + 1):
        data = json.loads(golden(entry.name, version).read_text(encoding="utf-8"))
        assert isinstance(codec.EVERYTHING.decode(entry.name, version, data, VAULT), entry.cls)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_the_world_is_told_names_people_by_id_only(event: e.Event) -> None:
    name, version, data = codec.EVERYTHING.encode(event, VAULT)
    stored = StoredEvent(
        stream_id="ntf_1",
        version=2,
        event_id="evt_9",
        type=name,
        schema_version=version,
        data=data,
        actor="system:notify",
        occurred_at=NOW,
        recorded_at=NOW,
        correlation_id="cor_1",
    )
    messages = messages_for(stored, event)
    public = {
        "NotificationSent", "NotificationFailed", "NotificationRead",
        "AlertRaised", "AlertEscalated", "AlertAcknowledged",
    }  # fmt: skip
    assert [outgoing.message.type_name() for outgoing in messages] == ([name] if name in public else [])
    for outgoing in messages:
        assert outgoing.partition_key == "ntf_1"
        assert not {"email", "name", "phone", "text"} & set(outgoing.message.model_dump())
