"""How long a subscription waits for earlier messages, and when it does not."""

from shared.messaging.patience import PATIENCE_SECONDS, PAUSE_SECONDS, Patience


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_messages_may_wait_for_a_while_and_no_longer() -> None:
    patience = Patience(Watch())
    assert patience.lasts(None, more_may_come=True)
    assert patience.lasts(0.0, more_may_come=True)
    assert patience.lasts(PATIENCE_SECONDS - 0.1, more_may_come=True)
    assert not patience.lasts(PATIENCE_SECONDS, more_may_come=True)


def test_who_waited_in_vain_does_not_wait_again_for_some_time() -> None:
    watch = Watch()
    patience = Patience(watch)
    assert not patience.lasts(PATIENCE_SECONDS, more_may_come=True)
    watch.now += PAUSE_SECONDS - 0.1
    assert not patience.lasts(None, more_may_come=True)
    watch.now += 0.1
    assert patience.lasts(None, more_may_come=True)


def test_nobody_waits_for_what_cannot_come() -> None:
    patience = Patience(Watch())
    assert not patience.lasts(0.0, more_may_come=False)


def test_a_new_connection_has_new_patience() -> None:
    patience = Patience(Watch())
    assert not patience.lasts(PATIENCE_SECONDS, more_may_come=True)
    patience.renew()
    assert patience.lasts(0.0, more_may_come=True)
