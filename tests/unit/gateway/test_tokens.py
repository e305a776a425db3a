"""A token is good when a key of ours has signed it, for us, and not too long ago."""

import json
import os
import time
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gateway.tokens import (
    InvalidToken,
    SigningKey,
    Verifier,
    generate_keypair,
    issue,
    write_jwks,
)


@pytest.fixture
def key() -> SigningKey:
    return generate_keypair()


@pytest.fixture
def jwks(tmp_path: Path, key: SigningKey) -> Path:
    write_jwks(tmp_path / "jwks.json", [key])
    return tmp_path / "jwks.json"


def code_of(verifier: Verifier, token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(token)
    return refused.value.code


def test_a_token_says_who_somebody_is_and_for_whom_they_act(key: SigningKey, jwks: Path) -> None:
    claims = Verifier(jwks).verify(issue(key, subject="lin", roles=["rider"], ids=["rid_2", "rid_1"]))
    assert (claims.subject, claims.roles, claims.ids) == ("lin", frozenset({"rider"}), ("rid_2", "rid_1"))


def test_an_expired_token_is_told_apart_from_a_false_one(key: SigningKey, jwks: Path) -> None:
    old = issue(key, subject="lin", roles=[], now_unix=time.time() - 100, lifetime_seconds=50)
    assert code_of(Verifier(jwks), old) == "token_expired"
    assert code_of(Verifier(jwks, "another issuer"), issue(key, subject="lin", roles=[])) == "token_invalid"


def test_a_foreign_key_under_our_keys_name_does_not_help(key: SigningKey, jwks: Path) -> None:
    assert code_of(Verifier(jwks), issue(generate_keypair(key.kid), subject="eve", roles=[])) == "token_invalid"


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_no_other_algorithm_is_accepted(key: SigningKey, jwks: Path, algorithm: str) -> None:
    claims = {"sub": "eve", "iss": "doorstep", "exp": time.time() + 60}
    # The classical confusion: the public key used as a shared secret.
    secret = "" if algorithm == "none" else key.public_jwk()["x"]
    token = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": key.kid})
    assert code_of(Verifier(jwks), token) == "token_invalid"


@pytest.mark.parametrize("missing", ["sub", "iss", "exp"])
def test_a_token_must_say_who_from_whom_and_until_when(key: SigningKey, jwks: Path, missing: str) -> None:
    claims = {"sub": "lin", "iss": "doorstep", "exp": time.time() + 60}
    del claims[missing]
    token = jwt.encode(claims, key.private_key(), algorithm="EdDSA", headers={"kid": key.kid})
    assert code_of(Verifier(jwks), token) == "token_invalid"


@pytest.mark.parametrize("extra", [{"roles": "rider"}, {"ids": [1]}, {"roles": {"rider": True}}])
def test_roles_and_ids_must_be_lists_of_text(key: SigningKey, jwks: Path, extra: dict[str, object]) -> None:
    claims = {"sub": "lin", "iss": "doorstep", "exp": time.time() + 60, **extra}
    token = jwt.encode(claims, key.private_key(), algorithm="EdDSA", headers={"kid": key.kid})
    assert code_of(Verifier(jwks), token) == "token_invalid"


VERIFIED = generate_keypair()


@given(st.text(max_size=200))
def test_no_text_is_more_than_an_invalid_token(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    jwks = tmp_path_factory.getbasetemp() / "any.json"
    if not jwks.exists():
        write_jwks(jwks, [VERIFIED])
    assert code_of(Verifier(jwks), text) == "token_invalid"


def test_private_keys_are_written_for_their_owner_alone_and_read_again(key: SigningKey, tmp_path: Path) -> None:
    key.save(tmp_path / "key.pem")
    assert os.stat(tmp_path / "key.pem").st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "key.pem") == key
    assert "PRIVATE" not in repr(key)


def test_the_key_set_holds_no_private_part(jwks: Path) -> None:
    (entry,) = json.loads(jwks.read_text())["keys"]
    assert {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}.items() <= entry.items()
    assert "d" not in entry


def test_a_key_set_without_a_usable_key_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}')
    with pytest.raises(ValueError, match="no Ed25519"):
        Verifier(tmp_path / "jwks.json")
