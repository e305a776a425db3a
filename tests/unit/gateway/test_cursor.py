"""Cursors go out and come back, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gateway.cursor import decode_cursor, encode_cursor
from shared.kernel.errors import InvalidInput

scalars = st.one_of(st.integers(), st.text('aé中 "\\/+=&'), st.booleans())


@given(st.dictionaries(st.sampled_from(["position", "id", "at"]), scalars))
def test_a_cursor_comes_back_as_it_went(values: dict[str, object]) -> None:
    cursor = encode_cursor(values)
    assert decode_cursor(cursor, *values) == values
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?#%")


@given(st.text(max_size=100))
def test_any_other_text_is_refused_as_bad_input(text: str) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(text, "position")


@pytest.mark.parametrize("values", [{"id": 1}, {"position": [1]}, {"position": {"a": 1}}, {"position": "a\0"}])
def test_a_cursor_of_another_shape_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_cursor(encode_cursor(values), "position")
    assert refused.value.faults[0].field == "cursor"
