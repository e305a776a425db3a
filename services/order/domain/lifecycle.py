"""What a table of an order's life is made of: rows of cells, and refusals of which each cell has its own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from services.order.domain import errors as no
from services.order.domain.values import OrderState
from shared.kernel.errors import DomainError


class Who(StrEnum):
    """Whoever moves an order: people by their role, other services by their facts, or time."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    SUPPORT = "support"
    OPERATIONS = "operations"
    PAYMENT = "payment"
    DISPATCH = "dispatch"
    TIME = "time"


PEOPLE = frozenset({Who.CUSTOMER, Who.MERCHANT, Who.SUPPORT, Who.OPERATIONS})


@dataclass(frozen=True, slots=True)
class Moves:
    """Something happens; the order is in one of `to` then. `unless` are the conditions that may still refuse it."""

    to: frozenset[OrderState]
    unless: tuple[type[DomainError], ...] = ()


@dataclass(frozen=True, slots=True)
class Same:
    """Nothing happens, and nobody is refused: it is so already, or comes too late to mean anything."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Impossible here. `why` is the family of the refusal; its own code comes from the row and the state."""

    why: type[DomainError]


Cell = Moves | Same | Refused
SAME = Same()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that may be asked of, or told to, an order, and what it leads to in each state."""

    name: str
    who: frozenset[Who]
    does: str
    cells: Mapping[OrderState, Cell]

    @property
    def by_people(self) -> bool:
        return bool(self.who & PEOPLE)

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the route behind this row."""
        return frozenset(who.value for who in self.who & PEOPLE)

    def refusal(self, state: OrderState) -> type[DomainError] | None:
        """The error class of an impossible cell, with a code that no other cell has."""
        cell = self.cells[state]
        return _refusal(self.name, state, cell.why) if isinstance(cell, Refused) else None

    def refusals(self) -> tuple[type[DomainError], ...]:
        """All that this row may be refused with, conditions first."""
        conditions = [why for cell in self.cells.values() if isinstance(cell, Moves) for why in cell.unless]
        cells = [refusal for state in OrderState if (refusal := self.refusal(state)) is not None]
        return tuple(dict.fromkeys([*conditions, *cells]))


_REFUSALS: dict[str, type[DomainError]] = {}


def _refusal(name: str, state: OrderState, why: type[DomainError]) -> type[DomainError]:
    """One class a cell, made once, so that callers can name it and documentation can list it."""
    words = f"cannot_{name.replace('-', '_')}_when_{state.value}"
    if words not in _REFUSALS:
        title = "".join(word.capitalize() for word in words.split("_"))
        facts = {"code": f"order.{words}", "__module__": __name__, "__doc__": why.__doc__}
        _REFUSALS[words] = type(title, (why,), facts)
    return _REFUSALS[words]


def check(asked: Row, state: OrderState, order_id: str) -> bool:
    """Whether anything may happen: False when it is so already; raises the cell's own refusal."""
    cell = asked.cells[state]
    refusal = asked.refusal(state)
    if refusal is None:
        return isinstance(cell, Moves)
    why = refusal.__mro__[1]
    assert issubclass(why, DomainError), "a refusal has a family"
    raise refusal(SENTENCES[why], order_id=order_id, state=state.value, why=why.code)


SENTENCES: Mapping[type[DomainError], str] = MappingProxyType(
    {
        no.OrderNotAccepted: "the order has not been accepted",
        no.OrderAlreadyAccepted: "the order has been accepted: it can only be cancelled now",
        no.OrderIsCancelling: "the order is being cancelled",
        no.OrderEnded: "this order has ended",
        no.OrderAlreadyPickedUp: "the rider already has this order",
        no.OrderAlreadyDelivered: "the order has been delivered",
        no.OrderWithSupport: "support is solving this delivery",
        no.FoodAlreadyReady: "the food is ready: there is nothing to extend",
        no.NothingToCorrect: "no delivery or failure was recorded that could be wrong",
        no.OrderNotDelivered: "the order has not been delivered",
    }
)


def row(
    name: str, who: frozenset[Who], does: str, *parts: tuple[tuple[OrderState, ...], Cell], rest: Cell | None = None
) -> Row:
    """A row of which every state is named, or left to `rest`; raises ValueError at import for one that is not."""
    cells = {state: cell for states, cell in parts for state in states}
    if rest is not None:
        cells = {state: cells.get(state, rest) for state in OrderState}
    missing = set(OrderState) - set(cells)
    if missing:
        raise ValueError(f"the table says nothing of {name} in {sorted(missing)}")
    return Row(name=name, who=who, does=does, cells=MappingProxyType(cells))


def to(*states: OrderState, unless: tuple[type[DomainError], ...] = ()) -> Moves:
    """Leads to one of these."""
    return Moves(frozenset(states), unless)


def stays(
    *states: OrderState, unless: tuple[type[DomainError], ...] = ()
) -> tuple[tuple[tuple[OrderState], Moves], ...]:
    """Something is recorded, and the order is where it was."""
    return tuple(((state,), to(state, unless=unless)) for state in states)


def edges(rows: Iterable[Row]) -> Iterator[tuple[OrderState, OrderState, Row]]:
    """Every move from one state to another that a row allows."""
    for each in rows:
        for state, cell in each.cells.items():
            if isinstance(cell, Moves):
                yield from ((state, end, each) for end in OrderState if end in cell.to and end is not state)
