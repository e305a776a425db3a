"""What is left of a private message that waits parked when its customer is forgotten."""

from shared.contracts.order import DeliveryContactShared
from shared.messaging.forgetting import BLANK

IDS = {"order_id", "customer_id", "merchant_id"}


def test_all_that_a_shared_contact_says_but_ids_is_blanked_and_it_can_still_be_read() -> None:
    assert set(BLANK) | IDS == set(DeliveryContactShared.model_fields)
    read = DeliveryContactShared.model_validate({**dict.fromkeys(IDS, "x"), **BLANK})
    assert (read.pickup, read.task, read.further_pickups) == (None, "", ())
