"""The house rules that a machine can check: modules say why they exist, and none grows past its one thing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for room in ("services", "shared", "deploy")
    for path in (ROOT / room).rglob("*.py")
    if "static" not in path.parts
)
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "manager.py", "data.py"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 70


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=identity)
def test_a_module_with_code_opens_by_saying_why_it_exists(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{identity(path)} has code and no docstring"


@pytest.mark.parametrize("path", FILES, ids=identity)
def test_no_file_and_no_function_is_past_its_limit(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_no_module_hides_behind_a_name_that_says_nothing() -> None:
    assert [identity(path) for path in FILES if path.name in FORBIDDEN_NAMES] == []


def test_generated_documents_are_fresh() -> None:
    from shared.contracts import docs

    wanted = docs.files(docs.version_of(ROOT / "pyproject.toml"))
    assert docs.stale(ROOT / "docs", wanted) == []


def test_lock_file_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert not any(line.startswith("-") for line in lock.splitlines())
