"""What an operator may do about a customer: forget them."""

from pydantic import BaseModel, Field

from services.order.domain.customer import HasOpenOrders
from services.order.forgetting import forget_customer
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.auth import Role
from shared.gateway.call import Call
from shared.gateway.route import route


class ForgetBody(BaseModel):
    """How sure the caller is."""

    even_with_open_orders: bool = Field(default=False, description="forget now, though a rider may not find the door")


class ForgottenView(BaseModel):
    """What was done."""

    customer_id: str
    orders: tuple[str, ...] = Field(description="orders whose contacts were taken back from the other services")
    answers: int = Field(description="answers kept for repeated requests that held personal data")


class CustomerRoutes:
    """Everything over HTTP that concerns a customer as a person."""

    parts: OrderParts

    @route(
        "POST",
        "/v1/customers/<customer_id>/forget",
        roles={Role.OPERATOR},
        body=ForgetBody,
        answer=ForgottenView,
        command=True,
        summary="Forget a customer",
        description="Deletes the key under which all personal data of the customer is sealed. There is no way back.",
        tags=("customers",),
        refusals=(HasOpenOrders,),
    )
    def forget_customer(self, call: Call[ForgetBody], customer_id: str) -> ForgottenView:
        def work(tx: Transaction) -> ForgottenView:
            done = forget_customer(
                tx, customer_id, call.context, even_with_open_orders=call.body.even_with_open_orders
            )
            return ForgottenView(customer_id=done.customer_id, orders=done.orders, answers=done.answers)

        return call.once(self.parts.store, work)
