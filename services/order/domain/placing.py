"""Whether an order can be taken at all, what it costs and when it is promised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.order.domain import coupon as coupons
from services.order.domain import quote as quotes
from services.order.domain.city import City, Weather
from services.order.domain.commands import PlaceOrder
from services.order.domain.coupon import Coupon, CouponWish, Uses
from services.order.domain.draft import Draft
from services.order.domain.errands import draft_errand
from services.order.domain.events import OrderEvent, OrderPlaced
from services.order.domain.food import draft_food
from services.order.domain.merchant import Merchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import Conditions, couponed_cents, discounted, undiscounted
from services.order.domain.quote import Quote
from services.order.domain.state import Order
from services.order.domain.values import NO_MERCHANT, OrderKind, Recipient, Totals
from shared.kernel.errors import Fault, InvalidInput, NotFound

_ADDRESS_LENGTH_MAX = 300
_NOTE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else there is to know while an order is placed: the city, the quote it names, and its coupon's books."""

    city: City = field(default_factory=City)
    quote: Quote | None = None
    coupon: Coupon | None = None
    uses: Uses = field(default_factory=Uses)


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An order without faults, with its price: what a quote tells and a placed order keeps."""

    draft: Draft
    totals: Totals
    weather: Weather


def place(
    command: PlaceOrder,
    order: Order | None,
    merchant: Merchant | None,
    policy: OrderPolicy,
    known_faults: Sequence[Fault] = (),
    around: Around = NOTHING_AROUND,
) -> list[OrderEvent]:
    """Takes a valid order; raises NotFound for an unknown merchant, InvalidInput with all that is wrong at once.

    `known_faults` are those the edge found with its own knowledge (phone numbers, e-mail addresses).
    """
    if order is not None:
        return []
    known = [*known_faults, *_payment_faults(command, policy), *recipient_faults(command.recipient)]
    return [_placed(command, propose(command, merchant, policy, known, around), policy)]


def propose(
    command: PlaceOrder,
    merchant: Merchant | None,
    policy: OrderPolicy,
    known_faults: Sequence[Fault] = (),
    around: Around = NOTHING_AROUND,
) -> Proposal:
    """What the order would be and cost, whoever gets it; raises as `place` does."""
    if merchant is None and command.merchant_id != NO_MERCHANT:
        raise NotFound("there is no such merchant", merchant_id=command.merchant_id)
    faults = [*known_faults, *_shape_faults(command), *_common_faults(command, policy)]
    standing = list(quotes.standing_faults(command, around.quote))
    quote = None if standing else around.quote
    since = quote.quoted_at if quote else command.at
    moment = command.scheduled_for or since
    weather = quote.weather if quote else around.city.weather_at(command.dropoff, moment)
    draft = _draft(command, merchant, around.city, since, policy)
    if draft is not None:
        faults += [*draft.faults, *_schedule_faults(command, draft, policy)]
    conditions = Conditions(moment=moment, weather=weather)
    bill = None
    if draft is not None and draft.cost is not None:
        bill = undiscounted(draft.cost, draft.way_m, conditions, command.tip_cents, policy)
    faults += [*_coupon_faults(command, draft, bill, around), *standing]
    totals = _with_coupon(draft, bill, command, around, faults)
    if totals is not None:
        faults += quotes.price_faults(quote, totals)
    if faults or draft is None or totals is None:
        raise InvalidInput(faults)
    return Proposal(draft=draft, totals=totals, weather=weather)


def _draft(
    command: PlaceOrder, merchant: Merchant | None, city: City, since: datetime, policy: OrderPolicy
) -> Draft | None:
    if command.kind is OrderKind.FOOD:
        return None if merchant is None else draft_food(command, merchant, city, since, policy)
    return None if command.errand is None else draft_errand(command, command.errand, city, since, policy)


def _with_coupon(
    draft: Draft | None, bill: Totals | None, command: PlaceOrder, around: Around, faults: Sequence[Fault]
) -> Totals | None:
    """The final bill; None when there is none, or when its coupon cannot be used."""
    if draft is None or bill is None or any(fault.field == coupons.FIELD for fault in faults):
        return None
    terms = around.coupon.terms if command.coupon is not None and around.coupon is not None else None
    return discounted(bill, draft.terms, terms)


def _coupon_faults(command: PlaceOrder, draft: Draft | None, bill: Totals | None, around: Around) -> Iterator[Fault]:
    if command.coupon is None:
        return
    price = None if draft is None or bill is None else couponed_cents(bill, draft.terms)
    wish = CouponWish(
        order_id=command.order_id,
        merchant_id=command.merchant_id,
        kind=command.kind.value,
        price_cents=price,
        now=command.now,
    )
    yield from coupons.faults_of(around.coupon, around.uses, wish)


def _placed(command: PlaceOrder, proposal: Proposal, policy: OrderPolicy) -> OrderPlaced:
    draft = proposal.draft
    return OrderPlaced(
        order_id=command.order_id,
        customer_id=command.customer_id,
        merchant_id=command.merchant_id,
        at=command.at,
        kind=command.kind,
        lines=draft.lines,
        totals=proposal.totals,
        payment_method=command.payment_method,
        pickup=draft.pickup,
        recipient=command.recipient,
        dropoff_cell=command.dropoff_cell,
        required_skills=draft.skills,
        priority=command.priority,
        weight_g=draft.weight_g,
        volume_ml=draft.volume_ml,
        promised_at=draft.times.promised_at,
        scheduled_for=command.scheduled_for,
        pay_by=command.now + policy.span("payment"),
        ask_at=draft.times.ask_at,
        errand=command.errand.errand if command.errand else None,
        terms=draft.terms,
        coupon=command.coupon,
        quote_id=command.quote_id,
        further_pickups=draft.further_pickups,
    )


def _shape_faults(command: PlaceOrder) -> Iterator[Fault]:
    """Whether the wish says what its kind needs, and nothing that belongs to another kind."""
    if command.kind is OrderKind.FOOD:
        if command.merchant_id == NO_MERCHANT:
            yield Fault("merchant_id", "required", "food comes from a merchant")
        if command.errand is not None:
            yield Fault("errand", "not_for_food", "an order from a menu is no errand")
        return
    if command.errand is None:
        yield Fault("errand", "required", "an errand says what is to be done, and where it begins")
    if command.merchant_id != NO_MERCHANT:
        yield Fault("merchant_id", "not_for_errands", "an errand has no merchant")
    if command.wanted:
        yield Fault("items", "not_for_errands", "an errand has no menu: say in the task what is wanted")


def _payment_faults(command: PlaceOrder, policy: OrderPolicy) -> Iterator[Fault]:
    if not policy.accepts_method(command.payment_method):
        yield Fault("payment.method", "unknown_method", "this payment method is not accepted")


def _common_faults(command: PlaceOrder, policy: OrderPolicy) -> Iterator[Fault]:
    if not 0 <= command.tip_cents <= policy.tip_max_cents:
        yield Fault("tip_cents", "tip_out_of_range", f"a tip is at most {policy.tip_max_cents} cents")
    wished = command.scheduled_for
    if wished is not None and not _schedulable(wished, command, policy):
        yield Fault("scheduled_for", "out_of_range", "an order can be scheduled from now to a week ahead")


def _schedulable(wished: datetime, command: PlaceOrder, policy: OrderPolicy) -> bool:
    return command.now <= wished <= command.now + policy.span("schedule_ahead")


def recipient_faults(recipient: Recipient) -> Iterator[Fault]:
    """Whether a rider could find the door and ask for somebody."""
    if not recipient.address.strip():
        yield Fault("address", "blank", "the rider needs an address")
    if len(recipient.address) > _ADDRESS_LENGTH_MAX:
        yield Fault("address", "too_long", f"an address has at most {_ADDRESS_LENGTH_MAX} characters")
    if len(recipient.note) > _NOTE_LENGTH_MAX:
        yield Fault("note", "too_long", f"a note has at most {_NOTE_LENGTH_MAX} characters")
    if not recipient.contact.name.strip():
        yield Fault("contact.name", "blank", "the rider must know whom to ask for")


def _schedule_faults(command: PlaceOrder, draft: Draft, policy: OrderPolicy) -> Iterator[Fault]:
    """Sooner than it can be made and brought; a moment that nobody can schedule for is told as out of range."""
    wished = command.scheduled_for
    if wished is None or not _schedulable(wished, command, policy):
        return
    # The buffer is the platform's own: a customer may ask for the moment at which it could just be done.
    if wished < draft.times.earliest - policy.span("promise_buffer"):
        earliest = draft.times.earliest.isoformat(timespec="minutes")
        yield Fault("scheduled_for", "too_soon", f"the earliest that can be promised is {earliest}")
