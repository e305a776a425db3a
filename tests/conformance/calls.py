"""Generates calls from a gateway's OpenAPI document and says which answers the document does not allow."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Err, Result
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.known import KnownIds

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALL_SECONDS = 20.0
STREAM_SECONDS = 5.0
KNOWN_SHARE = 0.7
EXAMPLE_SHARE = 0.3
TokenFor = Callable[[Sequence[str], Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Breach:
    """An answer that the document does not allow: the operation, what is wrong, and how to ask for it again."""

    operation: str
    what: str
    how: str


@dataclass
class Tally:
    """What has been called, what was answered, and the first breach of each kind."""

    calls: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)
    breaches: dict[tuple[str, str], Breach] = field(default_factory=dict)

    def took(self, operation: str, status: int) -> None:
        self.calls += 1
        self.answers[status] += 1
        self.by_operation[operation] += 1

    def add(self, breach: Breach) -> None:
        self.breaches.setdefault((breach.operation, breach.what.splitlines()[0]), breach)


class Caller:
    """Calls one gateway's operations as those who may call them, now and then as somebody who may not."""

    def __init__(self, url: str, token_for: TokenFor, known: KnownIds, chance: Random) -> None:
        self.url = url
        self.tally = Tally()
        self._token_for = token_for
        self._known = known
        self._chance = chance
        document = httpx.get(f"{url}/openapi.json", timeout=CALL_SECONDS).json()
        self._roles = _roles(document)
        self._streams = _streams(document)
        self._examples = _examples(document)
        schema = schemathesis.openapi.from_dict(deepcopy(document))
        self._operations = [_readable(result) for result in schema.get_all_operations()]

    @property
    def operations(self) -> int:
        return len(self._operations)

    def round(self, examples: int, until: float = inf) -> None:
        """Calls every operation with about so many generated requests, or stops when the time is over."""
        # Whatever the time allows for, every operation has the same chance of being called.
        for operation in self._chance.sample(self._operations, len(self._operations)):
            if time.monotonic() >= until:
                return
            name = operation.label
            if name in self._streams:
                self._listen(operation)
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._generate(operation, mode, examples, until)

    def _generate(self, operation: Any, mode: GenerationMode, examples: int, until: float) -> None:
        @seed(self._chance.randrange(2**32))
        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: Any) -> None:
            if time.monotonic() < until:
                self._call(case, touched=mode is GenerationMode.POSITIVE)

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call()
        except HypothesisException:
            # An operation without inputs has nothing to get wrong, so there are no negative requests for it.
            if mode is GenerationMode.POSITIVE:
                raise

    def _call(self, case: Any, touched: bool) -> None:
        name = case.operation.label
        if touched:
            self._make_real(case, name)
        headers = self._headers(name)
        response = case.call(base_url=self.url, headers=headers, timeout=CALL_SECONDS)
        self.tally.took(name, response.status_code)
        if response.status_code < 300 and "json" in response.headers.get("content-type", [""])[0]:
            self._known.learn(response.json())
        try:
            case.validate_response(response, checks=CHECKS, headers=headers)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._blame(name, failure, case)
        except Failure as failure:
            self._blame(name, failure, case)

    def _blame(self, name: str, failure: BaseException, case: Any) -> None:
        what = f"{getattr(failure, 'title', type(failure).__name__)}: {getattr(failure, 'message', failure)}"
        self.tally.add(Breach(name, what, case.as_curl_command()))

    def _make_real(self, case: Any, name: str) -> None:
        """Puts known ids into a part of the requests, and sends the documented example as often."""
        for parameter in list(case.path_parameters or {}):
            known = self._known.some(parameter)
            if known is not None and self._chance.random() < KNOWN_SHARE:
                case.path_parameters[parameter] = known
        if name in self._examples and self._chance.random() < EXAMPLE_SHARE:
            case.body = deepcopy(self._examples[name])
        if isinstance(case.body, dict | list):
            case.body = self._known.put_into(case.body, KNOWN_SHARE)

    def _headers(self, name: str) -> dict[str, str]:
        roles = self._roles.get(name)
        if not roles or self._chance.random() < 0.03:
            return {}
        role = self._chance.choice(roles) if self._chance.random() < 0.95 else "nobody"
        ids = [each for kind in ("customer_id", "merchant_id", "rider_id") for each in self._known.all(kind)]
        own = ids if self._chance.random() < 0.9 else ["cus_somebody_else"]
        return {"Authorization": f"Bearer {self._token_for((role,), own)}"}

    def _listen(self, operation: Any) -> None:
        """A stream has no end: its status and its first words are what can be held against the document."""
        path = operation.path
        for part in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace("{" + part + "}", self._known.some(part) or "unknown")
        name = operation.label
        with httpx.stream("GET", self.url + path, headers=self._headers(name), timeout=STREAM_SECONDS) as answer:
            self.tally.took(name, answer.status_code)
            media = answer.headers["content-type"].partition(";")[0]
            expected = "text/event-stream" if answer.status_code == 200 else "application/problem+json"
            documented = {str(status) for status in operation.definition.raw["responses"]}
            if media != expected or str(answer.status_code) not in documented:
                self.tally.add(Breach(name, f"answered {answer.status_code} as {media}", f"GET {path}"))


def _readable(result: Result[Any, InvalidSchema]) -> Any:
    """An operation; raises what is wrong with its description."""
    if isinstance(result, Err):
        raise result.err()
    return result.ok()


def _described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _roles(document: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(operation["x-roles"]) for name, operation in _described(document) if "x-roles" in operation}


def _streams(document: dict[str, Any]) -> Collection[str]:
    return {
        name
        for name, operation in _described(document)
        if any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values())
    }


def _examples(document: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, operation in _described(document):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if "example" in media:
                found[name] = media["example"]
    return found
