"""What the gateway takes and answers about policies."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from services.dispatch.domain.policies.catalogue import Kind, Parameter, Unit
from services.dispatch.domain.policies.comparing import Change
from services.dispatch.inputs import Input
from services.dispatch.policy_schema import document_schema
from shared.kernel.errors import Fault

Document = Annotated[dict[str, Any], WithJsonSchema(document_schema())]
# Kept for good and shown in the audit.
Why = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="why, for whoever reads the audit; kept for good, so nobody's name"),
]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
VersionState = Literal["active", "scheduled", "was_active", "draft"]
EXAMPLE = {
    "time_zone": "Asia/Shanghai",
    "defaults": {"offer_seconds": 25},
    "areas": [
        {
            "name": "old town",
            "polygon": [
                {"lat": 30.24, "lon": 120.15},
                {"lat": 30.24, "lon": 120.18},
                {"lat": 30.26, "lon": 120.18},
                {"lat": 30.26, "lon": 120.15},
            ],
        }
    ],
    "rules": [
        {
            "name": "lunch",
            "areas": ["old town"],
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "starts": "11:00",
            "ends": "13:30",
            "values": {"offer_seconds": 20, "grab_radius_m": 2500},
        }
    ],
}


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class ValidateBody(Input):
    model_config = _example({"document": EXAMPLE})

    document: Document


class DraftBody(Input):
    model_config = _example({"document": EXAMPLE, "reason": "shorter offers at lunch"})

    document: Document
    reason: Why


class ActivateBody(Input):
    model_config = _example({"reason": "tried in the lab"})

    reason: Why
    at: AwareDatetime | None = Field(default=None, description="absent: now")


class ReasonBody(Input):
    reason: Why


class RollBackBody(Input):
    reason: Why
    to: Number | None = Field(default=None, description="absent: the version that was active before; 0: the settings")


class CompareQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    before: Number
    after: Number


class EffectiveQuery(BaseModel):
    """A place needs both degrees."""

    model_config = ConfigDict(extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    at: AwareDatetime | None = Field(default=None, description="absent: now")
    version: Number | None = Field(default=None, description="absent: the active one")


class FigureView(BaseModel):
    """A figure that a policy may set; `base` is what the settings say."""

    figure: str
    kind: Kind
    unit: Unit
    low: float
    high: float
    whole: bool
    by_rule: bool = Field(description="a rule may set it: it may differ by the time of the day")
    by_place: bool = Field(description="so may a rule that names areas")
    base: float

    @classmethod
    def of(cls, parameter: Parameter, base: float) -> "FigureView":
        return cls(
            figure=parameter.name,
            kind=parameter.kind,
            unit=parameter.unit,
            low=parameter.low,
            high=parameter.high,
            whole=parameter.whole,
            by_rule=parameter.by_rule,
            by_place=parameter.by_place,
            base=base,
        )


class ScheduledView(BaseModel):
    number: int
    policy_version: str
    activate_at: datetime
    reason: str


class PolicyView(BaseModel):
    """A scope's policy. `version` is the stream's, for `If-Match`; `active` the number of the version in force."""

    scope: str
    version: int
    active: int
    policy_version: str
    active_since: datetime | None
    scheduled: ScheduledView | None
    back_to: int | None = Field(description="where a roll-back without a number leads; null: nowhere")
    latest: int
    document: dict[str, Any]
    figures: list[FigureView]
    server_time: datetime


class VersionView(BaseModel):
    """One version, as it was written down; `version` is the stream's."""

    version: int
    number: int
    policy_version: str
    state: VersionState
    drafted_at: datetime | None
    drafted_by: str | None
    reason: str
    document: dict[str, Any]


class ChangeView(BaseModel):
    """`field` as `rules.lunch.values.offer_seconds`; null is absent."""

    field: str
    before: Any
    after: Any

    @classmethod
    def of(cls, change: Change) -> "ChangeView":
        return cls(field=change.field, before=change.before, after=change.after)


class FaultView(BaseModel):
    field: str
    code: str
    detail: str

    @classmethod
    def of(cls, fault: Fault) -> "FaultView":
        return cls(field=fault.field, code=fault.code, detail=fault.sentence)


class Verdict(BaseModel):
    """What would be refused of a document, and what it would change against the version in force."""

    valid: bool
    faults: list[FaultView]
    changes: list[ChangeView]


class EffectiveView(BaseModel):
    """The figures of a place at a time, each with where it comes from: `base`, `defaults` or `rule <name>`."""

    policy_version: str
    at: datetime
    local: datetime
    cell: str | None
    values: dict[str, float]
    sources: dict[str, str]


class AuditEntry(BaseModel):
    """One thing that was done to the policy; `position` counts its events."""

    position: int
    what: Literal["drafted", "scheduled", "unscheduled", "activated", "rolled_back"]
    number: int
    previous: int | None
    actor: str
    at: datetime
    activate_at: datetime | None
    reason: str
