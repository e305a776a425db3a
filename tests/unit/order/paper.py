"""A payment provider and a desk on paper: they keep their own books, and are away or forgetful when told to."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from services.order.domain import payment as p
from services.order.domain.payment import Errand
from services.order.payments import Movement, News, ProviderAnswer, ProviderRequest, ProviderUnavailable
from services.order.payments.desk import Slip, closes
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction


class PaperProvider:
    """Calls itself the sandbox. `away` makes it fail before it does anything; `forgetful` makes it do its errand and
    fail to say so."""

    name = "sandbox"

    def __init__(self) -> None:
        self.answers: dict[str, ProviderAnswer] = {}
        self.cents: Counter[Errand] = Counter()
        self.asked = 0
        self.away = False
        self.forgetful = False

    @property
    def held_cents(self) -> int:
        """What has been taken and not given back."""
        return self.cents[Errand.CAPTURE] + self.cents[Errand.CHARGE] - self.cents[Errand.REFUND]

    def fault_of(self, method: str) -> str | None:
        return None

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.AUTHORIZE, request, "card_declined" if "declined" in request.method else None)

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CAPTURE, request)

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.RELEASE, request)

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.REFUND, request)

    def charge(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CHARGE, request)

    def read_webhook(self, body: bytes, signature: str | None, now: datetime) -> News:
        return News(event_id=body.decode(), kind="paper")

    def movements(self, start: datetime, end: datetime) -> Sequence[Movement]:
        return ()

    def close(self) -> None:
        """Paper holds nothing open."""

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


class PaperDesk:
    """Errands on a heap of paper; what is taken and not answered lies there again after `leave`."""

    def __init__(self) -> None:
        self.slips: dict[tuple[str, str], Slip] = {}
        self.taken: set[tuple[str, str]] = set()

    def note(self, tx: Transaction, stored: StoredEvent, event: p.PaymentEvent) -> None:
        asked = p.errand_of(event)
        if asked is not None:
            key = (stored.stream_id, asked[1])
            self.taken.discard(key)
            self.slips[key] = Slip(
                payment_id=stored.stream_id,
                name=asked[1],
                caused_by=stored.event_id,
                correlation_id=stored.correlation_id,
                traceparent=stored.traceparent,
            )
        elif isinstance(event, p.PaymentDelayed | p.PaymentStuck):
            self._clear(stored.stream_id, event.name)
        else:
            for name in closes(event):
                self._clear(stored.stream_id, name)

    def take(self, limit: int) -> Sequence[Slip]:
        free = [key for key in self.slips if key not in self.taken][:limit]
        self.taken.update(free)
        return [self.slips[key] for key in free]

    def drop(self, slip: Slip) -> None:
        self._clear(slip.payment_id, slip.name)

    def leave(self) -> None:
        """The leases have run out."""
        self.taken.clear()

    def _clear(self, payment_id: str, name: str) -> None:
        self.slips.pop((payment_id, name), None)
        self.taken.discard((payment_id, name))
