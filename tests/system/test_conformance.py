"""Generated calls: no gateway answers 500, or anything that its OpenAPI document does not allow."""

from random import Random

import pytest

from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from tests.conformance.calls import Caller
from tests.conformance.known import KnownIds
from tests.conformance.world import furnish

EXAMPLES = 1


@pytest.fixture(scope="module")
def known(platform: Platform) -> KnownIds:
    known = KnownIds(Random(1))
    furnish(platform, known)
    return known


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_keeps_to_its_document(platform: Platform, known: KnownIds, service: str) -> None:
    caller = Caller(platform.url(service), platform.token, known, Random(1))

    caller.round(EXAMPLES)

    assert len(caller.tally.by_operation) == caller.operations
    assert not caller.tally.breaches, caller.tally.breaches.values()
