"""What stays is not walked over again, and what comes later is still collected."""

import gc
import weakref

from shared.runtime.garbage import set_aside_what_stays


class Loop:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_is_set_aside_and_later_garbage_is_still_collected() -> None:
    there = Loop()
    try:
        set_aside_what_stays()
        assert gc.get_freeze_count() > 0
        assert not any(each is there for each in gc.get_objects())
        later = weakref.ref(Loop())
        assert later() is not None
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
