"""The peer: an order service as nameko's and SQLAlchemy's own documentation would have it.

Plain tables that are changed in place, `@http`, `@event_handler` and `EventDispatcher`. No token is checked, nothing
is validated, a request sent twice is done twice, and a crash between commit and dispatch loses the event.
"""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402
import sys  # noqa: E402
import uuid  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from typing import Any  # noqa: E402

from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402
from nameko.web.handlers import http  # noqa: E402
from sqlalchemy import ForeignKey, create_engine  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker  # noqa: E402
from werkzeug.wrappers import Response  # noqa: E402

RANKS = ("placed", "accepted", "preparing", "ready", "delivering", "delivered", "completed")
PRICES = {"noodles": 2800, "tea": 900}


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "order_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.order_id"), index=True)
    sku: Mapped[str]
    quantity: Mapped[int]
    unit_cents: Mapped[int]


class Payment(Base):
    __tablename__ = "payments"
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.order_id"), primary_key=True)
    state: Mapped[str]
    amount_cents: Mapped[int]


class Review(Base):
    __tablename__ = "reviews"
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.order_id"), primary_key=True)
    merchant: Mapped[int]
    rider: Mapped[int]
    platform: Mapped[int]


class Order(Base):
    __tablename__ = "orders"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    merchant_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    phone: Mapped[str]
    address: Mapped[str]
    total_cents: Mapped[int]
    placed_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    rider_id: Mapped[str | None]
    items: Mapped[list[Item]] = relationship(lazy="selectin")
    payment: Mapped[Payment] = relationship(lazy="joined")


class Database(DependencyProvider):
    """A session for each worker, as nameko-sqlalchemy gives one."""

    def setup(self) -> None:
        engine = create_engine(self.container.config["DATABASE"], pool_size=10, max_overflow=10)
        Base.metadata.create_all(engine)
        self._sessions = sessionmaker(engine)
        self._open: dict[Any, Session] = {}

    def get_dependency(self, worker_ctx: Any) -> Session:
        session = self._open[worker_ctx] = self._sessions()
        return session

    def worker_teardown(self, worker_ctx: Any) -> None:
        self._open.pop(worker_ctx).close()


class StockOrders:
    """Create, read, update; every change is told."""

    name = "stock_orders"
    db = Database()
    dispatch = EventDispatcher()

    @http("POST", "/v1/orders")
    def place(self, request: Any) -> Response:
        body = json.loads(request.get_data())
        items = [Item(sku=i["sku"], quantity=i["quantity"], unit_cents=PRICES[i["sku"]]) for i in body["items"]]
        total = sum(item.quantity * item.unit_cents for item in items)
        order = Order(
            order_id=uuid.uuid4().hex,
            merchant_id=body["merchant_id"],
            state="placed",
            name=body["contact"]["name"],
            phone=body["contact"]["phone"],
            address=body["address"],
            total_cents=total,
            placed_at=datetime.now(UTC),
            items=items,
            payment=Payment(state="authorized", amount_cents=total),
        )
        self.db.add(order)
        self.db.commit()
        return self._changed("order_placed", order, 201)

    @http("GET", "/v1/orders/<order_id>")
    def get(self, request: Any, order_id: str) -> Response:
        return _answer(self._order(order_id))

    @http("POST", "/v1/orders/<order_id>/accept")
    def accept(self, request: Any, order_id: str) -> Response:
        order = self._order(order_id)
        order.payment.state = "captured"
        return self._move(order, "accepted")

    @http("POST", "/v1/orders/<order_id>/start-preparation")
    def start(self, request: Any, order_id: str) -> Response:
        return self._move(self._order(order_id), "preparing")

    @http("POST", "/v1/orders/<order_id>/ready")
    def ready(self, request: Any, order_id: str) -> Response:
        order = self._order(order_id)
        order.ready_at = datetime.now(UTC)
        return self._move(order, "ready")

    @http("POST", "/v1/orders/<order_id>/confirm")
    def confirm(self, request: Any, order_id: str) -> Response:
        return self._move(self._order(order_id), "completed")

    @http("POST", "/v1/orders/<order_id>/review")
    def review(self, request: Any, order_id: str) -> Response:
        body = json.loads(request.get_data())
        self.db.add(Review(order_id=order_id, **body))
        self.db.commit()
        return self._changed("order_reviewed", self._order(order_id))

    @event_handler("dispatch", "rider_assigned")
    def on_rider_assigned(self, payload: dict[str, Any]) -> None:
        order = self._order(payload["order_id"])
        order.rider_id = payload["rider_id"]
        self.db.commit()
        self.dispatch("order_rider_assigned", _view(order))

    @event_handler("dispatch", "picked_up")
    def on_picked_up(self, payload: dict[str, Any]) -> None:
        self._move(self._order(payload["order_id"]), "delivering")

    @event_handler("dispatch", "delivered")
    def on_delivered(self, payload: dict[str, Any]) -> None:
        self._move(self._order(payload["order_id"]), "delivered")

    def _order(self, order_id: str) -> Order:
        order: Order = self.db.get_one(Order, order_id)
        return order

    def _move(self, order: Order, state: str) -> Response:
        """Ten workers handle events in any order, so that a later state must not be taken back."""
        if RANKS.index(state) > RANKS.index(order.state):
            order.state = state
        self.db.commit()
        return self._changed(f"order_{state}", order)

    def _changed(self, event_type: str, order: Order, status: int = 200) -> Response:
        self.dispatch(event_type, _view(order))
        return _answer(order, status)


def _view(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "merchant_id": order.merchant_id,
        "state": order.state,
        "total_cents": order.total_cents,
        "payment": order.payment.state,
        "items": [{"sku": i.sku, "quantity": i.quantity, "unit_cents": i.unit_cents} for i in order.items],
        "placed_at": order.placed_at.isoformat(),
        "rider_id": order.rider_id,
    }


def _answer(order: Order, status: int = 200) -> Response:
    return Response(json.dumps(_view(order)), status=status, mimetype="application/json")


def main(database: str, amqp_url: str, address: str) -> None:
    runner = ServiceRunner({"AMQP_URI": amqp_url, "WEB_SERVER_ADDRESS": address, "DATABASE": database})
    runner.add_service(StockOrders)
    runner.start()
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    runner.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
