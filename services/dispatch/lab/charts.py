"""The report's charts as inline SVG: drawn on the server, coloured by the house's tokens, legible without colour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

from services.dispatch.lab.comparing import OrderResult

INKS = ("var(--grey)", "var(--blue)", "var(--amber)", "var(--violet)", "var(--teal)", "var(--green)", "var(--red)")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 5", "12 4", "1 4")
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
BIN_MIN = 5
BINS = 18
CELLS = 14
HOURS = 24


def both(english: str, chinese: str, tag: str = "span") -> str:
    """A text in both languages; the page shows one of them."""
    return f'<{tag} class="en" lang="en">{english}</{tag}><{tag} class="zh" lang="zh">{chinese}</{tag}>'


@dataclass(frozen=True, slots=True)
class Line:
    """A policy's row of values."""

    label: str
    values: Sequence[float]


def ink(number: int) -> str:
    return INKS[number % len(INKS)]


def legend(labels: Sequence[str]) -> str:
    items = "".join(
        f'<li><svg width="34" height="12" aria-hidden="true"><line x1="1" y1="6" x2="33" y2="6"'
        f' stroke="{ink(number)}" stroke-width="3" stroke-dasharray="{DASHES[number % len(DASHES)]}"/></svg>'
        f" {escape(label)}</li>"
        for number, label in enumerate(labels)
    )
    return f'<ul class="legend">{items}</ul>'


def distribution(waits: Sequence[float]) -> list[float]:
    """The share of deliveries (percent) by click to door, in steps of five minutes; the last takes all beyond."""
    counts = [0] * BINS
    for wait in waits:
        counts[min(BINS - 1, max(0, int(wait // BIN_MIN)))] += 1
    return [100 * count / max(1, len(waits)) for count in counts]


def late_by_hour(orders: Sequence[OrderResult]) -> list[float | None]:
    """The share of late orders (percent) by hour of placement; None where there were none."""
    found: list[float | None] = []
    for hour in range(HOURS):
        here = [order.late for order in orders if order.hour == hour]
        found.append(100 * sum(here) / len(here) if here else None)
    return found


def lines_chart(lines: Sequence[Line], ticks: Sequence[str], name: tuple[str, str], axis: tuple[str, str]) -> str:
    """Lines over steps, from zero; each with its own dash."""
    top = _round_up(max((value for line in lines for value in line.values), default=1.0))
    x, y = _scales(len(ticks), top)
    drawn = []
    for number, line in enumerate(lines):
        points = " ".join(f"{x(place + 0.5):.1f},{y(value):.1f}" for place, value in enumerate(line.values))
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{ink(number)}" stroke-width="2.5"'
            f' stroke-dasharray="{DASHES[number % len(DASHES)]}"/>'
        )
    return _frame("".join(drawn), ticks, top, name, axis)


def bars_chart(
    labels: Sequence[str], rows: Sequence[Sequence[float | None]], ticks: Sequence[str], name: tuple[str, str]
) -> str:
    """A group of bars for each step, a bar for each policy; nothing where there is nothing to tell."""
    top = _round_up(max((value for row in rows for value in row if value is not None), default=1.0))
    x, y = _scales(len(ticks), top)
    slot = (x(1) - x(0)) * 0.8 / max(1, len(rows))
    drawn = []
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                left = x(place) + (x(1) - x(0)) * 0.1 + number * slot
                drawn.append(
                    f'<rect x="{left:.1f}" y="{y(value):.1f}" width="{max(1.0, slot - 1):.1f}"'
                    f' height="{max(0.5, y(0) - y(value)):.1f}" fill="{ink(number)}">'
                    f"<title>{escape(labels[number])}, {ticks[place]}: {value:.1f} %</title></rect>"
                )
    return _frame("".join(drawn), ticks, top, name, ("%", "%"))


def interval_plot(mean: float, low: float | None, high: float | None, better: bool | None, told: str) -> str:
    """One difference: a dot, its interval, and the line of no difference. A filled dot is more than chance."""
    width, height, middle = 220, 26, 13
    reach = 1.15 * max(abs(each) for each in (mean, low or 0.0, high or 0.0)) or 1.0

    def x(value: float) -> float:
        return width / 2 + (width / 2 - 6) * value / reach

    colour = {True: "var(--green)", False: "var(--red)", None: "var(--grey)"}[better]
    sure = low is not None and high is not None and (low > 0 or high < 0)
    whisker = ""
    if low is not None and high is not None:
        ends = f'x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{middle}" y2="{middle}"'
        whisker = f'<line {ends} stroke="{colour}" stroke-width="3"/>'
    filled = colour if sure else "var(--panel)"
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        f' aria-label="{escape(told)}"><line x1="{width / 2}" x2="{width / 2}" y1="2" y2="{height - 2}"'
        f' stroke="var(--line)" stroke-width="2"/>{whisker}<circle cx="{x(mean):.1f}" cy="{middle}" r="5"'
        f' stroke="{colour}" stroke-width="2" fill="{filled}"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """The part of the plane that a map shows, the same for every policy: the middle 96 % of the doors."""

    west: float
    south: float
    step: float

    @classmethod
    def under(cls, doors: Sequence[tuple[float, float]]) -> "Ground":
        east, north = (sorted(door[axis] for door in doors) for axis in (0, 1))
        ends = [(each[int(0.02 * (len(each) - 1))], each[int(0.98 * (len(each) - 1))]) for each in (east, north)]
        span = max(ends[0][1] - ends[0][0], ends[1][1] - ends[1][0], 100.0)
        middle = [(low + high) / 2 for low, high in ends]
        return cls(middle[0] - span / 2, middle[1] - span / 2, span / CELLS)

    def cell(self, door: tuple[float, float]) -> tuple[int, int] | None:
        column, row = int((door[0] - self.west) // self.step), int((door[1] - self.south) // self.step)
        return (column, row) if 0 <= column < CELLS and 0 <= row < CELLS else None


def late_by_place(orders: Sequence[OrderResult], ground: Ground) -> dict[tuple[int, int], tuple[int, int]]:
    """Orders and late ones by cell."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for order in orders:
        cell = ground.cell(order.door)
        if cell is not None:
            count, late = found.get(cell, (0, 0))
            found[cell] = (count + 1, late + order.late)
    return found


def late_map(orders: Sequence[OrderResult], ground: Ground, label: str) -> str:
    """Squares the larger the more orders, the redder the more of them late."""
    cells = late_by_place(orders, ground)
    most = max((count for count, _ in cells.values()), default=1)
    size = 320 / CELLS
    squares = []
    for (column, row), (count, late) in sorted(cells.items()):
        side = size * (0.35 + 0.6 * (count / most) ** 0.5)
        left, top = (column + 0.5) * size - side / 2, 320 - (row + 0.5) * size - side / 2
        share = late / count
        squares.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{side:.1f}" height="{side:.1f}" rx="2"'
            f' fill="color-mix(in srgb, var(--red-fill) {100 * min(1.0, share * 2):.0f}%, var(--blue-soft))"'
            f' stroke="var(--line)"><title>{count} / {late}</title></rect>'
        )
    return (
        f'<svg viewBox="0 0 320 320" class="map" role="img" aria-label="{escape(label)}">'
        f'<rect width="320" height="320" fill="var(--raised)"/>{"".join(squares)}</svg>'
    )


def _frame(inside: str, ticks: Sequence[str], top: float, name: tuple[str, str], axis: tuple[str, str]) -> str:
    x, y = _scales(len(ticks), top)
    rules = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="var(--line)"/>'
        f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0, top / 2, top)
    )
    every = max(1, ceil(len(ticks) / 12))
    marks = "".join(
        f'<text x="{x(place + 0.5):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{escape(tick)}</text>'
        for place, tick in enumerate(ticks)
        if place % every == 0
    )
    below = "".join(
        f'<text class="{language}" x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">{escape(text)}</text>'
        for language, text in zip(("en", "zh"), axis, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="chart" role="img" aria-label="{escape(" / ".join(name))}">'
        f"{rules}{inside}{marks}{below}</svg>"
    )


def _scales(steps: int, top: float) -> tuple[Callable[[float], float], Callable[[float], float]]:
    def x(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, steps)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    return x, y


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 x 10^n."""
    scale = 1.0
    while scale < value:
        for factor in (1, 2, 5):
            if scale * factor >= value:
                return scale * factor
        scale *= 10
    return scale
