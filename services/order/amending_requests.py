"""Turns what customers send about a running order into commands, with the faults that only the edge can see."""

from datetime import datetime

from services.order.amending_schemas import ChangeAddressBody, ChangeItemsBody
from services.order.contacts import read_email, read_phone
from services.order.domain.commands import ChangeAddress, Wanted
from services.order.domain.placing import recipient_faults
from services.order.domain.values import Contact, Recipient
from services.order.outbound import coarse
from shared.kernel.errors import Fault
from shared.kernel.place import Place


def address(body: ChangeAddressBody, order_id: str, now: datetime) -> tuple[ChangeAddress, list[Fault]]:
    """The command, and what is wrong with the contact and the address."""
    phone, phone_faults = read_phone(body.contact.phone, "contact.phone")
    email, email_faults = read_email(body.contact.email, "contact.email")
    place = Place(body.dropoff.lat, body.dropoff.lon)
    recipient = Recipient(
        contact=Contact(name=body.contact.name, phone=phone, email=email, language=body.contact.language),
        address=body.address,
        place=place,
        note=body.note,
    )
    command = ChangeAddress(
        order_id=order_id,
        at=now,
        now=now,
        recipient=recipient,
        dropoff_cell=coarse(place),
        expected_total_cents=body.expected_total_cents,
    )
    return command, [*phone_faults, *email_faults, *recipient_faults(recipient)]


def items(body: ChangeItemsBody) -> tuple[Wanted, ...]:
    return tuple(Wanted(sku=item.sku, quantity=item.quantity, options=tuple(item.options)) for item in body.items)
