"""Who calls, and what they may: roles are checked per route, ids per object."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.gateway.problems import Problem, unauthenticated
from shared.gateway.request import GatewayRequest
from shared.gateway.sockets import token_among
from shared.gateway.tokens import InvalidToken, Verifier
from shared.kernel.errors import NotFound


class Role(StrEnum):
    """Everybody who uses the platform. The order decides in whose name somebody of several roles acts."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    RIDER = "rider"
    DISPATCHER = "dispatcher"
    SUPPORT = "support"
    OPERATIONS = "operations"
    ANALYST = "analyst"
    OPERATOR = "operator"


class Public:
    """Marks a route that anybody may call, without a token."""

    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = Public()


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. `ids` are the customers, merchants or riders that they may act for."""

    subject: str
    roles: frozenset[str]
    ids: frozenset[str]
    actor_id: str
    """The first of their ids, or their subject: who the log says has done it."""

    def has(self, role: str) -> bool:
        return role in self.roles

    def may_act_for(self, identifier: str) -> bool:
        return identifier in self.ids

    def require(self, identifier: str) -> None:
        """Raises NotFound for a thing that is somebody else's: strangers don't learn that it exists."""
        if identifier not in self.ids:
            raise NotFound("there is no such thing, or it is not yours")


ANONYMOUS: Final = Principal("anonymous", frozenset(), frozenset(), "anonymous")


def authenticate(request: GatewayRequest, verifier: Verifier) -> Principal:
    """The caller by the bearer token of the request; a 401 problem when there is none or it is not valid."""
    scheme, _, token = given_authorization(request).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated("unauthenticated", "this needs a bearer token in the Authorization header")
    try:
        claims = verifier.verify(token.strip())
    except InvalidToken as error:
        raise unauthenticated(error.code, error.sentence) from None
    actor_id = claims.ids[0] if claims.ids else claims.subject
    return Principal(claims.subject, claims.roles, frozenset(claims.ids), actor_id)


def given_authorization(request: GatewayRequest) -> str:
    """The `Authorization` header; of a page that opens a WebSocket, and can set none, the offered subprotocol."""
    given = request.headers.get("Authorization", "")
    if given or request.headers.get("Upgrade", "").lower() != "websocket":
        return given
    token = token_among(request.headers.get("Sec-WebSocket-Protocol", ""))
    return f"Bearer {token}" if token else ""


def authorise(principal: Principal, roles: frozenset[str]) -> None:
    """A 403 problem unless the caller has one of the route's roles."""
    if not principal.roles & roles:
        raise Problem(
            403,
            "wrong_role",
            f"this is for {' or '.join(sorted(roles))}",
            facts={"roles": sorted(roles)},
        )


def acting_role(principal: Principal, roles: frozenset[str] | Public) -> str:
    """The role in which the caller uses a route: the first that both have."""
    usable = principal.roles if isinstance(roles, Public) else principal.roles & roles
    return next((role.value for role in Role if role.value in usable), "anonymous")
