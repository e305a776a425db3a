"""Runs one service in a process of its own: `python -m deploy.serve order`.

The first import patches the standard library for eventlet, and nothing may come before it: not the command line's
library, not pydantic. That is why this is a module and not a function of `deploy/cli.py`.
"""

# isort: off
from shared.runtime import process

# isort: on
import sys
from importlib import import_module

from shared.runtime.settings import Settings, SettingsError


def main(service: str) -> int:
    """Serves until it is asked to stop; 2 when a setting is missing or wrong, which is told in one sentence."""
    try:
        settings = Settings.from_environment(service)
        module = import_module(f"services.{service}.service")
        process.serve(getattr(module, f"{service.capitalize()}Service"), settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
