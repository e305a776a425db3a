"""What the gateway takes and answers about previews of policy versions."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from services.dispatch.inputs import Input
from services.dispatch.policy_schemas import Number
from services.dispatch.preview_views import Preview

PreviewState = Literal["waiting", "playing", "done", "failed"]


class PreviewBody(Input):
    """`against` is the version beside which it is played; absent: the one in force."""

    against: Number | None = None


class EstimateView(BaseModel):
    """A mean over days; `low` and `high` end its 95 % interval, and are null where one day says nothing of others."""

    mean: float
    low: float | None
    high: float | None
    days: int


class EffectView(BaseModel):
    """One figure under both versions; `difference` is taken day by day. `better` is null where the days do not show
    it, or where there is no better and worse."""

    kpi: str
    unit: str
    less_is_better: bool | None
    before: EstimateView | None
    after: EstimateView | None
    difference: EstimateView | None
    better: bool | None


class PreviewView(BaseModel):
    preview_id: str
    number: int
    against: int
    state: PreviewState
    share: Annotated[float, Field(ge=0, le=1, description="how much of it has been played")]
    asked_by: str
    asked_at: AwareDatetime
    finished_at: AwareDatetime | None
    source: Annotated[
        Literal["recorded", "made_up"] | None,
        Field(description="`made_up` when too little was recorded; null until it is done"),
    ] = None
    days: list[str] = []
    orders: int | None = None
    times_real_time: float | None = None
    remarks: list[str] = []
    effects: list[EffectView] = []
    error: str | None = None

    @classmethod
    def of(cls, preview: Preview) -> "PreviewView":
        result: dict[str, Any] = dict(preview.result or {})
        return cls(
            preview_id=preview.preview_id,
            number=preview.number,
            against=preview.against,
            state=preview.state,
            share=min(1.0, max(0.0, preview.share)),
            asked_by=preview.asked_by,
            asked_at=preview.asked_at,
            finished_at=preview.finished_at,
            error=preview.error,
            **result,
        )
