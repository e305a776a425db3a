"""Seals personal data under one key per data subject, so that deleting the key forgets the person everywhere.

A value is sealed with AES-256-GCM under its subject's key; that key is stored wrapped, again with AES-256-GCM, under
the master key of the installation. The subject's id is authenticated both times: neither a sealed value nor a wrapped
key can be passed off as somebody else's.
"""

import base64
import json
import os
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.eventstore.connecting import Connection

KEY_BYTES = 32
NONCE_BYTES = 12


class Keys(Protocol):
    """Where the keys of data subjects are kept, as one transaction sees them."""

    def for_sealing(self, subject_id: str) -> bytes:
        """The subject's key, made on first use; a throw-away one when the subject has been forgotten."""

    def for_opening(self, subject_id: str) -> bytes | None:
        """The subject's key, or None when there is none (any more)."""

    def forget(self, subject_id: str) -> None:
        """Deletes the subject's key for good."""


class KeyVault:
    """The vault of one transaction."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def seal(self, subject_id: str, plain: Any) -> str:
        """Encrypts a JSON value under the subject's key, made on first use.

        What still comes in about somebody who was forgotten is sealed too, with a key that nobody keeps.
        """
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(encrypt(self._keys.for_sealing(subject_id), text.encode(), subject_id)).decode()

    def open(self, subject_id: str, sealed: str) -> Any | None:
        """The JSON value, or None when the subject has been forgotten; raises InvalidTag when it was changed."""
        key = self._keys.for_opening(subject_id)
        if key is None:
            return None
        return json.loads(decrypt(key, base64.b64decode(sealed), subject_id))

    def forget(self, subject_id: str) -> None:
        """Deletes the subject's key: whatever was sealed under it reads as None from now on."""
        self._keys.forget(subject_id)


def new_key() -> bytes:
    return AESGCM.generate_key(bit_length=KEY_BYTES * 8)


def encrypt(key: bytes, plain: bytes, subject_id: str) -> bytes:
    """Nonce and AES-256-GCM cipher text, bound to the subject."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, subject_id.encode())


def decrypt(key: bytes, sealed: bytes, subject_id: str) -> bytes:
    """What `encrypt` was given; raises InvalidTag for another key, another subject or a changed bit."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], subject_id.encode())


def master_key_from(given: bytes | str) -> bytes:
    """The 32 bytes of a master key, given as they are or in base64; while keys are rotated, the previous one's 32
    bytes follow."""
    key = base64.b64decode(given, validate=True) if isinstance(given, str) else given
    if len(key) not in (KEY_BYTES, 2 * KEY_BYTES):
        raise ValueError(f"the master key must have {KEY_BYTES} bytes, not {len(key)}")
    return key


def wrap(master_key: bytes, key: bytes, subject_id: str) -> bytes:
    """A subject's key under the master key; never under the previous one."""
    return encrypt(master_key[:KEY_BYTES], key, subject_id)


def unwrap(master_key: bytes, wrapped: bytes, subject_id: str) -> bytes:
    """A subject's key, wrapped under the master key or the previous one; raises InvalidTag when under neither."""
    try:
        return decrypt(master_key[:KEY_BYTES], wrapped, subject_id)
    except InvalidTag:
        if len(master_key) == KEY_BYTES:
            raise
        return decrypt(master_key[KEY_BYTES:], wrapped, subject_id)


class KeyCache:
    """Unwrapped keys that one process remembers, the least used of them dropped first.

    An entry counts only for the number of forgettings it was read under: whoever knows of one more finds nothing.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._lock = Lock()
        self._forgettings = 0
        self._keys: OrderedDict[str, bytes] = OrderedDict()

    def get(self, subject_id: str, forgettings: int) -> bytes | None:
        with self._lock:
            if not self._current(forgettings) or subject_id not in self._keys:
                return None
            self._keys.move_to_end(subject_id)
            return self._keys[subject_id]

    def put(self, subject_id: str, key: bytes, forgettings: int) -> None:
        with self._lock:
            if not self._current(forgettings):
                return
            self._keys[subject_id] = key
            self._keys.move_to_end(subject_id)
            if len(self._keys) > self._size:
                self._keys.popitem(last=False)

    def _current(self, forgettings: int) -> bool:
        if forgettings > self._forgettings:
            self._forgettings = forgettings
            self._keys.clear()
        return forgettings == self._forgettings


class Connected(Protocol):
    """Who has a connection."""

    @property
    def connection(self) -> Connection: ...


class PostgresKeys:
    """The table `subjects` through one transaction, with the process's cache in front of it."""

    def __init__(self, talk: Connected, master_key: bytes, cache: KeyCache, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._master_key = master_key
        self._cache = cache
        self._now = now
        self._known_forgettings: int | None = None
        # What this transaction made or deleted itself is nobody else's business before it commits.
        self._own: dict[str, bytes | None] = {}

    def for_sealing(self, subject_id: str) -> bytes:
        key = self.for_opening(subject_id)
        if key is None and subject_id not in self._own:
            key = self._own[subject_id] = self._make(subject_id)
        return key or new_key()

    def for_opening(self, subject_id: str) -> bytes | None:
        if subject_id in self._own:
            return self._own[subject_id]
        forgettings = self._forgettings()
        key = self._cache.get(subject_id, forgettings)
        if key is None:
            key = self._read(subject_id)
            if key is not None:
                self._cache.put(subject_id, key, forgettings)
        return key

    def forget(self, subject_id: str) -> None:
        self._talk.connection.execute("UPDATE forgettings SET count = count + 1")
        self._talk.connection.execute(
            "INSERT INTO subjects (subject_id, wrapped_key, forgotten_at) VALUES (%s, NULL, %s)"
            " ON CONFLICT (subject_id) DO UPDATE SET wrapped_key = NULL, forgotten_at = EXCLUDED.forgotten_at"
            " WHERE subjects.wrapped_key IS NOT NULL",
            (subject_id, self._now()),
        )
        self._own[subject_id] = None

    def know(self, forgettings: int) -> None:
        """The number of forgettings as this transaction's last read of a stream saw it: one question less."""
        self._known_forgettings = forgettings

    def _forgettings(self) -> int:
        if self._known_forgettings is None:
            row = self._talk.connection.execute("SELECT count FROM forgettings").fetchone()
            assert row is not None, "migrations leave one row in forgettings"
            self._known_forgettings = int(row["count"])
        return self._known_forgettings

    def _read(self, subject_id: str) -> bytes | None:
        row = self._talk.connection.execute(
            "SELECT wrapped_key FROM subjects WHERE subject_id = %s", (subject_id,)
        ).fetchone()
        if row is None or row["wrapped_key"] is None:
            return None
        return unwrap(self._master_key, row["wrapped_key"], subject_id)

    def _make(self, subject_id: str) -> bytes | None:
        key = new_key()
        made = self._talk.connection.execute(
            "INSERT INTO subjects (subject_id, wrapped_key) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (subject_id, wrap(self._master_key, key, subject_id)),
        )
        # Nothing inserted: another transaction was first, or the subject has been forgotten.
        return key if made.rowcount else self._read(subject_id)


class MemoryKeys:
    """Keys of a store that lives in memory."""

    def __init__(self, keys: dict[str, bytes | None]) -> None:
        self._keys = keys

    def for_sealing(self, subject_id: str) -> bytes:
        return self._keys.setdefault(subject_id, new_key()) or new_key()

    def for_opening(self, subject_id: str) -> bytes | None:
        return self._keys.get(subject_id)

    def forget(self, subject_id: str) -> None:
        self._keys[subject_id] = None
