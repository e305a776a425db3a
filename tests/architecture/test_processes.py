"""What a process may load: the tail sequences and publishes without eventlet, and so do the operator's commands."""

import ast
import subprocess
import sys
from pathlib import Path

from shared.contracts.message import SERVICES

ROOT = Path(__file__).parents[2]
PATCHING = "shared.runtime.process"


def test_the_tail_of_every_service_is_built_without_eventlet_or_nameko() -> None:
    imports = "; ".join(f"import services.{service}.wiring" for service in SERVICES)
    look = "print([name for name in ('eventlet', 'nameko') if name in sys.modules])"
    code = f"import sys, shared.messaging.tail; {imports}; {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_no_test_patches_the_standard_library_of_the_process_that_runs_all_tests() -> None:
    """Importing the patching module is for programs that tests start; in a test it would stop every later one."""
    guilty = [path.name for path in (ROOT / "tests").rglob("test_*.py") if patches(path.read_text(encoding="utf-8"))]
    assert not guilty
    assert patches(f"from {PATCHING} import serve")
    assert patches("from shared.runtime import process")


def patches(source: str) -> bool:
    """Whether a module imports what patches, itself and not in a program that it holds as text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return PATCHING in names
