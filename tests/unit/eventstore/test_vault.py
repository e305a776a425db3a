"""Sealed values open for their own subject only, and remembered keys do not outlive a forgetting."""

import base64

import pytest
from cryptography.exceptions import InvalidTag

from shared.eventstore.vault import KeyCache, KeyVault, MemoryKeys, master_key_from, new_key


def test_a_sealed_value_opens_as_it_was() -> None:
    vault = KeyVault(MemoryKeys({}))
    value = {"phone": "+86 1", "doors": [1, None, "门"]}
    assert vault.open("cus_1", vault.seal("cus_1", value)) == value


def test_the_same_value_is_never_sealed_to_the_same_text() -> None:
    vault = KeyVault(MemoryKeys({}))
    assert vault.seal("cus_1", "x") != vault.seal("cus_1", "x")


def test_a_sealed_value_cannot_be_passed_off_as_somebody_elses_even_under_one_key() -> None:
    key = new_key()
    vault = KeyVault(MemoryKeys({"cus_1": key, "cus_2": key}))
    with pytest.raises(InvalidTag):
        vault.open("cus_2", vault.seal("cus_1", "x"))


def test_a_changed_bit_in_a_sealed_value_is_noticed() -> None:
    vault = KeyVault(MemoryKeys({}))
    sealed = bytearray(base64.b64decode(vault.seal("cus_1", "x")))
    sealed[-1] ^= 1
    with pytest.raises(InvalidTag):
        vault.open("cus_1", base64.b64encode(sealed).decode())


def test_a_master_key_is_32_bytes_plain_or_in_base64() -> None:
    key = new_key()
    assert master_key_from(base64.b64encode(key).decode()) == master_key_from(key) == key
    with pytest.raises(ValueError, match="32 bytes"):
        master_key_from(b"short")


def test_the_cache_keeps_the_keys_used_last() -> None:
    cache = KeyCache(size=2)
    for subject in ("a", "b"):
        cache.put(subject, subject.encode(), forgettings=0)
    assert cache.get("a", 0) == b"a"
    cache.put("c", b"c", 0)
    assert [cache.get(subject, 0) for subject in "abc"] == [b"a", None, b"c"]


def test_a_forgetting_empties_the_cache_and_a_late_reader_cannot_refill_it() -> None:
    cache = KeyCache()
    cache.put("a", b"a", forgettings=0)
    assert cache.get("a", 1) is None
    cache.put("a", b"a", forgettings=0)
    assert cache.get("a", 1) is None
    assert cache.get("a", 0) is None
