"""Quotes: a price and a promise that hold for some minutes, for what the platform itself decides about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.order.domain.city import Weather
from services.order.domain.commands import PlaceOrder
from services.order.domain.values import Totals
from shared.kernel.errors import Fault

FIELD = "quote_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a customer was told. The moment and the weather it was made in, and with them surcharges and promise, are
    kept while it lasts; a merchant may change its prices meanwhile."""

    quote_id: str
    customer_id: str
    merchant_id: str
    totals: Totals
    weather: Weather
    quoted_at: datetime
    promised_at: datetime
    expires_at: datetime


def standing_faults(command: PlaceOrder, quote: Quote | None) -> Iterator[Fault]:
    """Whether a quote can be relied on at all."""
    if command.quote_id is None:
        return
    if quote is None or quote.customer_id != command.customer_id:
        yield Fault(FIELD, "unknown_quote", "there is no such quote")
        return
    if quote.merchant_id != command.merchant_id:
        yield Fault(FIELD, "quote_mismatch", "the quote is for another merchant")
    if command.now > quote.expires_at:
        yield Fault(FIELD, "quote_expired", f"the quote was good until {quote.expires_at.isoformat()}")


def price_faults(quote: Quote | None, totals: Totals) -> Iterator[Fault]:
    """Whether the price is still the one that was told."""
    if quote is not None and quote.totals != totals:
        told, now = quote.totals.total_cents, totals.total_cents
        yield Fault(FIELD, "price_changed", f"the price was {told} cents and is {now} cents: ask for a new quote")
