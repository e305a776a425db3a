"""What a process may load: the tail sequences and publishes without eventlet, and so do the operator's commands."""

import subprocess
import sys

from shared.contracts.message import SERVICES


def test_the_tail_of_every_service_is_built_without_eventlet_or_nameko() -> None:
    imports = "; ".join(f"import services.{service}.wiring" for service in SERVICES)
    look = "print([name for name in ('eventlet', 'nameko') if name in sys.modules])"
    code = f"import sys, shared.messaging.tail; {imports}; {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
