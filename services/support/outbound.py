"""Support's stored events to what it tells the world: what went wrong and how it ended."""

from collections.abc import Sequence

from services.support.domain import events as e
from shared.contracts import support
from shared.eventstore.model import StoredEvent
from shared.messaging.outgoing import Outgoing


def messages_for(_stored: StoredEvent, event: e.Event) -> Sequence[Outgoing]:
    """The public message of an event, or none. An agent's own words about a complaint stay here."""
    message = _public(event)
    return [] if message is None else [Outgoing(message, message.order_id)]


def _public(event: e.Event) -> support.CaseMessage | None:
    match event:
        case e.CaseOpened():
            return support.CaseOpened(
                case_id=event.case_id,
                order_id=event.order_id,
                kind=event.kind.value,
                severity=event.severity.value,
                reasons=event.reasons,
            )
        case e.CaseAssigned():
            return support.CaseAssigned(case_id=event.case_id, order_id=event.order_id, agent_id=event.agent_id)
        case e.RedispatchRequested():
            return support.RedispatchRequested(
                case_id=event.case_id, order_id=event.order_id, reason=event.reason, by=event.by
            )
        case e.CancellationRequested():
            return support.CancellationRequested(
                case_id=event.case_id, order_id=event.order_id, reason=event.reason, by=event.by
            )
        case e.CompensationGranted():
            return support.CompensationGranted(
                case_id=event.case_id,
                order_id=event.order_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
                reason=event.reason,
                by=event.by,
                compensation_id=event.compensation_id,
            )
        case e.CaseClosed():
            return support.CaseClosed(case_id=event.case_id, order_id=event.order_id, outcome=event.outcome.value)
        case _:
            return None
