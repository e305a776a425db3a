"""A line that says how far a long command has come and how fast, on the terminal only."""

import sys
import time
from types import TracebackType
from typing import Self

import typer

WIDTH = 30
EVERY_SECONDS = 0.2


class Progress:
    """Used as a context; `tell` takes what is done and what there is in all. Silent when nobody watches."""

    def __init__(self, quiet: bool = False, what: str = "") -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._started = time.monotonic()
        self._last = 0.0
        self._what = f" {what}" if what else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._last:
            typer.echo(err=True)

    def tell(self, done: int, total: int) -> None:
        """Draws the line again, a few times a second."""
        now = time.monotonic()
        if not self._shown or now - self._last < EVERY_SECONDS:
            return
        self._last = now
        typer.echo(f"\r{line(done, total, now - self._started, self._what)}", nl=False, err=True)


def line(done: int, total: int, seconds: float, what: str = "") -> str:
    """A bar, the share, and the rate; `what` with a blank before it."""
    share = min(done / total, 1.0) if total else 1.0
    bar = "#" * round(share * WIDTH)
    return f"[{bar:<{WIDTH}}] {share:4.0%}  {done:,} of {total:,}{what}  {done / max(seconds, 0.001):,.0f}/s"
