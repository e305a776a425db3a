"""The places of an errand that fetches at several: which are left, how far the next is, and what was paid so far.

They are numbered as reports name them: 0 is where the errand begins, n its n-th further place.
"""

from services.dispatch.domain.delivery.state import Delivery
from shared.kernel.place import Place, distance_m


def left_stops(delivery: Delivery) -> tuple[int, ...]:
    """The further places where nobody has been yet, in the order of the way."""
    done = {each.stop for each in delivery.collected}
    return tuple(stop for stop in range(1, len(delivery.further_pickups) + 1) if stop not in done)


def place_of(delivery: Delivery, stop: int) -> Place:
    """Where a place is, as far as everybody may know; raises IndexError for one that the errand does not have."""
    return delivery.pickup if stop == 0 else delivery.further_pickups[stop - 1].place


def last_place(delivery: Delivery) -> Place:
    """Where the carrier was last, going by his reports; where the errand begins when he has told of no place."""
    return place_of(delivery, delivery.collected[-1].stop) if delivery.collected else delivery.pickup


def next_way_m(delivery: Delivery, stop: int | None = None) -> float:
    """From a place (None: the last one) to the next that is left, in metres; 0 when there is none."""
    here = last_place(delivery) if stop is None else place_of(delivery, stop)
    left = [each for each in left_stops(delivery) if each != stop]
    return distance_m(here, place_of(delivery, left[0])) if left else 0.0


def receipts_cents(delivery: Delivery, last_cents: int | None) -> int | None:
    """All that was paid, place by place and with the pick-up; None when no receipt was told of."""
    told = [each.receipt_cents for each in delivery.collected] + [last_cents]
    paid = [cents for cents in told if cents is not None]
    return sum(paid) if paid else None
