"""A rider: registered once, on shift, asked about one thing or one bundle, carrying what he has room for."""

from dataclasses import replace

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from tests.unit.dispatch import scenes as s

end = c.EndShift(rider_id=s.RIDER)
receive = c.ReceiveOffer(
    rider_id=s.RIDER,
    delivery_id=s.DELIVERY,
    skills=("cold_box",),
    weight_g=1_000,
    volume_ml=2_000,
    answer_by=s.offer_received.answer_by,
    now=s.NOW,
)
take = c.TakeDelivery(rider_id=s.RIDER, delivery_id=s.DELIVERY, skills=(), weight_g=1_000, volume_ml=2_000, now=s.NOW)
release = c.ReleaseDelivery(rider_id=s.RIDER, delivery_id=s.DELIVERY, how="delivered", unfit=False, now=s.at(30))
lose = c.LoseRider(rider_id=s.RIDER, delivery_id=s.DELIVERY, now=s.at(30))
alive = c.NoteSignOfLife(rider_id=s.RIDER)
close = c.CloseShift(rider_id=s.RIDER, now=s.at(240))
released = e.DeliveryReleased(delivery_id=s.DELIVERY, how="delivered", released_at=s.at(30))
ONE = DispatchPolicy(deliveries_per_rider=1)
silent = e.RiderWentSilent(delivery_id=s.DELIVERY)


def test_a_rider_is_registered_once() -> None:
    s.rider().when(s.register_command()).then(s.registered)
    s.rider().when_twice(s.register_command()).then_nothing()
    s.rider(s.registered).when(s.register_command(name="Han Meimei")).then_refused(errors.RiderAlreadyRegistered)


def test_a_shift_starts_with_a_place_and_an_end_and_its_end_can_be_moved() -> None:
    s.rider(s.registered).when(s.start_command()).then(s.on_shift)
    s.rider(s.registered).when_twice(s.start_command()).then_nothing()
    s.rider(*s.READY_RIDER).when(replace(s.start_command(), until=s.at(300))).then_types(e.ShiftStarted)


def test_a_shift_cannot_end_before_it_starts_nor_be_a_strangers() -> None:
    s.rider(s.registered).when(replace(s.start_command(), until=s.NOW)).then_refused(errors.ShiftEndsTooSoon)
    s.rider().when(s.start_command()).then_refused(errors.RiderNotFound)


def test_a_shift_ends_with_empty_hands_and_voids_an_open_offer() -> None:
    s.rider(*s.READY_RIDER).when(end).then(e.ShiftEnded())
    s.rider(*s.READY_RIDER).when_twice(end).then_nothing()
    s.rider(*s.READY_RIDER, s.offer_received).when(end).then(
        e.OfferClosed(delivery_id=s.DELIVERY, how="shift_ended"), e.ShiftEnded()
    )
    s.rider(*s.READY_RIDER, s.taken).when(end).then_refused(errors.RiderBusy)
    s.rider().when(end).then_refused(errors.RiderNotFound)


def test_a_shift_ends_by_itself_at_its_time_or_with_the_last_delivery() -> None:
    s.rider(*s.READY_RIDER).when(close).then(e.ShiftEnded(reason="time"))
    s.rider(*s.READY_RIDER).when(replace(close, now=s.at(239))).then_nothing()
    s.rider(*s.READY_RIDER, s.taken).when(close).then_nothing()
    late = replace(release, now=s.at(250))
    gone = replace(released, released_at=s.at(250))
    s.rider(*s.READY_RIDER, s.taken).when(late).then(gone, e.ShiftEnded(reason="time"))
    another = replace(s.taken, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken, another).when(late).then(gone)
    s.rider(*s.READY_RIDER, s.taken, another).when(end).then_refused(errors.RiderBusy)
    asked = replace(s.offer_received, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken, asked).when(late).then(
        gone, e.OfferClosed(delivery_id="dlv_2", how="shift_ended"), e.ShiftEnded(reason="time")
    )


def test_a_rider_is_asked_about_one_delivery_or_one_bundle_at_a_time() -> None:
    s.rider(*s.READY_RIDER).when(receive).then(s.offer_received)
    s.rider(*s.READY_RIDER).when_twice(receive).then_nothing()
    another = replace(receive, delivery_id="dlv_2")
    asked = s.rider(*s.READY_RIDER, s.offer_received)
    asked.when(another).then_refused(errors.RiderHasOffer)
    asked.when(replace(another, bundle=("dlv_2", "dlv_3"))).then_refused(errors.RiderHasOffer)
    together = replace(another, bundle=(s.DELIVERY, "dlv_2"))
    asked.when(together).then(replace(s.offer_received, delivery_id="dlv_2"))
    asked.when_twice(together).then_nothing()


def test_a_rider_who_carries_is_asked_until_he_has_as_many_as_he_may_have() -> None:
    another = replace(receive, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken).when(another).then_types(e.OfferReceived)
    s.rider(*s.READY_RIDER, s.taken, policy=ONE).when(another).then_refused(errors.RiderBusy)
    three = [replace(s.taken, delivery_id=f"dlv_{number}") for number in (3, 4, 5)]
    s.rider(*s.READY_RIDER, *three).when(another).then_refused(errors.RiderBusy)
    offered = replace(s.offer_received, delivery_id="dlv_6")
    bundle = replace(another, bundle=("dlv_2", "dlv_6"))
    s.rider(*s.READY_RIDER, *three[:2], offered).when(bundle).then_refused(errors.RiderBusy)


def test_a_rider_is_asked_only_about_what_fits_beside_all_that_he_has() -> None:
    another = replace(receive, delivery_id="dlv_2", bundle=("dlv_2", "dlv_3"))
    heavy = replace(s.taken, delivery_id="dlv_3", weight_g=19_500)
    s.rider(*s.READY_RIDER, heavy).when(another).then_refused(errors.RiderLacksCapacity)
    s.rider(*s.READY_RIDER, heavy).when(replace(another, weight_g=500)).then_types(e.OfferReceived)
    bulky = replace(s.offer_received, delivery_id="dlv_3", volume_ml=59_000)
    s.rider(*s.READY_RIDER, bulky).when(another).then_refused(errors.RiderLacksCapacity)
    s.rider(*s.READY_RIDER, bulky).when(replace(another, volume_ml=1_000)).then_types(e.OfferReceived)
    closed = e.OfferClosed(delivery_id="dlv_3", how="declined")
    s.rider(*s.READY_RIDER, bulky, closed).when(another).then_types(e.OfferReceived)


def test_nobody_is_asked_who_is_off_shift_silent_or_unfit_for_it() -> None:
    s.rider().when(receive).then_refused(errors.RiderNotFound)
    s.rider(s.registered).when(receive).then_refused(errors.RiderOffShift)
    s.rider(*s.READY_RIDER).when(replace(receive, now=s.at(240))).then_refused(errors.RiderOffShift)
    s.rider(*s.READY_RIDER, silent).when(receive).then_refused(errors.RiderSilent)
    s.rider(*s.READY_RIDER).when(replace(receive, skills=("alcohol",))).then_refused(errors.RiderLacksSkills)
    s.rider(*s.READY_RIDER).when(replace(receive, weight_g=50_000)).then_refused(errors.RiderLacksCapacity)


def test_an_offer_is_closed_once() -> None:
    close_offer = c.CloseOffer(rider_id=s.RIDER, delivery_id=s.DELIVERY, how="expired")
    given = s.rider(*s.READY_RIDER, s.offer_received)
    given.when(close_offer).then(e.OfferClosed(delivery_id=s.DELIVERY, how="expired"))
    given.when_twice(close_offer).then_nothing()
    s.rider(*s.READY_RIDER).when(close_offer).then_nothing()


def test_a_rider_takes_a_delivery_and_leaves_the_offers_for_which_there_is_no_room_beside_it() -> None:
    s.rider(*s.READY_RIDER).when(take).then(s.taken)
    s.rider(*s.READY_RIDER).when_twice(take).then_nothing()
    s.rider(*s.READY_RIDER, s.offer_received).when(take).then(
        e.OfferClosed(delivery_id=s.DELIVERY, how="taken"), s.taken
    )
    second = replace(take, delivery_id="dlv_2")
    taken_second = replace(s.taken, delivery_id="dlv_2")
    asked = s.rider(*s.READY_RIDER, s.offer_received)
    asked.when(second).then(taken_second)
    left = e.OfferClosed(delivery_id=s.DELIVERY, how="took_another")
    replace(asked, policy=ONE).when(second).then(left, taken_second)
    heavy = replace(second, weight_g=19_500)
    asked.when(heavy).then(left, replace(taken_second, weight_g=19_500))
    s.rider(s.registered).when(take).then_refused(errors.RiderOffShift)
    s.rider(*s.READY_RIDER).when(replace(take, skills=("alcohol",))).then_refused(errors.RiderLacksSkills)


def test_a_rider_takes_no_more_than_he_may_have_and_no_more_than_he_has_room_for() -> None:
    second = replace(take, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken).when(second).then_types(e.DeliveryTaken)
    s.rider(*s.READY_RIDER, s.taken, policy=ONE).when(second).then_refused(errors.RiderBusy)
    heavy = replace(s.taken, weight_g=19_500)
    s.rider(*s.READY_RIDER, heavy).when(second).then_refused(errors.RiderLacksCapacity)
    released_heavy = (heavy, released)
    s.rider(*s.READY_RIDER, *released_heavy).when(second).then_types(e.DeliveryTaken)


def test_a_rider_who_has_the_goods_already_takes_them_whatever_his_shift_says() -> None:
    s.rider(s.registered, silent).when(replace(take, in_hand=True)).then(e.RiderCameBack(), s.taken)


def test_a_rider_is_free_again_after_a_delivery() -> None:
    s.rider(*s.READY_RIDER, s.taken).when(release).then(released)
    s.rider(*s.READY_RIDER, s.taken).when_twice(release).then_nothing()
    assert s.rider_after(*s.READY_RIDER, s.taken, released).free
    another = replace(s.taken, delivery_id="dlv_2")
    left = s.rider_after(*s.READY_RIDER, s.taken, another, released)
    assert (left.carrying, left.free) == (("dlv_2",), False)


def test_a_rider_who_cannot_go_on_is_off_shift_until_he_starts_again() -> None:
    unfit = replace(release, how="rider_vehicle", unfit=True)
    s.rider(*s.READY_RIDER, s.taken).when(unfit).then(
        replace(released, how="rider_vehicle"), e.ShiftEnded(reason="rider_vehicle")
    )


def test_a_lost_rider_is_silent_until_he_reports_again() -> None:
    s.rider(*s.READY_RIDER, s.taken).when(lose).then(replace(released, how="silent"), silent)
    s.rider(*s.READY_RIDER, s.taken).when_twice(lose).then_nothing()
    asked = replace(s.offer_received, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken, asked).when(lose).then(
        replace(released, how="silent"),
        e.OfferClosed(delivery_id="dlv_2", how="silent"),
        silent,
    )
    another = replace(s.taken, delivery_id="dlv_2")
    s.rider(*s.READY_RIDER, s.taken, another, silent).when(lose).then(replace(released, how="silent"))
    s.rider(*s.READY_RIDER, silent).when(alive).then(e.RiderCameBack())
    s.rider(*s.READY_RIDER, silent).when_twice(alive).then_nothing()
    s.rider(*s.READY_RIDER, silent).when(s.start_command()).then(e.RiderCameBack())
    s.rider().when(alive).then_refused(errors.RiderNotFound)


def test_goods_to_bring_back_keep_nobody_from_other_work() -> None:
    back = c.TakeReturn(rider_id=s.RIDER, delivery_id=s.DELIVERY)
    done = c.FinishReturn(rider_id=s.RIDER, delivery_id=s.DELIVERY)
    taken_back = e.ReturnTaken(delivery_id=s.DELIVERY)
    s.rider(*s.READY_RIDER).when(back).then(taken_back)
    s.rider(*s.READY_RIDER).when_twice(back).then_nothing()
    assert s.rider_after(*s.READY_RIDER, taken_back).free
    s.rider(*s.READY_RIDER, taken_back).when(done).then(e.ReturnDone(delivery_id=s.DELIVERY))
    s.rider(*s.READY_RIDER, taken_back).when_twice(done).then_nothing()
