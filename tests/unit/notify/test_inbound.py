"""What notify makes of the messages that it hears."""

import pytest

from services.notify.domain import commands as c
from services.notify.domain.vocabulary import AlertKind, Language, Role
from services.notify.inbound import SUBSCRIBED, TOLD, commands_for, tellings_for
from shared.contracts import dispatch, order, support
from shared.contracts.common import Goods
from shared.contracts.message import Message
from tests.unit.notify.story import CUSTOMER, MERCHANT, NOW, ORDER, RIDER
from tests.unit.notify.wire import envelope, every_subscribed, message


def said(message_class: type[Message], /, **changes: object) -> list[str]:
    known = message(message_class, **changes)
    return [telling.key for telling in tellings_for(known, envelope(known))]


def commands(message_class: type[Message], /, **changes: object) -> list[c.Command]:
    known = message(message_class, **changes)
    return list(commands_for(known, envelope(known), NOW))


@pytest.mark.parametrize("known", every_subscribed(), ids=lambda m: m.type_name())
def test_every_message_that_notify_hears_leads_to_something(known: Message) -> None:
    assert commands_for(known, envelope(known), NOW)


def test_a_message_that_concerns_nobody_leads_to_nothing() -> None:
    assert commands(dispatch.Delivered) == []


def test_nothing_is_subscribed_to_twice() -> None:
    assert len(set(SUBSCRIBED)) == len(SUBSCRIBED)


def test_an_order_forms_its_audience_before_it_is_told() -> None:
    form, tell = commands(order.OrderPlaced)
    assert form == c.FormAudience(order_id=ORDER, customer_id=CUSTOMER, merchant_id=MERCHANT, now=NOW)
    assert isinstance(tell, c.Tell)
    assert tell.tellings[0].params["total_cents"] == "2550"


def test_customer_merchant_and_rider_hear_of_each_step_that_concerns_them() -> None:
    assert said(order.PreparationLate) == [f"preparation_late.{role.value}" for role in Role]
    assert said(dispatch.RiderAssigned) == [f"rider_assigned.{role.value}" for role in Role]
    steps = {say.role for entries in TOLD.values() for say in entries}
    assert steps == set(Role)


def test_params_are_figures_and_codes_and_no_personal_data() -> None:
    fields = {name for entries in TOLD.values() for say in entries for name in say.fields}
    assert fields == {
        "merchant_id", "total_cents", "amount_cents", "currency", "promised_at", "ready_at", "answer_by",
        "confirm_by", "review_by", "reason", "merchant_score", "rider_score", "tags", "p50", "p90",
    }  # fmt: skip


def test_an_errand_is_told_as_one_and_no_merchant_is_named() -> None:
    assert said(order.OrderPlaced, merchant_id="") == ["errand_placed.customer"]
    assert said(order.OrderAccepted, merchant_id="") == ["errand_accepted.customer"]
    assert said(order.OrderReady, merchant_id="") == []
    assert said(order.OrderReturned, merchant_id="")[0] == "errand_returned.customer"


def test_a_rider_without_the_goods_is_not_asked_to_keep_them() -> None:
    assert "delivery_failed.rider" in said(order.OrderDeliveryFailed)
    assert "delivery_failed.rider" not in said(order.OrderDeliveryFailed, goods=Goods.NOT_COLLECTED)


def test_a_failed_payment_is_not_told_to_the_customer_twice() -> None:
    assert "order_cancelled.customer" in said(order.OrderCancelled)
    assert "order_cancelled.customer" not in said(order.OrderCancelled, reason="payment_failed")


def test_only_the_customers_own_wish_to_cancel_is_confirmed_to_them() -> None:
    assert said(order.WithdrawalRequested) == ["cancellation_asked.customer"]
    assert said(order.WithdrawalRequested, by="support") == []


def test_the_review_is_asked_for_once_in_the_life_of_an_order() -> None:
    known = message(order.OrderCompleted)
    first = tellings_for(known, envelope(known, 7))
    second = tellings_for(known, envelope(known, 9))
    assert [t.source for t in first] == [t.source for t in second] == [ORDER, ORDER]


def test_a_case_is_told_to_the_customer_when_they_complained_or_nothing_else_tells_its_end() -> None:
    assert said(support.CaseOpened, kind="delivery_failed") == []
    assert said(support.CaseClosed, outcome="redelivered") == []


def test_the_rider_hears_of_another_door_even_in_the_same_cell_and_only_once() -> None:
    known = message(order.OrderAddressChanged)
    told = tellings_for(known, envelope(known))
    assert [(telling.role, telling.template) for telling in told] == [
        (Role.CUSTOMER, "address_changed"),
        (Role.RIDER, "route_changed"),
    ]
    assert dispatch.RouteChanged not in TOLD


def test_the_contact_goes_to_the_table_and_not_into_a_telling() -> None:
    (opened,) = commands(order.DeliveryContactShared)
    assert isinstance(opened, c.OpenContact)
    assert (opened.email, opened.language, opened.source) == ("li@example.org", Language.CHINESE, "evt_order_1")


def test_an_unknown_language_falls_back_to_english() -> None:
    person = order.ContactPerson(name="X", phone="1", language="fr")
    (opened,) = commands(order.DeliveryContactShared, customer=person)
    assert isinstance(opened, c.OpenContact)
    assert opened.language is Language.ENGLISH


def test_a_rider_who_is_taken_off_is_told_before_they_leave() -> None:
    tell, leave = commands(dispatch.RiderUnassigned)
    assert isinstance(tell, c.Tell)
    assert leave == c.LeaveRider(order_id=ORDER, rider_id=RIDER)


@pytest.mark.parametrize(
    ("kind", "alert"),
    [
        (dispatch.DispatcherNeeded, AlertKind.DISPATCHER_NEEDED),
        (dispatch.DeliveryUndeliverable, AlertKind.UNDELIVERABLE),
        (dispatch.RiderWentSilent, AlertKind.RIDER_SILENT),
    ],
)
def test_what_needs_a_dispatcher_raises_an_alert(kind: type[Message], alert: AlertKind) -> None:
    raised = [command for command in commands(kind) if isinstance(command, c.RaiseAlert)]
    assert [command.kind for command in raised] == [alert]


def test_a_rider_who_was_found_settles_the_alert_but_nothing_settles_that_one_went_silent() -> None:
    for kind in (
        dispatch.RiderAssigned,
        order.OrderCancelled,
        dispatch.DeliveryWithdrawn,
        support.RedispatchRequested,
    ):
        (settle,) = [command for command in commands(kind) if isinstance(command, c.SettleAlerts)]
        assert settle.kinds == {AlertKind.DISPATCHER_NEEDED, AlertKind.UNDELIVERABLE}
