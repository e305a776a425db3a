"""A consumer whose inbox does not look whether it has had a message before."""

import sys
from collections.abc import Sequence

from deploy.faults.consumer import main
from shared.eventstore.ports import Transaction
from shared.messaging.inbox import Inbox, _Outcome
from shared.messaging.sequences import Received


class ForgetfulInbox(Inbox):
    """Handles whatever comes."""

    def _take(self, tx: Transaction, received: Sequence[Received], patient: bool) -> _Outcome:
        for each in received:
            assert each.envelope is not None
            assert each.message is not None
            self.handle(tx, each.envelope, each.message)
        return _Outcome(handled=len(received))


if __name__ == "__main__":
    layout_file, service, name = sys.argv[1:]
    main(layout_file, service, name, make_inbox=ForgetfulInbox)
