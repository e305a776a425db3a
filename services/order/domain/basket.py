"""What was wished, found on the menu: items with their options, and everything that can be wrong with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.order.domain.commands import PlaceOrder, Wanted
from services.order.domain.merchant import Merchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import Line, MenuItem, Option, OptionGroup
from shared.kernel.errors import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """An item of the menu, the options chosen for it, and how many of it."""

    item: MenuItem
    options: tuple[Option, ...]
    quantity: int

    @property
    def unit_cents(self) -> int:
        """An option may make an item cheaper, but never worth less than nothing."""
        return max(0, self.item.unit_cents + sum(option.delta_cents for option in self.options))

    @property
    def line(self) -> Line:
        return Line(
            sku=self.item.sku,
            name=self.item.name,
            quantity=self.quantity,
            unit_cents=self.unit_cents,
            options=self.options,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """All that was picked; `packing_cents` is for the order as a whole, items add their own."""

    picks: tuple[Pick, ...]
    packing_cents: int = 0

    @property
    def goods_cents(self) -> int:
        return sum(pick.unit_cents * pick.quantity for pick in self.picks)

    @property
    def packing_total_cents(self) -> int:
        return self.packing_cents + sum(pick.item.packing_cents * pick.quantity for pick in self.picks)

    @property
    def weight_g(self) -> int:
        return sum(pick.item.weight_g * pick.quantity for pick in self.picks)

    @property
    def volume_ml(self) -> int:
        return sum(pick.item.volume_ml * pick.quantity for pick in self.picks)

    @property
    def skills(self) -> tuple[str, ...]:
        named = {skill for pick in self.picks for skill in pick.item.skills}
        return tuple(sorted(named | {care.value for pick in self.picks for care in pick.item.handling}))


def basket_of(wanted: Sequence[Wanted], merchant: Merchant) -> Basket:
    """The basket of a wish without faults."""
    picks = tuple(_pick(wish, merchant) for wish in wanted)
    return Basket(picks=picks, packing_cents=merchant.packing_cents)


def _pick(wish: Wanted, merchant: Merchant) -> Pick:
    item = merchant.sells(wish.sku)
    if item is None:
        raise AssertionError(f"{wish.sku} has passed validation and is not on the menu")
    on_offer = {option.option_id: option for group in item.option_groups for option in group.options}
    return Pick(item=item, options=tuple(on_offer[chosen] for chosen in wish.options), quantity=wish.quantity)


def item_faults(command: PlaceOrder, merchant: Merchant, wanted_at: datetime, policy: OrderPolicy) -> Iterator[Fault]:
    """What is wrong with the items; `wanted_at` is when the kitchen would begin."""
    if not command.wanted:
        yield Fault("items", "empty", "an order needs at least one item")
    if len(command.wanted) > policy.items_max:
        yield Fault("items", "too_many", f"an order has at most {policy.items_max} items")
    for index, wish in enumerate(command.wanted[: policy.items_max]):
        item, field = merchant.sells(wish.sku), f"items.{index}"
        if item is None:
            yield Fault(f"{field}.sku", "unknown_item", f"the merchant does not sell {wish.sku!r}")
        elif not merchant.in_stock(wish.sku, wanted_at):
            yield Fault(f"{field}.sku", "out_of_stock", f"{item.name} is sold out")
        if not 1 <= wish.quantity <= policy.item_quantity_max:
            sentence = f"a quantity is between 1 and {policy.item_quantity_max}"
            yield Fault(f"{field}.quantity", "quantity_out_of_range", sentence)
        if item is not None:
            yield from _option_faults(wish, item, f"{field}.options")


def _option_faults(wish: Wanted, item: MenuItem, field: str) -> Iterator[Fault]:
    on_offer = {option.option_id for group in item.option_groups for option in group.options}
    for index, chosen in enumerate(wish.options):
        if chosen not in on_offer:
            yield Fault(f"{field}.{index}", "unknown_option", f"{item.name} does not come with {chosen!r}")
        elif chosen in wish.options[:index]:
            yield Fault(f"{field}.{index}", "option_twice", f"{chosen!r} is chosen twice")
    for group in item.option_groups:
        yield from _choice_faults(set(wish.options), group, field)


def _choice_faults(chosen: set[str], group: OptionGroup, field: str) -> Iterator[Fault]:
    count = len(chosen & {option.option_id for option in group.options})
    if count < group.min_choices:
        yield Fault(field, "too_few_choices", f"choose at least {group.min_choices} of {group.name}")
    if count > group.max_choices:
        yield Fault(field, "too_many_choices", f"choose at most {group.max_choices} of {group.name}")
