"""A rider whose device falls silent is asked once, and taken over if he does not answer; any sign of life counts."""

from datetime import datetime

from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider.commands import NoteSignOfLife
from services.dispatch.domain.values import Proof, Stage
from services.dispatch.domain.wellbeing import RiderAsked, last_heard, stream_of
from services.dispatch.silence_turn import watch_rider
from shared.eventstore.memory import MemoryStore
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(silent_after_seconds=300, silent_grace_seconds=120)
asked = RiderAsked(rider_id=s.RIDER, delivery_id=s.DELIVERY, heard_at=s.NOW, asked_at=s.at(5), answer_by=s.at(7))


class Street:
    """Two riders; the first has accepted one delivery, and its clock of positions stands at `heard`."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        for rider_id in (s.RIDER, s.OTHER):
            self.do(s.register_command(rider_id))
            self.do(s.start_command(rider_id))
        self.do(s.announce_command())
        self.do(c.RequestDelivery(delivery_id=s.DELIVERY, ready_at=s.at(10), now=s.NOW))
        self.do(s.offer_command())
        self.do(c.AcceptOffer(delivery_id=s.DELIVERY, rider_id=s.RIDER, now=s.NOW))

    def do(self, command: object, minutes: float = 0, actor: str = "test:1") -> None:
        self.store.run(lambda tx: perform(tx, command, s.context(minutes, actor), POLICY))  # type: ignore[arg-type]

    def watch(self, minutes: float, heard: float = 0) -> bool:
        return watch_rider(self.store, s.RIDER, s.at(heard), s.at(minutes), POLICY)

    def types(self) -> list[str]:
        return [event.type for event in self.store.stream(stream_of(s.RIDER))]

    def stage(self) -> Stage:
        return self.store.load(DELIVERY, s.DELIVERY).state.stage


def pick_up(minutes: float) -> c.ReportPickUp:
    return c.ReportPickUp(
        delivery_id=s.DELIVERY, rider_id=s.RIDER, proof=Proof(), occurred_at=s.at(minutes), now=s.at(minutes)
    )


def test_he_is_asked_once_and_then_what_he_has_not_fetched_is_taken_over() -> None:
    street = Street()
    assert not street.watch(4.9)
    assert street.watch(5)
    assert not street.watch(6)
    assert street.types() == ["RiderAsked"]
    assert street.stage() is Stage.ASSIGNED
    assert street.watch(7)
    assert street.stage() is Stage.WAITING
    rider = street.store.load(RIDER, s.RIDER).state
    assert (rider.silent, rider.carrying) == (True, ())
    assert not street.watch(8)
    assert [each.type for each in street.store.stream(s.RIDER)].count("RiderWentSilent") == 1
    street.do(NoteSignOfLife(rider_id=s.RIDER), 9)
    assert not street.store.load(RIDER, s.RIDER).state.silent


def test_a_position_in_the_grace_is_an_answer_and_a_new_silence_is_asked_about_anew() -> None:
    street = Street()
    assert street.watch(5)
    assert not street.watch(7, heard=5.5)
    assert street.stage() is Stage.ASSIGNED
    assert street.watch(10.5, heard=5.5)
    assert street.types() == ["RiderAsked", "RiderAsked"]


def test_a_report_is_a_sign_of_life_too() -> None:
    street = Street()
    arrive = c.ReportArrivalAtPickup(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(4), now=s.at(4))
    street.do(arrive, 4, actor=f"rider:{s.RIDER}")
    street.do(c.NoteGoodsReady(delivery_id=s.DELIVERY, ready_at=s.at(4), now=s.at(4)), 4)
    assert not street.watch(8.9)
    assert street.watch(9)


def test_who_waits_at_the_counter_for_late_goods_or_has_all_in_hand_is_left_to_his_report() -> None:
    street = Street()
    street.do(c.ReportArrivalAtPickup(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(1), now=s.at(1)), 1)
    assert not street.watch(20)
    street.do(c.NoteGoodsReady(delivery_id=s.DELIVERY, ready_at=s.at(2), now=s.at(2)), 2)
    assert street.watch(20)
    street.do(pick_up(21), 21)
    assert not street.watch(40)
    assert street.stage() is Stage.PICKED_UP


def test_the_latest_sign_of_life_counts() -> None:
    moments: list[datetime | None] = [None, s.at(1), s.at(3), s.at(2)]
    assert last_heard(*moments) == s.at(3)
    assert last_heard(None) is None
