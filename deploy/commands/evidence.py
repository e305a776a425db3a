"""Shows that the logs are what they were: proves them whole, signs where they stand, and checks that elsewhere."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from deploy.commands.progress import Progress
from deploy.commands.stream_show import categories_of
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, known, variable

evidence_app = typer.Typer(no_args_is_help=True, help="Signed notes of where a log stood, to be kept elsewhere.")


def verify(
    service: Service,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
) -> None:
    """Proves that a service's event log is whole, or says where it is not."""
    verdict = verified(service, run_dir, quiet=quiet)
    typer.echo(f"{verdict.events} events, {verdict.pending} wait for their position, head {verdict.head}")
    for problem in verdict.problems:
        typer.echo(f"{problem.where}: {problem.reason}")
    raise typer.Exit(0 if verdict.is_whole else 1)


@evidence_app.command("key")
def key(private: Path, public: Path) -> None:
    """Makes the pair of keys that checkpoints are signed and checked with. Keep the private one off this machine."""
    from shared.eventstore.checkpoint import new_signing_key

    if private.exists() or public.exists():
        fail("one of these files exists already")
    secret, known_to_all = new_signing_key()
    private.touch(mode=0o600)
    private.write_bytes(secret)
    public.write_bytes(known_to_all)
    typer.echo(f"{private} signs, {public} checks")


@evidence_app.command("checkpoint")
def checkpoint(
    service: Service,
    signing_key: Annotated[Path, typer.Option("--key", help="The private key, in PEM.")],
    out: Annotated[Path, typer.Option(help="The file to add the checkpoint to.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Proves a log whole, then signs where it stands. A log that is not whole is not signed."""
    from shared.eventstore.checkpoint import sign

    verdict = verified(service, run_dir)
    if not verdict.is_whole:
        fail(f"{verdict.problems[0].where}: {verdict.problems[0].reason}; nothing was signed")
    note = sign(signing_key.read_bytes(), service, verdict.events, verdict.head, datetime.now(UTC))
    with out.open("a", encoding="utf-8") as file:
        file.write(note.line())
    typer.echo(f"{service} at {note.position}: {note.hash}, signed with {note.key_id}")


@evidence_app.command("check")
def check(
    checkpoints: Annotated[list[Path], typer.Argument(help="Files of checkpoints.")],
    public_key: Annotated[list[Path], typer.Option("--public-key", help="Keys that are believed, in PEM.")],
    export: Annotated[Path | None, typer.Option(help="A whole log, as `doorstep log export` writes it.")] = None,
    service: Annotated[str, typer.Option(help="Whose log was exported.")] = "",
) -> None:
    """Checks checkpoints, and an exported log against them, from files alone: no database, no platform."""
    from shared.eventstore import checkpoint as notes

    try:
        signed = [note for path in checkpoints for note in notes.read_checkpoints(path.read_text("utf-8"))]
        keys = notes.public_keys(path.read_bytes() for path in public_key)
    except ValueError as error:
        fail(str(error))
    faults = notes.check(signed, keys)
    if export is not None:
        faults += notes.check_export(export, signed, known(service))
    report(len(signed), faults)


@evidence_app.command("compare")
def compare(
    service: Service,
    checkpoints: Annotated[list[Path], typer.Argument(help="Files of checkpoints.")],
    public_key: Annotated[list[Path], typer.Option("--public-key", help="Keys that are believed, in PEM.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Checks the live log of a service against checkpoints that were kept elsewhere."""
    from shared.eventstore import checkpoint as notes

    try:
        signed = [note for path in checkpoints for note in notes.read_checkpoints(path.read_text("utf-8"))]
        keys = notes.public_keys(path.read_bytes() for path in public_key)
    except ValueError as error:
        fail(str(error))
    verdict = verified(service, run_dir, marks=[note.position for note in signed])
    faults = notes.check(signed, keys)
    faults += [notes.Fault(problem.where, problem.reason) for problem in verdict.problems]
    report(len(signed), faults + notes.check_against(signed, service, verdict.marks, verdict.events))


def verified(service: str, run_dir: Path, marks: Sequence[int] = (), *, quiet: bool = False) -> Any:
    """What a walk over the whole log of a service finds."""
    from shared.eventstore.verify import verify_log

    url = variable(run_dir, f"DOORSTEP_{known(service).upper()}_POSTGRES_URL")
    with Progress(quiet) as progress:
        return verify_log(url, tell=progress.tell, marks=marks, categories=categories_of(service))


def report(count: int, faults: Sequence[Any]) -> NoReturn:
    """Says what was found; the exit code is 1 when anything cannot be believed."""
    for fault in faults:
        typer.echo(f"{fault.where}: {fault.reason}")
    typer.echo(f"{count} checkpoints, {len(faults)} faults")
    raise typer.Exit(1 if faults else 0)
