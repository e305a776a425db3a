"""What a server of routes has told the engine: asked between turns, within bounds, and kept for the places in use."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from services.dispatch.engine_travel import GRID_M, REFERENCE, Key, KnownStreets, Spot, key_of
from services.dispatch.osrm import PLACES_AT_ONCE, OsrmServer, parts_of, profile_of
from shared.kernel.place import Place

PLACES_KEPT = 1_200
"""Those used last; a square matrix of 4 bytes a pair."""
REQUESTS_A_TURN = 8
"""What is not known after so many is asked in later turns."""
AT_ONCE = PLACES_AT_ONCE // 2
FEWEST_PAIRS = 30
SHORTEST_M = 150.0
"""Shorter ways tell of corners, not of streets."""


class EngineStreets:
    """Never asked inside a transaction, nor while the engine thinks. When the server fails, what is known stays."""

    def __init__(self, server: OsrmServer, places_kept: int = PLACES_KEPT) -> None:
        self._server = server
        self._kept = places_kept
        self._profile = profile_of(REFERENCE)
        self._rows: OrderedDict[Key, int] = OrderedDict()
        self._seconds = np.full((places_kept, places_kept), np.nan, np.float32)
        self._asked = np.zeros((places_kept, places_kept), bool)
        self._seconds_per_m: float | None = None

    def ask(self, origins: Mapping[Spot, Place], destinations: Mapping[Spot, Place]) -> KnownStreets:
        """Asks for what is not known yet of the ways from these to those; riders are origins only. Returns what is
        known now, which the next `ask` changes."""
        places = {key_of(spot): place for spot, place in (*destinations.items(), *origins.items())}
        for key in list(places)[: self._kept]:
            self._row(key)
        left = REQUESTS_A_TURN
        to = [key for key in dict.fromkeys(map(key_of, destinations)) if key in self._rows]
        unknown = [key for key in dict.fromkeys(map(key_of, origins)) if key in self._rows and self._misses(key, to)]
        for rows in parts_of(unknown, AT_ONCE):
            for columns in parts_of(to, AT_ONCE):
                if left and not self._server.is_left_alone and any(self._misses(key, columns) for key in rows):
                    self._learn(rows, columns, places)
                    left -= 1
        if left < REQUESTS_A_TURN:
            self._seconds_per_m = self._middle()
        return KnownStreets(self._rows, self._seconds, self._seconds_per_m)

    def close(self) -> None:
        self._server.close()

    def _row(self, key: Key) -> int:
        """The place's row; of the place that was used longest ago, when all are taken."""
        if key in self._rows:
            self._rows.move_to_end(key)
            return self._rows[key]
        row = len(self._rows)
        if row >= self._kept:
            _, row = self._rows.popitem(last=False)
            self._seconds[row, :] = self._seconds[:, row] = np.nan
            self._asked[row, :] = self._asked[:, row] = False
        self._rows[key] = row
        return row

    def _misses(self, key: Key, columns: Sequence[Key]) -> bool:
        return not self._asked[self._rows[key], [self._rows[column] for column in columns]].all()

    def _learn(self, rows: Sequence[Key], columns: Sequence[Key], places: Mapping[Key, Place]) -> None:
        table = self._server.table(self._profile, [places[key] for key in rows], [places[key] for key in columns])
        if table is None:
            return
        where = np.ix_([self._rows[key] for key in rows], [self._rows[key] for key in columns])
        self._seconds[where] = np.array([[np.nan if each is None else each for each in row] for row in table])
        self._asked[where] = True

    def _middle(self) -> float | None:
        """Over all pairs that are known."""
        spots = np.full((self._kept, 2), np.nan)
        spots[list(self._rows.values())] = np.array(list(self._rows)) * GRID_M
        apart = np.hypot(*(spots[:, None] - spots[None, :]).T).T
        known = np.isfinite(self._seconds) & (apart >= SHORTEST_M)
        if np.count_nonzero(known) < FEWEST_PAIRS:
            return None
        return float(np.median(self._seconds[known] / apart[known]))
