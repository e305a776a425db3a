"""Bearer tokens: signed JWTs (EdDSA only) checked against a key set on disk, so that any identity provider fits."""

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shared.runtime.logging import get_logger

ALGORITHM = "EdDSA"
LEEWAY_SECONDS = 2
MOST_REMEMBERED = 10_000
"""Tokens whose signature need not be checked again: Ed25519 in Python took 0.4 ms of every request."""
_log = get_logger(__name__)


class InvalidToken(Exception):
    """The token is not one of ours; `code` says how."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. `ids` are the things its holder may act for, in the token's order."""

    subject: str
    roles: frozenset[str]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name (`kid`) under which its public half is in the key set."""

    kid: str
    private_pem: bytes = field(repr=False)

    def public_jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = OKPAlgorithm.to_jwk(self.private_key().public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}

    def private_key(self) -> Ed25519PrivateKey:
        key = serialization.load_pem_private_key(self.private_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the signing key is not an Ed25519 key")
        return key

    def save(self, path: Path) -> None:
        """Writes the private key for its owner's eyes only, with its name in a first comment line."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"# kid: {self.kid}\n".encode() + self.private_pem)

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        first, _, pem = path.read_bytes().partition(b"\n")
        if not first.startswith(b"# kid: "):
            raise ValueError(f"{path.name} does not begin with the name of its key")
        return cls(first.removeprefix(b"# kid: ").decode().strip(), pem)


def generate_keypair(kid: str | None = None) -> SigningKey:
    """A fresh Ed25519 key."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(kid or f"key-{os.urandom(4).hex()}", pem)


def write_jwks(path: Path, keys: Iterable[SigningKey]) -> None:
    """Writes the public halves as a JWK set, whole or not at all: verifiers may read at any moment."""
    text = json.dumps({"keys": [key.public_jwk() for key in keys]}, indent=1)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def issue(
    key: SigningKey,
    *,
    subject: str,
    roles: Iterable[str],
    ids: Iterable[str] = (),
    issuer: str = "doorstep",
    lifetime_seconds: float = 3600,
    now_unix: float | None = None,
) -> str:
    """A signed token. Its times are the wall's, not the platform's virtual clock's."""
    now = time.time() if now_unix is None else now_unix
    claims = {
        "sub": subject,
        "iss": issuer,
        "iat": int(now),
        "exp": int(now + lifetime_seconds),
        "roles": sorted(roles),
        "ids": list(ids),
    }
    return jwt.encode(claims, key.private_key(), algorithm=ALGORITHM, headers={"kid": key.kid})


class Verifier:
    """Checks tokens against a JWKS file, which it reads again whenever the file changes."""

    def __init__(self, jwks: Path, issuer: str = "doorstep") -> None:
        self._path = jwks
        self._issuer = issuer
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._verified: dict[str, tuple[float, Claims]] = {}
        self._refresh()

    def verify(self, token: str) -> Claims:
        """The claims of a valid token; raises InvalidToken."""
        self._refresh()
        known = self._verified.get(token)
        if known is None:
            known = self._check(token)
            if len(self._verified) >= MOST_REMEMBERED:
                self._verified.clear()
            self._verified[token] = known
        expires, claims = known
        if expires + LEEWAY_SECONDS <= time.time():
            self._verified.pop(token, None)
            raise InvalidToken("token_expired", "the token has expired; ask for a new one")
        return claims

    def _check(self, token: str) -> tuple[float, Claims]:
        """Until when a token is good, and what it says; raises InvalidToken."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid", "")))
            if key is None or header.get("alg") != ALGORITHM:
                raise InvalidToken("token_invalid", "the token is not signed by a key that this platform trusts")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["sub", "iss", "exp"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("token_expired", "the token has expired; ask for a new one") from None
        except jwt.PyJWTError:
            raise InvalidToken("token_invalid", "the token is not valid") from None
        return float(claims["exp"]), _claims(claims)

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            self._keys = _read_keys(self._path)
            # A key that is gone must take the tokens that it signed with it.
            self._verified.clear()
            self._stamp = stamp
        except (OSError, ValueError, jwt.PyJWTError) as error:
            # Whoever rotates keys may be at it right now: the keys known so far stay good.
            if not self._keys:
                raise
            _log.warning("jwks_unreadable", error=type(error).__name__)


def _read_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    content = json.loads(path.read_text(encoding="utf-8"))
    keys: dict[str, Ed25519PublicKey] = {}
    for jwk in content.get("keys", []):
        if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or "d" in jwk:
            continue
        key = OKPAlgorithm.from_jwk(jwk)
        if isinstance(key, Ed25519PublicKey):
            keys[str(jwk.get("kid", ""))] = key
    if not keys:
        raise ValueError(f"{path.name} holds no Ed25519 public key")
    return keys


def _claims(claims: Mapping[str, Any]) -> Claims:
    roles, ids = claims.get("roles", []), claims.get("ids", [])
    for value in (roles, ids):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise InvalidToken("token_invalid", "the token's roles and ids must be lists of text")
    return Claims(str(claims["sub"]), frozenset(roles), tuple(ids))
