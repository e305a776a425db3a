"""The routes of operations: dispatch's policy in versions, from a draft to its activation and back."""

from datetime import datetime
from pathlib import Path
from typing import Any

from services.dispatch import policy_answering as answering
from services.dispatch import policy_schemas as s
from services.dispatch.application import perform_policy
from services.dispatch.codec import POLICY
from services.dispatch.domain import errors
from services.dispatch.domain.policies import commands as c
from services.dispatch.domain.policies.checking import examine
from services.dispatch.domain.policies.comparing import changes
from services.dispatch.domain.policies.document import PolicyDocument, as_json
from services.dispatch.domain.policies.state import Policy, stream_of
from services.dispatch.domain.policy import Where
from services.dispatch.policy_schema import SCHEMA_ID, document_schema
from services.dispatch.wiring import DispatchParts
from shared.contracts.cells import cell_of, outline_of
from shared.eventstore.model import Loaded
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.route import assets, page, route
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.place import Place

OPERATIONS = frozenset({"operations"})
READERS = frozenset({"operations", "dispatcher", "support", "analyst"})
TAGS = ("policies",)
WEB = Path(__file__).parent / "web"


class PolicyRoutes:
    """Reading is for whoever works with decisions, changing for operations."""

    parts: DispatchParts

    policies_page = page("/policies", WEB / "policies.html", summary="The operators' page of policies")
    policies_files = assets("/web/<path:path>", WEB)

    @route(
        "GET",
        "/v1/policies/<scope>",
        roles=READERS,
        answer=s.PolicyView,
        summary="The policy in force, what is scheduled, and every figure that may be set",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def get_policy(self, call: Call[None], scope: str) -> s.PolicyView:  # noqa: ARG002
        loaded = self._loaded(scope)
        return answering.policy_view(loaded.state, loaded.version, self.parts.policies, self.parts.clock)

    @route(
        "GET",
        "/v1/policies/<scope>/schema",
        roles=READERS,
        answer=dict[str, Any],
        summary="The JSON Schema of a policy document",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def get_schema(self, call: Call[None], scope: str) -> dict[str, Any]:  # noqa: ARG002
        self._require(scope)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID} | document_schema()

    @route(
        "GET",
        "/v1/policies/<scope>/versions",
        roles=READERS,
        query=PageQuery,
        answer=Page[s.VersionView],
        summary="The versions, the latest first",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def list_versions(self, call: Call[None, PageQuery], scope: str) -> Page[s.VersionView]:
        loaded = self._loaded(scope)
        policy = loaded.state
        first = _whole(call.query.after("number"), "number", len(policy.versions) + 1) - 1
        numbers = list(range(first, -1, -1))[: call.query.limit]
        by = answering.drafters(self.parts.store.stream(stream_of(scope)))
        items = [answering.version_view(number, policy, loaded.version, scope, by) for number in numbers]
        more = encode_cursor({"number": numbers[-1]}) if numbers and numbers[-1] > 0 else None
        return Page(items=items, next=more)

    @route(
        "GET",
        "/v1/policies/<scope>/versions/<int:number>",
        roles=READERS,
        answer=s.VersionView,
        summary="One version; 0 is the settings alone",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, errors.PolicyVersionNotFound),
    )
    def get_version(self, call: Call[None], scope: str, number: int) -> s.VersionView:  # noqa: ARG002
        loaded = self._loaded(scope)
        by = answering.drafters(self.parts.store.stream(stream_of(scope)))
        return answering.version_view(number, loaded.state, loaded.version, scope, by)

    @route(
        "GET",
        "/v1/policies/<scope>/changes",
        roles=READERS,
        query=s.CompareQuery,
        answer=list[s.ChangeView],
        summary="What differs between two versions",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, errors.PolicyVersionNotFound),
    )
    def compare_versions(self, call: Call[None, s.CompareQuery], scope: str) -> list[s.ChangeView]:
        policy = self._loaded(scope).state
        before, after = (answering.version_of(n, policy).document for n in (call.query.before, call.query.after))
        return [s.ChangeView.of(change) for change in changes(before, after)]

    @route(
        "GET",
        "/v1/policies/<scope>/effective",
        roles=READERS,
        query=s.EffectiveQuery,
        answer=s.EffectiveView,
        summary="The figures that hold at a place and a time",
        description="By any version: a decision can be asked again long after, by the `policy_version` it records.",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, errors.PolicyVersionNotFound),
    )
    def get_effective(self, call: Call[None, s.EffectiveQuery], scope: str) -> s.EffectiveView:
        policy, query = self._loaded(scope).state, call.query
        number = policy.active if query.version is None else query.version
        answering.version_of(number, policy)
        moment, where = query.at or call.now, _where(query)
        asked = self.parts.policies.above(number, policy)
        local = _local(asked.document, moment)
        figures, sources = asked.at(where, moment), asked.sources_at(where, moment)
        return s.EffectiveView(
            policy_version=figures.version,
            at=moment,
            local=local,
            cell=where.cell if where else None,
            values={name: getattr(figures, name) for name in sources},
            sources=dict(sources),
        )

    @route(
        "GET",
        "/v1/policies/<scope>/audit",
        roles=READERS,
        query=PageQuery,
        answer=Page[s.AuditEntry],
        summary="Who did what to the policy, when and why, the latest first",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def get_audit(self, call: Call[None, PageQuery], scope: str) -> Page[s.AuditEntry]:
        self._require(scope)
        with self.parts.store.reading() as reading:
            events = reading.stream(stream_of(scope))
            before = _whole(call.query.after("position"), "position", len(events) + 1)
            shown = [event for event in reversed(events) if event.version < before][: call.query.limit]
            items = [answering.audit_entry(event, reading.vault) for event in shown]
        more = encode_cursor({"position": shown[-1].version}) if shown and shown[-1].version > 1 else None
        return Page(items=items, next=more)

    @route(
        "POST",
        "/v1/policies/<scope>/validate",
        roles=READERS,
        body=s.ValidateBody,
        answer=s.Verdict,
        summary="Check a document without keeping it",
        description="All faults at once, each with its field, and what it would change against the version in force.",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def validate(self, call: Call[s.ValidateBody], scope: str) -> s.Verdict:
        active = self._loaded(scope).state.document
        document, faults = examine(call.body.document, self.parts.policies.base, outline_of, "document")
        return s.Verdict(
            valid=not faults,
            faults=[s.FaultView.of(fault) for fault in faults],
            changes=[] if faults else [s.ChangeView.of(change) for change in changes(active, document)],
        )

    @route(
        "POST",
        "/v1/policies/<scope>/versions",
        roles=OPERATIONS,
        body=s.DraftBody,
        answer=s.VersionView,
        status=201,
        command=True,
        summary="Write a new version down",
        description="It changes nothing until it is activated. What the latest version says is not kept twice.",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, InvalidInput),
    )
    def draft(self, call: Call[s.DraftBody], scope: str) -> s.VersionView:
        self._require(scope)
        document = self._examined(call.body.document)
        command = c.DraftPolicy(document=document, reason=call.body.reason, now=call.now)

        def work(tx: Transaction) -> s.VersionView:
            call.expect(tx.load(POLICY, stream_of(scope)).version)
            done = perform_policy(tx, command, call.context, scope)
            by = answering.drafters(tx.stream(stream_of(scope)))
            return answering.version_view(len(done.state.versions), done.state, done.version, scope, by)

        return call.once(self.parts.store, work)

    @route(
        "POST",
        "/v1/policies/<scope>/versions/<int:number>/activate",
        roles=OPERATIONS,
        body=s.ActivateBody,
        answer=s.PolicyView,
        command=True,
        summary="Let a version take over, now or at a time",
        description="Every process of the service decides by it within a second. A time replaces the one before it.",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, errors.PolicyVersionNotFound, InvalidInput),
    )
    def activate(self, call: Call[s.ActivateBody], scope: str, number: int) -> s.PolicyView:
        body = call.body
        command = c.ActivatePolicy(version=number, reason=body.reason, at=body.at, now=call.now)
        return self._changed(call, scope, command)

    @route(
        "POST",
        "/v1/policies/<scope>/unschedule",
        roles=OPERATIONS,
        body=s.ReasonBody,
        answer=s.PolicyView,
        command=True,
        summary="Keep the version in force when a scheduled one would have taken over",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound,),
    )
    def unschedule(self, call: Call[s.ReasonBody], scope: str) -> s.PolicyView:
        return self._changed(call, scope, c.Unschedule(reason=call.body.reason))

    @route(
        "POST",
        "/v1/policies/<scope>/rollback",
        roles=OPERATIONS,
        body=s.RollBackBody,
        answer=s.PolicyView,
        command=True,
        summary="Go back to a version that was active before",
        tags=TAGS,
        refusals=(
            errors.PolicyScopeNotFound,
            errors.PolicyVersionNotFound,
            errors.NothingToRollBack,
            errors.PolicyNeverActive,
        ),
    )
    def roll_back(self, call: Call[s.RollBackBody], scope: str) -> s.PolicyView:
        return self._changed(call, scope, c.RollBack(version=call.body.to, reason=call.body.reason, now=call.now))

    def _changed(self, call: Call[Any], scope: str, command: c.PolicyCommand) -> s.PolicyView:
        self._require(scope)
        parts = self.parts

        def work(tx: Transaction) -> s.PolicyView:
            before = tx.load(POLICY, stream_of(scope))
            call.expect(before.version)
            done = perform_policy(tx, command, call.context, scope)
            takes_over = done.state.active if done.state.scheduled is None else done.state.scheduled.version
            if takes_over != before.state.active:
                # A figure may have left the catalogue, or its range have changed, since the version was written.
                self._examined(as_json(answering.version_of(takes_over, done.state).document))
            return answering.policy_view(done.state, done.version, parts.policies, parts.clock)

        view = call.once(parts.store, work)
        parts.look_at_policies()
        return view

    def _examined(self, raw: dict[str, Any]) -> PolicyDocument:
        document, faults = examine(raw, self.parts.policies.base, outline_of, "document")
        if faults:
            raise InvalidInput(faults)
        return document

    def _loaded(self, scope: str) -> Loaded[Policy]:
        self._require(scope)
        return self.parts.store.load(POLICY, stream_of(scope))

    def _require(self, scope: str) -> None:
        if scope != self.parts.policies.scope:
            raise errors.PolicyScopeNotFound("there is no such scope")


def _where(query: s.EffectiveQuery) -> Where | None:
    if query.lat is None and query.lon is None:
        return None
    if query.lat is None or query.lon is None:
        raise InvalidInput([Fault("lat" if query.lat is None else "lon", "missing", "a place needs both degrees")])
    place = Place(query.lat, query.lon)
    return Where(place, cell_of(place))


def _local(document: PolicyDocument, moment: datetime) -> datetime:
    try:
        return document.local(moment)
    except OverflowError:
        raise InvalidInput([Fault("at", "out_of_range", "no calendar reaches there")]) from None


def _whole(after: dict[str, Any] | None, name: str, first: int) -> int:
    """The number in a cursor; raises InvalidInput on one that this list did not give."""
    value = first if after is None else after[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= first:
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return value
