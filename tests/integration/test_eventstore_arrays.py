"""What is written as an array literal comes back from PostgreSQL as it was."""

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.backends import Backends
from shared.eventstore.arrays import number_array, text_array

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1))


def test_every_text_and_number_comes_back_as_it_was(backends: Backends) -> None:
    with psycopg.connect(backends.postgres_url) as connection:

        @settings(max_examples=200, deadline=None)
        @given(TEXTS, NUMBERS)
        def check(texts: list[str], numbers: list[int]) -> None:
            row = connection.execute(
                "SELECT %s::text[], %s::bigint[]", (text_array(texts), number_array(numbers))
            ).fetchone()
            assert row == (texts, numbers)

        check()
