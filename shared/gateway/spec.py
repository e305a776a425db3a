"""What a route declares of itself: enough to check its input, guard it and document it."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from pydantic import BaseModel, TypeAdapter

from shared.gateway.auth import Public, Role
from shared.kernel.errors import DomainError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["json", "stream", "socket", "page", "file"]
_PARAMETER = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """One route. `body` and `query` are pydantic models, `answer` anything that pydantic can describe."""

    method: Method
    path: str
    roles: frozenset[str] | Public
    summary: str
    description: str = ""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    command: bool = False
    kind: Kind = "json"
    media: str | None = None
    """The media type of a success, where it is not what the kind says."""
    tags: tuple[str, ...] = ()
    refusals: tuple[type[DomainError], ...] = ()
    quiet: bool = False
    """Not worth a line in the log while it goes well: what comes hundreds of times a second."""
    inline: bool = False
    """Runs in the greenthread of its connection and not in a worker of nameko's, of which there are only so many."""
    examples: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(Any if self.answer is None else self.answer)

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the path as (name, converter)."""
        return tuple((name, converter or "string") for converter, name in _PARAMETER.findall(self.path))

    @property
    def template(self) -> str:
        """The path as OpenAPI and the metrics write it: `/v1/orders/{order_id}`."""
        return _PARAMETER.sub(lambda match: f"{{{match[2]}}}", self.path)

    @property
    def is_public(self) -> bool:
        return isinstance(self.roles, Public)

    def render(self, view: Any) -> str:
        """The JSON of an answer."""
        if view is None and self.answer is None:
            return ""
        return self.adapter.dump_json(view, by_alias=True).decode()


def checked_roles(roles: AbstractSet[str] | Public, path: str) -> frozenset[str] | Public:
    """The roles of a route; raises ValueError at import when there are none or one is unknown."""
    if isinstance(roles, Public):
        return roles
    if isinstance(roles, str) or not roles:
        raise ValueError(f"{path}: name the roles that may call it, or PUBLIC")
    unknown = {str(role) for role in roles} - {role.value for role in Role}
    if unknown:
        raise ValueError(f"{path}: unknown roles {', '.join(sorted(unknown))}")
    return frozenset(str(role) for role in roles)


def checked_signature(function: Callable[..., Any], spec: RouteSpec) -> None:
    """Raises TypeError at import when the method does not take what the path gives."""
    names = list(inspect.signature(function).parameters)[2:]
    expected = [name for name, _ in spec.parameters]
    if sorted(names) != sorted(expected):
        raise TypeError(f"{function.__qualname__} must take (self, call, {', '.join(expected)}) for {spec.path}")
    if spec.method not in get_args(Method):
        raise TypeError(f"{function.__qualname__}: {spec.method} is not a method that routes use")
    if spec.body is not None and spec.method == "GET":
        raise TypeError(f"{function.__qualname__}: GET takes no body")


def all_refusals(refusals: Sequence[type[DomainError]]) -> tuple[type[DomainError], ...]:
    """Without repetitions, in the order given."""
    return tuple(dict.fromkeys(refusals))
