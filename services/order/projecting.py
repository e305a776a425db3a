"""Runs the log past the lists: which events concern them, and under which version of the code they were built."""

from collections.abc import Sequence
from typing import Any

from services.order import views
from services.order.codec import MERCHANT_CODEC, ORDER_CODEC
from services.order.payment_codec import PAYMENT_CODEC
from shared.eventstore.batched import BatchedRows, one_at_a_time
from shared.eventstore.codec import Codec
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.projection import Projection


class _Blind:
    """Opens nothing: the lists hold no personal data, so none is decrypted to build them."""

    def seal(self, subject_id: str, plain: Any) -> str:  # noqa: ARG002
        raise AssertionError("a read model seals nothing")

    def open(self, subject_id: str, sealed: str) -> None:  # noqa: ARG002
        return None


_BLIND = _Blind()


def _orders(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    of_orders = {stored.stream_id for stored in events if ORDER_CODEC.knows(stored.type)}
    of_payments = {str(stored.data["order_id"]) for stored in events if PAYMENT_CODEC.knows(stored.type)}
    rows = BatchedRows(tx.connection, "order_list", "order_id", of_orders | of_payments)
    for stored in events:
        if ORDER_CODEC.knows(stored.type):
            event = ORDER_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
            views.fold_order(rows, stored.version, stored.stream_id, event)
        elif PAYMENT_CODEC.knows(stored.type):
            paid = PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
            views.fold_payment(rows, paid)
    rows.write()


def _merchants(tx: Transaction, stored: StoredEvent) -> None:
    if MERCHANT_CODEC.knows(stored.type):
        event = MERCHANT_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
        views.apply_to_merchants(tx, stored.stream_id, event)


def _types(*codecs: Codec[Any]) -> frozenset[str]:
    return frozenset(entry.name for codec in codecs for entry in codec.types)


ORDER_LIST = Projection(
    "order_list",
    1,
    one_at_a_time(_orders),
    tables=("order_list",),
    types=_types(ORDER_CODEC, PAYMENT_CODEC),
    apply_many=_orders,
)
MERCHANT_LIST = Projection("merchant_list", 1, _merchants, tables=("merchant_list",), types=_types(MERCHANT_CODEC))
