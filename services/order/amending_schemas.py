"""What customers send to change a running order."""

from pydantic import Field

from services.order.placing_schemas import ContactBody, ItemBody
from services.order.schemas import Cents, Input, LongText, Point, shown


class ChangeAddressBody(Input):
    """The whole new address and contact. When it costs something else, `expected_total_cents` says that you agree."""

    model_config = shown(
        {
            "dropoff": {"lat": 30.279, "lon": 120.16},
            "address": "20 Willow Lane, at the reception",
            "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "language": "zh"},
        }
    )

    dropoff: Point
    address: LongText
    contact: ContactBody
    note: LongText = ""
    expected_total_cents: Cents | None = None


class ChangeItemsBody(Input):
    """The whole new basket. When it costs something else, `expected_total_cents` says that you agree."""

    model_config = shown({"items": [{"sku": "dumplings", "quantity": 2}, {"sku": "tea", "quantity": 1}]})

    items: list[ItemBody] = Field(min_length=1, max_length=200)
    expected_total_cents: Cents | None = None
