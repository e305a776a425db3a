"""A broker that is gone is left; one that is slow or full is waited for."""

from shared.messaging.overdue import LATEST_CONFIRM_SECONDS, SILENCE_SECONDS, Overdue


def test_who_owes_nothing_is_never_left() -> None:
    assert Overdue().reason(None, 1e9) is None


def test_silence_is_reason_to_leave_and_not_a_moment_before() -> None:
    overdue = Overdue()
    assert overdue.reason(100, 100 + SILENCE_SECONDS - 0.01) is None
    assert overdue.reason(100, 100 + SILENCE_SECONDS) == "no confirm in 10.0 s"


def test_a_slow_broker_that_confirms_other_messages_is_waited_for() -> None:
    overdue = Overdue()
    overdue.heard(100 + SILENCE_SECONDS - 1)
    assert overdue.reason(100, 100 + SILENCE_SECONDS) is None
    assert overdue.reason(100, 100 + 2 * SILENCE_SECONDS - 1) is not None


def test_one_message_whose_confirm_never_comes_is_sent_again_though_others_are_confirmed() -> None:
    overdue = Overdue()
    overdue.heard(100 + LATEST_CONFIRM_SECONDS - 1)
    assert overdue.reason(100, 100 + LATEST_CONFIRM_SECONDS - 0.01) is None
    assert overdue.reason(100, 100 + LATEST_CONFIRM_SECONDS) == "a message without its confirm for 60.0 s"


def test_a_blocked_broker_owes_nothing_however_long_that_lasts() -> None:
    overdue = Overdue()
    overdue.block()
    assert overdue.reason(100, 1e9) is None


def test_a_broker_that_has_room_again_gets_its_time_from_then_on() -> None:
    overdue = Overdue()
    overdue.block()
    overdue.unblock(5000)
    assert overdue.reason(100, 5000 + SILENCE_SECONDS - 0.01) is None
    assert overdue.reason(100, 5000 + SILENCE_SECONDS) is not None
