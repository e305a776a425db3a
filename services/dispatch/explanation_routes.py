"""The route by which dispatchers, support and operations read why a delivery went to whom it went."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.dispatch import views
from services.dispatch.codec import DELIVERY, DELIVERY_CODEC
from services.dispatch.commanding import OFFICE, Commanding
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.explanation import Candidate, Explanation
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route
from shared.kernel.ids import prefix_of

_DECIDING = (
    e.DeliveryOffered,
    e.NoRiderFitted,
    e.OfferDeclined,
    e.OfferExpired,
    e.DeliveryOpenedForGrab,
    e.DispatcherNeeded,
    e.DeliveryPinned,
    e.DeliveryUnpinned,
    e.WayDirected,
    e.RiderAssigned,
    e.RiderUnassigned,
    e.DeliveryUndeliverable,
)


class CandidateView(BaseModel):
    """A rider who could have had it. `parts` add up to `cost_seconds`, in seconds of a customer's waiting."""

    rider_id: str
    cost_seconds: float
    parts: dict[str, float]

    @classmethod
    def of(cls, candidate: Candidate) -> "CandidateView":
        return cls(rider_id=candidate.rider_id, cost_seconds=candidate.cost_seconds, parts=dict(candidate.parts))


class ExplanationView(BaseModel):
    """What the engine weighed. `barred` counts who could not have it by reason, `reasons` names them."""

    chosen: CandidateView | None
    next_best: list[CandidateView]
    barred: dict[str, int]
    reasons: dict[str, str]
    looked_at: int = Field(description="riders on shift")

    @classmethod
    def of(cls, explanation: Explanation) -> "ExplanationView":
        chosen = explanation.chosen
        return cls(
            chosen=None if chosen is None else CandidateView.of(chosen),
            next_best=[CandidateView.of(each) for each in explanation.next_best],
            barred=dict(explanation.barred),
            reasons=dict(explanation.reasons),
            looked_at=explanation.looked_at,
        )


class DecisionView(BaseModel):
    """One step on the way to a rider, as its stream keeps it: `by` is who or what decided."""

    version: int
    decision: str
    at: datetime
    by: str
    rider_id: str | None
    mode: str | None
    reasons: tuple[str, ...]
    bundle: tuple[str, ...]
    policy_version: str | None
    explanation: ExplanationView | None


class WhyView(BaseModel):
    """All decisions about one delivery, oldest first. `planned_rider_id` is whom the engine means to ask when it is
    time, `why` what bars each rider while nobody can be asked; both are its last word, of `decided_at`."""

    delivery_id: str
    order_id: str
    decisions: list[DecisionView]
    planned_rider_id: str | None
    why: dict[str, str] | None
    decided_at: datetime | None


class ExplanationRoutes(Commanding):
    """Months later, too: it is read from the delivery's stream."""

    @route(
        "GET",
        "/v1/deliveries/<delivery_id>/explanation",
        roles=OFFICE,
        answer=WhyView,
        summary="Why this rider, or why nobody: each decision with what it cost with others",
        refusals=(errors.DeliveryNotFound,),
    )
    def explain_delivery(self, call: Call[None], delivery_id: str) -> WhyView:  # noqa: ARG002
        if prefix_of(delivery_id) != "dlv":
            raise errors.DeliveryNotFound("there is no such delivery")
        with self.parts.store.reading() as reading:
            stored = reading.stream(delivery_id)
            if not stored:
                raise errors.DeliveryNotFound("there is no such delivery")
            decisions = [view for each in stored if (view := _decision(reading, each)) is not None]
            word = views.engine_word(reading.connection, delivery_id)
            order_id = reading.load(DELIVERY, delivery_id).state.order_id
        return WhyView(
            delivery_id=delivery_id,
            order_id=order_id,
            decisions=decisions,
            planned_rider_id=word.planned_rider_id,
            why=None if word.why is None else dict(word.why),
            decided_at=word.decided_at,
        )


def _decision(reading: Transaction, stored: StoredEvent) -> DecisionView | None:
    event = DELIVERY_CODEC.decode(stored.type, stored.schema_version, stored.data, reading.vault)
    if not isinstance(event, _DECIDING):
        return None
    explanation = getattr(event, "explanation", None)
    mode = getattr(event, "mode", None)
    reason = getattr(event, "reason", "")
    return DecisionView(
        version=stored.version,
        decision=stored.type,
        at=stored.occurred_at,
        by=stored.actor,
        rider_id=getattr(event, "rider_id", None),
        mode=None if mode is None else mode.value,
        reasons=getattr(event, "reasons", (reason,) if reason else ()),
        bundle=getattr(event, "bundle", ()),
        policy_version=getattr(event, "policy_version", None),
        explanation=None if explanation is None else ExplanationView.of(explanation),
    )
