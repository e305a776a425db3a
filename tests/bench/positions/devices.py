"""Plays riders' devices as a process of its own, each at its own moment; says in one JSON line what it saw."""

import asyncio
import json
import os
import resource
import struct
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import cos, pi, sin
from time import perf_counter
from typing import Any, Protocol

WARM_UP_SECONDS = 5.0
ANSWER_SECONDS = 30.0
M_PER_DEGREE = 111_195
METRES_PER_SECOND = 5.0
OPENING_AT_ONCE = 50


class Line(Protocol):
    """A device's way to the gateway."""

    async def open(self) -> None: ...

    async def send(self, body: bytes) -> bytes: ...

    def close(self) -> None: ...


class HttpLine:
    """One connection that is kept alive, one request at a time."""

    def __init__(self, host: str, port: int, rider_id: str, token: str) -> None:
        self._address = (host, port)
        self._head = (
            f"POST /v1/riders/{rider_id}/positions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: "
        )

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)

    async def send(self, body: bytes) -> bytes:
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if head[9:12] != b"200":
            raise ConnectionError(f"{head[9:12].decode()}: {answer[:300].decode()}")
        return answer

    def close(self) -> None:
        self._writer.close()


class SocketLine:
    """A WebSocket by hand: the least of RFC 6455, so that the load is not what is measured."""

    def __init__(self, host: str, port: int, rider_id: str, token: str) -> None:
        self._address = (host, port)
        self._hello = (
            f"GET /v1/riders/{rider_id}/positions/socket HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(self._hello)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if head[9:12] != b"101":
            raise ConnectionError(head.decode())

    async def send(self, body: bytes) -> bytes:
        mask = os.urandom(4)
        size = len(body)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(body, "big") ^ key).to_bytes(size, "big")
        self._writer.write(b"\x81" + length + mask + masked)
        while True:
            opcode, told = await self._reader.readexactly(2)
            if told == 126:
                (told,) = struct.unpack("!H", await self._reader.readexactly(2))
            content = await self._reader.readexactly(told)
            if opcode == 0x81:
                if b'"problem"' in content:
                    raise ConnectionError(content[:300].decode())
                return content
            if opcode == 0x88:
                raise ConnectionError(f"closed: {content!r}")

    def close(self) -> None:
        self._writer.close()


@dataclass(slots=True)
class Seen:
    """What all devices saw: (moment, seconds) of each answer, and what went wrong."""

    taken: list[tuple[float, float]] = field(default_factory=list)
    believed: int = 0
    refused: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Device:
    """One rider who rides in circles of his own; `turn` is where he is in the round of devices, from 0 to 1."""

    line: Line
    lat: float
    lon: float
    turn: float

    async def live(self, began: float, asked: dict[str, Any], seen: Seen) -> None:
        """Sends at even moments. A late answer makes the next one late too, and counts from when it was due."""
        every, end = asked["every"], began + WARM_UP_SECONDS + asked["seconds"]
        due = began + self.turn * every
        while due < end:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            body = self._body(due - began, asked)
            try:
                answer = json.loads(await asyncio.wait_for(self.line.send(body), ANSWER_SECONDS))
            except (OSError, EOFError, TimeoutError) as error:
                seen.failed.append(repr(error)[:200])
                return
            now = perf_counter()
            seen.taken.append((now - began, now - due))
            told = answer.get("answer", answer)
            seen.believed += told["accepted"]
            seen.refused += len(told.get("refused", ()))
            due += every

    def _body(self, seconds: float, asked: dict[str, Any]) -> bytes:
        """A batch of fixes, the last of them just measured."""
        now = datetime.now(UTC) - timedelta(seconds=asked["clock_behind"])
        batch = asked["batch"]
        fixes = [self._fix(now, seconds, (batch - 1 - n) * asked["every"] / batch) for n in range(batch)]
        return json.dumps({"positions": fixes, "sent_at": now.isoformat()}).encode()

    def _fix(self, now: datetime, seconds: float, ago: float) -> dict[str, Any]:
        angle = (seconds - ago) * METRES_PER_SECOND / 200
        lat = self.lat + 200 * sin(angle) / M_PER_DEGREE
        lon = self.lon + 200 * cos(angle) / M_PER_DEGREE / cos(self.lat * pi / 180)
        at = (now - timedelta(seconds=ago)).isoformat()
        return {"lat": round(lat, 6), "lon": round(lon, 6), "at": at, "accuracy_m": 8}


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    kind = HttpLine if asked["by"] == "http" else SocketLine
    devices = []
    for number, rider in enumerate(asked["riders"]):
        line = kind(asked["host"], asked["port"], rider["rider_id"], rider["token"])
        devices.append(Device(line, rider["lat"], rider["lon"], number / len(asked["riders"])))
    began_opening = perf_counter()
    gate = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_one(device: Device) -> None:
        async with gate:
            await device.line.open()

    await asyncio.gather(*map(open_one, devices))
    opening_seconds = perf_counter() - began_opening
    seen, used = Seen(), _cpu_seconds()
    sys.stdout.write('{"began": true}\n')
    sys.stdout.flush()
    began = perf_counter()
    await asyncio.gather(*(device.live(began, asked, seen) for device in devices))
    seconds = perf_counter() - began
    for device in devices:
        device.line.close()
    return {
        "taken": seen.taken,
        "believed": seen.believed,
        "refused": seen.refused,
        "failed": seen.failed,
        "seconds": seconds,
        "opening_seconds": opening_seconds,
        "cpu_seconds": _cpu_seconds() - used,
    }


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.stdin.read())))) + "\n")
