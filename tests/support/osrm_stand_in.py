"""A local stand-in of OSRM's HTTP contract (version 1, `/route` and `/table`): a real server on a real socket.

Streets go along the axes at 5 m/s, so that every duration can be computed by hand; `cut_off` places are on no street.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.kernel.place import Place, distance_m

Json = dict[str, Any]
METRES_PER_SECOND = 5.0


@dataclass
class Streets:
    """What was asked, and how the server behaves next: `faults` are taken one a request."""

    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cut_off: set[Place] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def seconds(self, a: Place, b: Place) -> float | None:
        if self.cut_off & {a, b}:
            return None
        corner = Place(a.lat, b.lon)
        return round((distance_m(a, corner) + distance_m(corner, b)) / METRES_PER_SECOND, 1)

    def answer(self, target: str) -> tuple[int, bytes]:
        self.requests.append(target)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "hang":
            self.released.wait(30)
        if fault == "html":
            return 502, b"<html>bad gateway</html>"
        if fault == "no_durations":
            return 200, b'{"code": "Ok"}'
        if fault == "refuse":
            return 400, b'{"code": "TooBig", "message": "Too many table coordinates"}'
        split = urlsplit(target)
        _, service, version, _, coordinates = split.path.split("/")
        assert version == "v1"
        places = [Place(float(lat), float(lon)) for lon, lat in (each.split(",") for each in coordinates.split(";"))]
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        status, body = self._route(places) if service == "route" else self._table(places, query)
        return status, json.dumps(body).encode()

    def _route(self, places: list[Place]) -> tuple[int, Json]:
        duration = self.seconds(*places)
        if duration is None:
            return 400, {"code": "NoRoute", "message": "Impossible route between points"}
        return 200, {"code": "Ok", "routes": [{"duration": duration, "distance": duration * METRES_PER_SECOND}]}

    def _table(self, places: list[Place], query: dict[str, str]) -> tuple[int, Json]:
        if len(places) > 100:
            return 400, {"code": "TooBig", "message": "Too many table coordinates"}
        rows, columns = (
            [places[int(index)] for index in query[name].split(";")] for name in ("sources", "destinations")
        )
        return 200, {"code": "Ok", "durations": [[self.seconds(row, column) for column in columns] for row in rows]}


@contextmanager
def streets() -> Iterator[Streets]:
    """A server until the end of the block."""
    town = Streets()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = town.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    town.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield town
    finally:
        town.released.set()
        server.shutdown()
        server.server_close()
