"""What every operator's command needs: where the platform is, what it was told, and plain words when it fails."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from shared.contracts.message import SERVICES

RunDir = Annotated[Path, typer.Option(help="Where the platform keeps everything.")]
Service = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")]
DEFAULT_RUN_DIR = Path(".run")


def fail(sentence: str) -> NoReturn:
    """Ends the command with a plain sentence instead of a trace."""
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def variables(run_dir: Path) -> Mapping[str, str]:
    """The environment, completed by what the platform of this folder wrote down when it started."""
    path = run_dir / "env.json"
    written: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {**written, **{name: text for name, text in os.environ.items() if name.startswith("DOORSTEP_")}}


def variable(run_dir: Path, name: str) -> str:
    return variables(run_dir).get(name) or fail(f"{name} is not set, and {run_dir}/env.json does not tell it")


def known(service: str) -> str:
    return service if service in SERVICES else fail(f"{service} is not one of {', '.join(SERVICES)}")


def settings_of(service: str, run_dir: Path) -> Any:
    """The settings of a service; ends the command naming every variable that is missing or wrong."""
    from shared.runtime.settings import Settings, SettingsError

    try:
        return Settings.from_environment(known(service), variables(run_dir))
    except SettingsError as error:
        fail(str(error))


def operator() -> str:
    """In whose name an operator's command is written down."""
    import getpass

    return f"operator:{getpass.getuser()}"


def guarded(work: Callable[[], Any]) -> Any:
    """A refusal of the domain is a sentence, not a trace."""
    from shared.kernel.errors import DomainError

    try:
        return work()
    except DomainError as error:
        fail(f"{error.code}: {error}")
