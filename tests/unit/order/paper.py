"""A payment provider on paper: keeps its own books, is away when told to, and never does the same errand twice."""

from collections import Counter

from services.order.domain.payment import Errand
from services.order.payments import ProviderAnswer, ProviderRequest, ProviderUnavailable


class PaperProvider:
    """`away` makes it fail before it does anything; `forgetful` makes it do its errand and fail to say so."""

    def __init__(self) -> None:
        self.answers: dict[str, ProviderAnswer] = {}
        self.cents: Counter[Errand] = Counter()
        self.asked = 0
        self.away = False
        self.forgetful = False

    @property
    def held_cents(self) -> int:
        """What has been taken and not given back."""
        return self.cents[Errand.CAPTURE] - self.cents[Errand.REFUND]

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.AUTHORIZE, request, "card_declined" if "declined" in request.method else None)

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CAPTURE, request)

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.RELEASE, request)

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.REFUND, request)

    def _answer(self, errand: Errand, request: ProviderRequest, declined: str | None = None) -> ProviderAnswer:
        self.asked += 1
        if self.away:
            raise ProviderUnavailable("away")
        if request.idempotency_key not in self.answers:
            self.answers[request.idempotency_key] = ProviderAnswer(declined, f"paper-{len(self.answers)}")
            if declined is None:
                self.cents[errand] += request.amount_cents
        if self.forgetful:
            raise ProviderUnavailable("the line broke after the errand was done")
        return self.answers[request.idempotency_key]
