"""A tail whose relay takes a message for published once it has read it, and does not wait for the confirm."""

import sys

from deploy.faults.tail import main
from shared.messaging import tail
from shared.messaging.window import Window


class EagerWindow(Window):
    """Its position is the last one that was read."""

    @property
    def position(self) -> int:
        return self.last_added


if __name__ == "__main__":
    vars(tail)["Window"] = EagerWindow
    main(*sys.argv[1:])
