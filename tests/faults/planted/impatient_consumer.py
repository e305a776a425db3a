"""A consumer whose inbox does not wait for the message that another one names as its predecessor."""

import sys

from deploy.faults.consumer import main
from shared.messaging.inbox import Inbox

if __name__ == "__main__":
    layout_file, service, name = sys.argv[1:]
    main(layout_file, service, name, make_inbox=Inbox)
