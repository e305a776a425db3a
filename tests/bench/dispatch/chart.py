"""The chart of growth: riders against milliseconds, both in powers of ten."""

from collections.abc import Iterator, Sequence
from math import log10

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 420, 80, 40, 30, 60
_STYLE = 'font-family="system-ui, sans-serif" font-size="13" fill="#444"'


def drawn(points: Sequence[tuple[int, float, float]]) -> str:
    """An SVG of (riders, milliseconds by the clock, milliseconds of processor time)."""
    riders = [point[0] for point in points]
    figures = [figure for point in points for figure in point[1:]]
    across = _Scale(riders, LEFT, WIDTH - RIGHT)
    up = _Scale(figures, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Milliseconds of one minute\'s decisions by riders in the picture">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" {_STYLE}>One minute\'s decisions: milliseconds by riders, a third as many orders'
        " waiting</text>",
        *_axes(across, up),
        _line(points, 1, across, up, "#0b6e4f"),
        _line(points, 2, across, up, "#b5651d"),
        _named("by the clock", HEIGHT - BOTTOM - 34, "#0b6e4f"),
        _named("processor time", HEIGHT - BOTTOM - 14, "#b5651d"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _named(what: str, y: int, colour: str) -> str:
    return f'<text x="{WIDTH - 220}" y="{y}" {_STYLE.replace("#444", colour)}>{what}</text>'


class _Scale:
    """From a figure to a place, by powers of ten."""

    def __init__(self, figures: Sequence[float], start: float, end: float) -> None:
        self.low = int(log10(min(figures)) // 1)
        self.high = int(-(-log10(max(figures)) // 1))
        self.start, self.end = start, end

    def place(self, figure: float) -> float:
        share = (log10(figure) - self.low) / max(1, self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def marks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _axes(across: _Scale, up: _Scale) -> Iterator[str]:
    for mark in across.marks():
        x = across.place(mark)
        yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" {_STYLE}>{mark:,.0f}</text>'
    for mark in up.marks():
        y = up.place(mark)
        yield f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" {_STYLE}>{mark:,g} ms</text>'
    yield f'<text x="{(LEFT + WIDTH) // 2}" y="{HEIGHT - 14}" text-anchor="middle" {_STYLE}>riders</text>'


def _line(points: Sequence[tuple[int, float, float]], figure: int, across: _Scale, up: _Scale, colour: str) -> str:
    places = [(across.place(point[0]), up.place(point[figure])) for point in points]
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places)
    path = " ".join(f"{x},{y}" for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
