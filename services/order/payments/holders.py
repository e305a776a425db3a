"""The providers of a platform: the one that takes new payments, and those that still hold older ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.order.payments.port import PaymentProvider, ProviderUnavailable


@dataclass(frozen=True, slots=True)
class Providers:
    """`others` hold payments of the time when they were configured; what they hold stays theirs."""

    current: PaymentProvider
    others: tuple[PaymentProvider, ...] = ()

    def __iter__(self) -> Iterator[PaymentProvider]:
        yield self.current
        yield from self.others

    def holding(self, name: str) -> PaymentProvider:
        """The provider of a payment; raises ProviderUnavailable while it is not configured: its errands wait."""
        for provider in self:
            if provider.name == name:
                return provider
        raise ProviderUnavailable(f"the provider {name} is not configured")

    def close(self) -> None:
        for provider in self:
            provider.close()
