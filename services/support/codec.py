"""Stored names of support's events; history knows them by these strings, whatever the classes are called."""

from typing import Any

from services.support.domain import events as e
from shared.eventstore.codec import Codec, EventType, Personal


def _note_may_be_missing(first: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept the note in plain, and an empty one for none. Version 2 seals it."""
    return first | {"note": first["note"] or None}


def _cost_not_told(first: dict[str, Any]) -> dict[str, Any]:
    """Version 1 did not say what the order costs."""
    return first | {"facts": first["facts"] | {"total_cents": None, "currency": ""}}


_DOSSIER = (
    EventType("OrderKnown", e.OrderKnown, 2, {1: _cost_not_told}),
    EventType("CaseFiled", e.CaseFiled),
    EventType("TroubleJoined", e.TroubleJoined),
    EventType("CaseSettled", e.CaseSettled),
    EventType("OrderEnded", e.OrderEnded),
    EventType("OrderReopened", e.OrderReopened),
    EventType("CompensationCounted", e.CompensationCounted),
)
_CASE = (
    EventType(
        "CaseOpened",
        e.CaseOpened,
        schema_version=2,
        upcasters={1: _note_may_be_missing},
        personal=(Personal("note", "customer_id"),),
    ),
    EventType("TroubleAdded", e.TroubleAdded),
    EventType("CaseAssigned", e.CaseAssigned),
    EventType("CaseEscalated", e.CaseEscalated),
    EventType("RedispatchRequested", e.RedispatchRequested),
    EventType("CancellationRequested", e.CancellationRequested),
    EventType("CompensationGranted", e.CompensationGranted),
    EventType("CompensationSettled", e.CompensationSettled),
    EventType("DecisionLapsed", e.DecisionLapsed),
    EventType("CaseClosed", e.CaseClosed),
)

DOSSIER: Codec[e.DossierEvent] = Codec(_DOSSIER)
CASE: Codec[e.CaseEvent] = Codec(_CASE)
EVERYTHING: Codec[e.Event] = Codec((*_DOSSIER, *_CASE))
"""For those who read the whole log."""
