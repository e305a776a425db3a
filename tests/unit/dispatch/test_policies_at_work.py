"""A policy in force: every process takes it, waits and the engine follow it, decisions record it, the world hears."""

from datetime import timedelta

from services.dispatch.application import fire_deadlines, perform, perform_policy
from services.dispatch.codec import DELIVERY, POLICY
from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.policies import commands as c
from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.state import stream_of
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Priority
from services.dispatch.engine.policy import engine_policy
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine
from services.dispatch.outbound import messages_for
from services.dispatch.policy_desk import PolicyDesk
from shared.contracts import dispatch as m
from shared.eventstore.memory import MemoryStore
from shared.kernel.place import Place
from tests.unit.dispatch import pictures
from tests.unit.dispatch import policies as p
from tests.unit.dispatch import scenes as s

WHY = "tried in the lab"
AROUND_THE_SHOP = {
    "defaults": {"offer_seconds": 25},
    "areas": [
        {
            "name": "shops",
            "polygon": [
                {"lat": s.SHOP.lat + dy, "lon": s.SHOP.lon + dx}
                for dy, dx in ((-0.01, -0.01), (-0.01, 0.01), (0.01, 0.01), (0.01, -0.01))
            ],
        }
    ],
    "rules": [{"name": "shops", "areas": ["shops"], "values": {"offer_seconds": 12, "rider_speed_m_per_s": 0.5}}],
}


def do(store: MemoryStore, command: c.PolicyCommand) -> None:
    store.run(lambda tx: perform_policy(tx, command, s.context()))


def drafted(store: MemoryStore, version: int = 1) -> None:
    document = p.read(AROUND_THE_SHOP | {"defaults": {"offer_seconds": 24 + version}})
    do(store, c.DraftPolicy(document=document, reason=WHY, now=s.NOW))


def test_every_desk_takes_the_active_version_at_its_next_look() -> None:
    store = MemoryStore()
    one, other = PolicyDesk(store, DispatchPolicy()), PolicyDesk(store, DispatchPolicy(handover_seconds=60))
    assert one.current().at(None, s.NOW) == DispatchPolicy()
    drafted(store)
    assert not one.look()
    do(store, c.ActivatePolicy(version=1, reason=WHY, now=s.NOW))
    assert one.look()
    assert not one.look()
    assert one.current().at(None, s.NOW).version == "dispatch-1"
    assert other.current().at(None, s.NOW) == DispatchPolicy(
        version="dispatch-1", offer_seconds=25, handover_seconds=60
    )
    do(store, c.RollBack(version=None, reason=WHY, now=s.NOW))
    assert one.look()
    assert one.current().at(None, s.NOW).version == "base"


def test_a_scheduled_version_takes_over_by_its_deadline_and_says_why() -> None:
    store = MemoryStore()
    drafted(store)
    do(store, c.ActivatePolicy(version=1, reason=WHY, at=s.at(60), now=s.NOW))
    assert fire_deadlines(store, "system:deadline", s.at(59), DispatchPolicy()) == 0
    assert fire_deadlines(store, "system:deadline", s.at(60), DispatchPolicy()) == 1
    assert store.load(POLICY, stream_of("dispatch")).state.active == 1
    taken = store.stream(stream_of("dispatch"))[-1]
    assert (taken.type, taken.actor, taken.data["reason"]) == ("PolicyActivated", "system:deadline", WHY)


def test_what_is_decided_follows_the_policy_of_the_pick_up_and_records_it() -> None:
    store = MemoryStore()
    policy = p.in_force(AROUND_THE_SHOP, "dispatch-7")
    for command in (
        s.register_command(s.RIDER),
        s.start_command(s.RIDER),
        s.announce_command(s.DELIVERY, s.ORDER),
        dc.RequestDelivery(delivery_id=s.DELIVERY, ready_at=s.at(10), now=s.NOW),
        s.offer_command(s.RIDER, s.DELIVERY),
    ):
        store.run(lambda tx, command=command: perform(tx, command, s.context(), policy))  # type: ignore[misc]
    offer = store.load(DELIVERY, s.DELIVERY).state.offer
    assert offer is not None
    assert offer.answer_by == s.NOW + timedelta(seconds=12)
    accept = dc.AcceptOffer(delivery_id=s.DELIVERY, rider_id=s.RIDER, now=s.NOW)
    store.run(lambda tx: perform(tx, accept, s.context(), policy))
    recorded = {event.type: event.data.get("policy_version") for event in store.stream(s.DELIVERY)}
    assert recorded["DeliveryRequested"] == recorded["DeliveryOffered"] == recorded["RiderAssigned"] == "dispatch-7"


def test_the_engine_weighs_each_delivery_by_the_policy_of_its_pick_up() -> None:
    document = AROUND_THE_SHOP | {"defaults": {"urgent_weight": 4, "futures": 7}}
    document |= {"rules": [{"name": "shops", "areas": ["shops"], "values": {"urgent_weight": 9}}]}
    policy = p.in_force(document)
    here = pictures.delivery("dlv_here", priority=Priority.URGENT)
    there = pictures.delivery("dlv_there", priority=Priority.URGENT, pickup=Place(s.SHOP.lat + 0.05, s.SHOP.lon))
    world = Town().world(pictures.picture([], [here, there]), policy, StraightLine(metres_per_second=4))
    assert [order.weight for order in world.orders] == [9, 4]
    assert engine_policy(policy.at(None, s.NOW)).worlds == 7


def test_the_world_hears_which_version_took_over_and_not_why() -> None:
    store = MemoryStore()
    drafted(store)
    do(store, c.ActivatePolicy(version=1, reason=WHY, now=s.NOW))
    stored = store.stream(stream_of("dispatch"))
    assert messages_for(stored[0], p.EVENTS[0]) == ()
    [activated] = messages_for(stored[1], e.PolicyActivated(version=1, previous=0, reason=WHY, activated_at=s.NOW))
    assert activated.message == m.PolicyActivated(
        scope="dispatch", policy_version="dispatch-1", previous_policy_version="base"
    )
    back = e.PolicyRolledBack(version=0, previous=1, reason=WHY, activated_at=s.NOW)
    [told] = messages_for(stored[1], back)
    assert told.message == m.PolicyActivated(
        scope="dispatch", policy_version="base", previous_policy_version="dispatch-1", rolled_back=True
    )
