"""The array literals that PostgreSQL reads; that they come back as they were is shown on a real one."""

from shared.eventstore.arrays import number_array, text_array


def test_text_with_quotes_backslashes_commas_and_braces_is_one_element() -> None:
    assert text_array(['{"a":"\\"x\\\\"}', "", "NULL", "a,b"]) == (
        '{"{\\"a\\":\\"\\\\\\"x\\\\\\\\\\"}","","NULL","a,b"}'
    )


def test_nothing_is_an_empty_array() -> None:
    assert (text_array([]), number_array([])) == ("{}", "{}")


def test_numbers_are_written_plainly() -> None:
    assert number_array([1, -2, 2**62]) == "{1,-2,4611686018427387904}"
