"""Runs the log past the lists: which events concern them, and under which version of the code they were built."""

from typing import Any

from services.order import views
from services.order.codec import MERCHANT_CODEC, ORDER_CODEC, PAYMENT_CODEC
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


def _orders(tx: Transaction, stored: StoredEvent) -> None:
    if ORDER_CODEC.knows(stored.type):
        event = ORDER_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
        views.apply_to_orders(tx, stored.version, stored.stream_id, event)
    elif PAYMENT_CODEC.knows(stored.type):
        paid = PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
        views.apply_payment_to_orders(tx, paid)


def _merchants(tx: Transaction, stored: StoredEvent) -> None:
    if MERCHANT_CODEC.knows(stored.type):
        event = MERCHANT_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)
        views.apply_to_merchants(tx, stored.stream_id, event)


def _types(*codecs: Codec[Any]) -> frozenset[str]:
    return frozenset(entry.name for codec in codecs for entry in codec.types)


ORDER_LIST = Projection("order_list", 1, _orders, tables=("order_list",), types=_types(ORDER_CODEC, PAYMENT_CODEC))
MERCHANT_LIST = Projection("merchant_list", 1, _merchants, tables=("merchant_list",), types=_types(MERCHANT_CODEC))
