"""Signed notes of where a log stood: kept elsewhere, they convict even a database owner who rewrote the whole chain.

Everything here works on files alone; neither the database nor the platform is needed to check.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.eventstore.chain import ChainRow, LogFields, Verifier, spelled
from shared.eventstore.writing import canonical_json

CHUNK = 5_000
FORMAT = "doorstep-checkpoint-1"
"""Signed too: a signature of ours on anything else can never be taken for a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At `time` the log of `service` had `hash` (hex) at `position`; `signature` is Ed25519 in hex."""

    service: str
    position: int
    hash: str
    time: str
    key_id: str
    signature: str = ""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: the canonical JSON of all other fields, and the format's name."""
        fields = {name: value for name, value in asdict(self).items() if name != "signature"}
        return canonical_json(fields | {"format": FORMAT}).encode()

    def line(self) -> str:
        """One line of a file of checkpoints."""
        return canonical_json(asdict(self)) + "\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """Which checkpoint or position cannot be believed, and why."""

    where: str
    reason: str


def new_signing_key() -> tuple[bytes, bytes]:
    """A private and a public Ed25519 key in PEM."""
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id_of(public: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    return sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def sign(private_pem: bytes, service: str, position: int, digest: str, now: datetime) -> Checkpoint:
    """A checkpoint of a log; raises ValueError when the key is not Ed25519."""
    key = load_pem_private_key(private_pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the key must be Ed25519")
    note = Checkpoint(service, position, digest, now.astimezone(UTC).isoformat(), key_id_of(key.public_key()))
    return replace(note, signature=key.sign(note.signed_bytes).hex())


def public_keys(pems: Iterable[bytes]) -> dict[str, Ed25519PublicKey]:
    """Public keys by their ids; raises ValueError for one that is not Ed25519."""
    keys = {}
    for pem in pems:
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("the key must be Ed25519")
        keys[key_id_of(key)] = key
    return keys


def read_checkpoints(text: str) -> list[Checkpoint]:
    """The checkpoints of a file; raises ValueError naming the first line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(Checkpoint(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {number} is not a checkpoint") from error
    return found


def check(checkpoints: Sequence[Checkpoint], keys: Mapping[str, Ed25519PublicKey]) -> list[Fault]:
    """Signatures, and what no honest log can say: two hashes at one position, or a later note of an earlier place."""
    faults = [Fault(_name(each), reason) for each in checkpoints if (reason := _signature_fault(each, keys))]
    latest: dict[str, Checkpoint] = {}
    told: dict[tuple[str, int], str] = {}
    for each in sorted(checkpoints, key=lambda note: (note.time, note.position)):
        before = latest.get(each.service)
        if before is not None and each.position < before.position:
            faults.append(Fault(_name(each), f"the log had reached {before.position} before, at {before.time}"))
        if told.setdefault((each.service, each.position), each.hash) != each.hash:
            faults.append(Fault(_name(each), "another checkpoint tells another hash of this position"))
        latest[each.service] = each
    return faults


def check_against(
    checkpoints: Sequence[Checkpoint], service: str, hashes: Mapping[int, str], end: int
) -> list[Fault]:
    """The checkpoints of a service against a log that ends at `end` and has `hashes` at their positions."""
    faults = []
    for each in checkpoints:
        if each.service != service:
            continue
        if each.position > end:
            faults.append(Fault(_name(each), f"the log ends at {end}: it was cut off"))
        elif each.position > 0 and hashes.get(each.position) != each.hash:
            faults.append(Fault(_name(each), "the log has another hash here: it was written anew"))
    return faults


def check_export(path: Path, checkpoints: Sequence[Checkpoint], service: str, most_told: int = 20) -> list[Fault]:
    """An exported log from its first position on: the chain, then the checkpoints of its service."""
    verifier = Verifier(each.position for each in checkpoints if each.service == service)
    faults: list[Fault] = []
    for row in exported_rows(path):
        broken = verifier.check(spelled(row))
        if broken is not None and len(faults) < most_told:
            faults.append(Fault(f"position {broken.position}", broken.reason))
    return faults + check_against(checkpoints, service, verifier.marks, verifier.position)


def exported_rows(path: Path) -> Iterator[ChainRow]:
    """The rows of `doorstep log export`, from Parquet or from JSON lines, in bounded memory."""
    read = _parquet if path.suffix == ".parquet" else _json_lines
    for row in read(path):
        fields = LogFields(**{name: row[name] for name in LogFields._fields})
        yield ChainRow(row["position"], bytes.fromhex(row["hash"]), fields)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The store keeps JSON in one spelling only, so its exact text can be written again from what it means."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            texts = {name: canonical_json(row[name]) for name in ("data", "metadata")}
            yield row | texts | {"recorded_at": datetime.fromisoformat(row["recorded_at"])}


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    # Heavy, and needed by nobody else.
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK):
            yield from batch.to_pylist()


def _signature_fault(note: Checkpoint, keys: Mapping[str, Ed25519PublicKey]) -> str | None:
    key = keys.get(note.key_id)
    if key is None:
        return f"it was signed with the key {note.key_id}, which was not given"
    try:
        key.verify(bytes.fromhex(note.signature), note.signed_bytes)
    except (InvalidSignature, ValueError):
        return "the signature does not fit"
    return None


def _name(note: Checkpoint) -> str:
    return f"checkpoint of {note.service} at {note.position}"
