"""Prints `docs/order-lifecycle.md` from the table that the decisions obey, so that nobody reads a stale diagram.

`python -m services.order.lifecycle_page` writes it; with `--check` it fails when the page is not what it would write.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from services.order.domain.fees import BORNE_BY, FEES
from services.order.domain.lifecycle import Moves, Refused, Row, edges
from services.order.domain.policy import OrderPolicy
from services.order.domain.timeouts import TIME_ROWS
from services.order.domain.transitions import FACT_ROWS, PEOPLES_ROWS, ROWS
from services.order.domain.values import OrderState
from services.order.domain.watching import WATCHES

PAGE = Path(__file__).parents[2] / "docs" / "order-lifecycle.md"
TRADE = {
    OrderState.PENDING_ACCEPTANCE: "待接单",
    OrderState.ACCEPTED: "已接单",
    OrderState.PREPARING: "备餐中",
    OrderState.READY: "待取货",
    OrderState.DELIVERING: "配送中",
    OrderState.DELIVERED: "已送达",
    OrderState.DELIVERY_EXCEPTION: "配送异常",
    OrderState.RETURNING: "退回中",
    OrderState.COMPLETED: "已完成",
    OrderState.CANCELLING: "取消中",
    OrderState.CANCELLED: "已取消",
    OrderState.REJECTED: "已拒单",
    OrderState.ARCHIVED: "已归档",
}
"""The words of the trade."""

_INTRODUCTION = """\
# The life of an order

Printed from `services/order/domain/transitions.py` by `make docs`; do not edit by hand. The decisions read their
refusals from the same table, and a test holds every cell of it against them.

## The diagram

Solid lines of the text: what people do. Words in brackets: (facts) of payment, dispatch and support, [time] that ran
out.
"""

_TABLES = """\
## Who may do what, and when

A state in a cell is where it leads; the state of the row itself means that something is recorded and the order stays
where it is. `–`: nothing happens and nobody is refused, because it is so already or comes too late to mean anything.
A code is the refusal that this one impossible transition has to itself; its problem document says in `why` to which
family it belongs, and the family's code never changes.
"""


def render() -> str:
    """The whole page as Markdown."""
    parts = [
        _INTRODUCTION,
        "\n".join(_diagram()),
        "\n".join(_states()),
        _TABLES,
        *("\n".join(_section(row)) for row in PEOPLES_ROWS),
        "## What facts and time do\n\nFacts are never refused: they are recorded, or mean nothing any more.\n",
        "\n".join(_quiet_table(FACT_ROWS)),
        "\n".join(_quiet_table(TIME_ROWS.values())),
        "\n".join(_watches()),
        "\n".join(_fees()),
        "\n".join(_families()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> pending_acceptance: place"
    told: dict[tuple[OrderState, OrderState], list[str]] = {}
    for before, after, row in edges(ROWS):
        told.setdefault((before, after), []).append(_label(row))
    for (before, after), names in told.items():
        yield f"    {before.value} --> {after.value}: {', '.join(names)}"
    yield "    archived --> [*]"
    yield "```\n"


def _label(row: Row) -> str:
    if row in PEOPLES_ROWS:
        return row.name
    return f"({row.name})" if row in FACT_ROWS else f"[{row.name}]"


def _states() -> Iterator[str]:
    yield "## The states\n"
    yield "| state | in the trade | who can move it on |"
    yield "|---|---|---|"
    for state in OrderState:
        who = {who.value for before, _, row in edges(ROWS) if before is state for who in row.who}
        yield f"| `{state.value}` | {TRADE[state]} | {', '.join(sorted(who)) or 'nobody: it is the end'} |"
    yield ""


def _section(row: Row) -> Iterator[str]:
    yield f"### {row.name}\n"
    yield f"By {', '.join(sorted(row.roles))}: {row.does}.\n"
    yield "| in state | leads to | or is refused with |"
    yield "|---|---|---|"
    for state in OrderState:
        cell, refusal = row.cells[state], row.refusal(state)
        if isinstance(cell, Moves):
            codes = ", ".join(f"`{why.code}`" for why in cell.unless)
            yield f"| `{state.value}` | {_states_of(cell.to)} | {codes} |"
        elif refusal is not None:
            yield f"| `{state.value}` |  | `{refusal.code}` |"
        else:
            yield f"| `{state.value}` | – |  |"
    yield ""


def _states_of(states: Iterable[OrderState]) -> str:
    return " or ".join(f"`{state.value}`" for state in OrderState if state in states)


def _quiet_table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| what | by | does | where it means something |"
    yield "|---|---|---|---|"
    for row in rows:
        groups: dict[frozenset[OrderState], list[OrderState]] = {}
        for state, cell in row.cells.items():
            if isinstance(cell, Moves):
                groups.setdefault(frozenset() if cell.to == {state} else cell.to, []).append(state)
        moves = [
            f"{', '.join(f'`{state.value}`' for state in states)} {'→ ' + _states_of(to) if to else 'stays'}"
            for to, states in groups.items()
        ]
        who = ", ".join(sorted(who.value for who in row.who))
        yield f"| {row.name} | {who} | {row.does} | {'; '.join(moves)} |"
    yield ""


def _watches() -> Iterator[str]:
    policy = OrderPolicy()
    yield "## Deadlines and owners\n"
    yield "Nothing waits for ever: each state but the last has a deadline, and somebody whose turn it is. The spans"
    yield "are policies (`DOORSTEP_POLICIES`, in seconds) on the platform's clock.\n"
    yield "| state | waits for | owner | policy | default | then |"
    yield "|---|---|---|---|---|---|"
    for state, watches in WATCHES.items():
        for watch in watches:
            span = _span(policy.span(watch.span))
            yield (
                f"| `{state.value}` | {TIME_ROWS[watch.wait].name} | {watch.owner.value} | `{watch.span}_seconds` |"
                f" {span} | {watch.then} |"
            )
    yield ""


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} d"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _fees() -> Iterator[str]:
    policy = OrderPolicy()
    yield "## Who pays what for a cancellation\n"
    yield "What a customer who cancels pays, by the state in which the order stands; the percentages are policies.\n"
    yield "| in state | of goods and packing | of the carrying, once a rider comes |"
    yield "|---|---|---|"
    for state, rule in FEES.items():
        yield f"| `{state.value}` | {_percent(rule.goods, policy)} | {_percent(rule.carrying, policy)} |"
    yield ""
    yield "| who cancels | who bears it |"
    yield "|---|---|"
    for by, borne in BORNE_BY.items():
        yield f"| {by.value} | {borne} |"
    yield ""


def _percent(name: str | None, policy: OrderPolicy) -> str:
    return "nothing" if name is None else f"{getattr(policy, name)} % (`{name}`)"


def _families() -> Iterator[str]:
    whys = {cell.why for row in ROWS for cell in row.cells.values() if isinstance(cell, Refused)}
    yield "## Families of refusals\n"
    yield "| `why` | codes |"
    yield "|---|---|"
    for why in sorted(whys, key=lambda each: each.code):
        codes = [refusal.code for row in ROWS for refusal in row.refusals() if refusal.__mro__[1] is why]
        yield f"| `{why.code}` | {', '.join(f'`{code}`' for code in codes)} |"
    yield ""


def main(arguments: list[str], page: Path = PAGE) -> int:
    """Writes the page, or checks it; the exit code says whether it was (or now is) fresh."""
    wanted = render()
    if "--check" not in arguments:
        page.write_text(wanted, encoding="utf-8")
        return 0
    fresh = page.is_file() and page.read_text(encoding="utf-8") == wanted
    if not fresh:
        sys.stderr.write(f"docs/{page.name} is stale: run `make docs`\n")
    return 0 if fresh else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
