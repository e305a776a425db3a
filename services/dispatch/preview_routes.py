"""The routes of previews: what a version of the policy would change, played on past days before it is activated."""

from services.dispatch import policy_answering as answering
from services.dispatch import preview_views
from services.dispatch.codec import POLICY
from services.dispatch.domain import errors
from services.dispatch.domain.policies.document import as_json
from services.dispatch.domain.policies.state import stream_of
from services.dispatch.policy_routes import OPERATIONS, READERS
from services.dispatch.preview_schemas import PreviewBody, PreviewView
from services.dispatch.wiring import DispatchParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route

TAGS = ("policies",)
PREFIX = "ppv"


class PreviewRoutes:
    """Operations ask; whoever reads policies reads what came of it. Nothing is played in the gateway's process."""

    parts: DispatchParts

    @route(
        "POST",
        "/v1/policies/<scope>/versions/<int:number>/previews",
        roles=OPERATIONS,
        body=PreviewBody,
        answer=PreviewView,
        status=202,
        command=True,
        summary="Play past days under a version and under the one in force",
        description="A process of its own plays them off-line, at low priority. Asked again while it is under way, "
        "the same preview is answered.",
        tags=TAGS,
        refusals=(
            errors.PolicyScopeNotFound,
            errors.PolicyVersionNotFound,
            errors.NothingToPreview,
            errors.TooManyPreviews,
        ),
    )
    def ask_preview(self, call: Call[PreviewBody], scope: str, number: int) -> PreviewView:
        self._scope(scope)
        policy = self.parts.store.load(POLICY, stream_of(scope)).state
        against = policy.active if call.body.against is None else call.body.against
        document, beside = (answering.version_of(each, policy).document for each in (number, against))
        if number == against:
            raise errors.NothingToPreview("a version is previewed beside another one", number=number)
        asked = preview_views.Preview(
            preview_id=self.parts.ids(PREFIX),
            number=number,
            against=against,
            document=as_json(document),
            beside=as_json(beside),
            state="waiting",
            asked_by=call.context.actor,
            asked_at=call.now,
        )

        def work(tx: Transaction) -> PreviewView:
            preview = preview_views.ask(tx.connection, asked)
            if preview is None:
                raise errors.TooManyPreviews("other previews must be done first", most=preview_views.OPEN_MAX)
            return PreviewView.of(preview)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/policies/<scope>/versions/<int:number>/previews",
        roles=READERS,
        answer=list[PreviewView],
        summary="The previews of a version, the latest first: how far each is, or what it showed",
        tags=TAGS,
        refusals=(errors.PolicyScopeNotFound, errors.PolicyVersionNotFound),
    )
    def list_previews(self, call: Call[None], scope: str, number: int) -> list[PreviewView]:  # noqa: ARG002
        self._scope(scope)
        answering.version_of(number, self.parts.store.load(POLICY, stream_of(scope)).state)
        with self.parts.store.reading() as reading:
            return [PreviewView.of(each) for each in preview_views.of_version(reading.connection, number)]

    def _scope(self, scope: str) -> None:
        if scope != self.parts.policies.scope:
            raise errors.PolicyScopeNotFound("there is no such scope")
