"""An answer that is recorded for repeats holds no words of people in plain: whatever field could is blanked there."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from services.analytics import codec as analytics
from services.analytics.gateway import AnalyticsGateway
from services.dispatch import codec as dispatch
from services.dispatch.gateway import DispatchGateway
from services.notify import codec as notify
from services.notify.gateway import NotifyGateway
from services.order import codec as order
from services.order.gateway import OrderGateway
from services.support import codec as support
from services.support.gateway import SupportGateway
from shared.eventstore.codec import Codec
from shared.gateway.route import routes_of
from shared.gateway.sealing import PersonalPart
from shared.gateway.spec import RouteSpec
from shared.gateway.standard import StandardRoutes

GATEWAYS: dict[type[StandardRoutes], ModuleType] = {
    AnalyticsGateway: analytics,
    DispatchGateway: dispatch,
    NotifyGateway: notify,
    OrderGateway: order,
    SupportGateway: support,
}
WRITTEN_BY_PEOPLE = {"note", "comment", "recipient", "task", "contact", "contact_name", "contact_phone"}
CODES = {("services.order.money_schemas.ErrandView", "errand")}
"""Fields that are only called the same: what the payment provider is asked to do."""
COMMANDS = [
    (gateway, spec) for gateway in GATEWAYS for spec in routes_of(gateway) if spec.command and spec.answer is not None
]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type speaks of, within lists and alternatives as well."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def fields_of(model: type[BaseModel], way: str = "") -> Iterator[tuple[str, str]]:
    """Every field at any depth, as (the way to it, its name)."""
    for name, field in model.model_fields.items():
        if (f"{model.__module__}.{model.__qualname__}", name) not in CODES:
            yield f"{way}{name}", name
        for inner in models_in(field.annotation):
            yield from fields_of(inner, f"{way}{name}.")


def personal_names(gateway: type[StandardRoutes]) -> set[str]:
    """What the service's own events seal, and the names under which views show words of people."""
    codecs = [each for each in vars(GATEWAYS[gateway]).values() if isinstance(each, Codec)]
    sealed = {each.field for codec in codecs for event_type in codec.types for each in event_type.personal}
    return sealed | WRITTEN_BY_PEOPLE


@pytest.mark.parametrize(("gateway", "spec"), COMMANDS, ids=[f"{spec.method} {spec.path}" for _, spec in COMMANDS])
def test_whatever_a_command_answers_in_words_of_people_is_blank_in_the_record(
    gateway: type[StandardRoutes], spec: RouteSpec
) -> None:
    names = personal_names(gateway)
    for view in models_in(spec.answer):
        part = getattr(view, "personal", None)
        blanked = tuple(part.blank) if isinstance(part, PersonalPart) else ()
        ways = [way for way, name in fields_of(view) if name in names]
        uncovered = [way for way in ways if not any(f"{way}.".startswith(f"{each}.") for each in blanked)]
        assert not uncovered, f"{view.__name__}.personal must blank {uncovered}"


def test_what_is_blanked_is_there_and_its_person_is_named() -> None:
    views = {view for _, spec in COMMANDS for view in models_in(spec.answer) if hasattr(view, "personal")}
    assert {view.__name__ for view in views} >= {"OrderView", "CaseView", "RiderView"}
    for view in views:
        assert {*view.personal.blank, view.personal.subject} <= {way for way, _ in fields_of(view)}
