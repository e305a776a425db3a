"""What is known of a payment method before any money is asked for: told as a fault, together with all the others."""

from services.order.domain.policy import OrderPolicy
from services.order.payments import Providers, ProviderUnavailable
from shared.kernel.errors import Fault

_SENTENCES = {
    "unknown_method": "the payment provider does not know this payment method",
    "method_expired": "this payment method has expired",
}


def method_faults(providers: Providers, policy: OrderPolicy, method: str, field: str) -> list[Fault]:
    """The fault of a method that cannot be used. The provider is asked outside of every transaction and not for long;
    one that does not answer stops nobody: the authorisation will tell."""
    if not policy.accepts_method(method):
        return [Fault(field, "unknown_method", "this payment method is not accepted")]
    try:
        code = providers.current.fault_of(method)
    except ProviderUnavailable:
        return []
    return [] if code is None else [Fault(field, code, _SENTENCES.get(code, "this payment method cannot be used"))]
