"""The city's only way to the platform: HTTP through the gateways, retried the way a careful client would."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from shared.kernel.errors import DoorstepError

_ATTEMPTS = 60
_PAUSE_S = 0.5


class Refused(DoorstepError):
    """The gateway answered with a problem document; `status` and `code` tell which."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.code = str(problem.get("code"))
        self.problem = problem


class Unreachable(DoorstepError):
    """A gateway did not come back within the bounded number of tries."""


class Gateways:
    """One connection pool for each service; `token_for` issues a bearer token for (roles, ids)."""

    def __init__(self, urls: Mapping[str, str], token_for: Callable[[tuple[str, ...], tuple[str, ...]], str]) -> None:
        limits = httpx.Limits(max_connections=600, max_keepalive_connections=64)
        self._clients = {
            service: httpx.AsyncClient(base_url=url, timeout=20, limits=limits) for service, url in urls.items()
        }
        self._token_for = token_for
        self._tokens: dict[tuple[str, str], str] = {}
        self.requests = 0

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _headers(self, role: str, identifier: str) -> dict[str, str]:
        key = (role, identifier)
        if key not in self._tokens:
            self._tokens[key] = self._token_for((role,), (identifier,) if identifier else ())
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    async def get(self, service: str, path: str, role: str, identifier: str = "", **query: Any) -> Any:
        return await self._ask("GET", service, path, self._headers(role, identifier), None, query)

    async def post(self, service: str, path: str, role: str, identifier: str, body: Mapping[str, Any]) -> Any:
        """A command; sent again with the same Idempotency-Key while the gateway is away, so it happens once."""
        headers = {**self._headers(role, identifier), "Idempotency-Key": str(uuid.uuid4())}
        return await self._ask("POST", service, path, headers, body, {})

    async def _ask(
        self,
        method: str,
        service: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
        query: Mapping[str, Any],
    ) -> Any:
        last = "no answer"
        for _ in range(_ATTEMPTS):
            self.requests += 1
            try:
                answer = await self._clients[service].request(
                    method, path, headers=dict(headers), json=body, params=dict(query) or None
                )
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if answer.status_code < 400:
                    return answer.json() if answer.content else None
                problem = _problem(answer)
                if answer.status_code not in (502, 503, 504):
                    raise Refused(answer.status_code, problem)
                last = str(problem)
            await asyncio.sleep(_PAUSE_S)
        raise Unreachable(f"{method} {service} {path}: {last}")

    async def listen(self, service: str, path: str, role: str, identifier: str) -> AsyncIterator[tuple[str, Any]]:
        """Server-sent events as (event, data), for ever: a lost connection resumes after the last id seen."""
        last_id = ""
        while True:
            headers = self._headers(role, identifier)
            if last_id:
                headers["Last-Event-ID"] = last_id
            try:
                async with self._clients[service].stream("GET", path, headers=headers, timeout=30) as answer:
                    if answer.status_code == 200:
                        async for kind, identity, data in _frames(answer.aiter_lines()):
                            last_id = identity or last_id
                            yield kind, data
            except httpx.HTTPError:
                pass  # the connection is gone: the loop opens it again and resumes
            await asyncio.sleep(_PAUSE_S)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = {"code": "not_json", "detail": answer.text[:200]}
    return problem if isinstance(problem, dict) else {"code": "not_a_problem", "detail": str(problem)}


async def _frames(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, Any]]:
    """Splits a stream into (event, id, data); comments keep the connection alive and say nothing."""
    kind, identity = "message", ""
    data: list[str] = []
    async for line in lines:
        if not line:
            if data:
                yield kind, identity, json.loads("\n".join(data))
            kind, identity, data = "message", "", []
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "id":
                identity = value
            elif name == "data":
                data.append(value)
