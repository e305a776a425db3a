"""An answer kept for repeats is the same byte for byte while its person is known, and says nothing of them after."""

import json
from typing import ClassVar

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.eventstore.model import RecordedAnswer
from shared.eventstore.vault import KeyVault, MemoryKeys
from shared.gateway.sealing import PersonalPart, open_answer, seal_answer
from shared.gateway.words import Code, Reference


class VerdictView(BaseModel):
    score: int
    words: str | None


class GuestView(BaseModel):
    personal: ClassVar[PersonalPart] = PersonalPart("guest_id", {"name": None, "wish": "", "verdict.words": None})

    guest_id: str | None
    name: str | None
    wish: str
    table: int
    verdict: VerdictView | None = None


GUEST = GuestView(guest_id="gst_1", name="Łucja 陈", wish="no nuts", table=4)


def answered(view: BaseModel) -> RecordedAnswer:
    return RecordedAnswer("sha", 201, view.model_dump_json(), {"ETag": '"1"'})


def test_a_personal_answer_is_kept_without_the_person_and_given_again_byte_for_byte() -> None:
    vault, answer = KeyVault(MemoryKeys({})), answered(GUEST)
    kept = seal_answer(answer, GUEST, vault)
    blank = {"guest_id": "gst_1", "name": None, "wish": "", "table": 4, "verdict": None}
    assert json.loads(kept.body) == blank
    assert "nuts" not in repr(kept)
    assert open_answer(kept, vault).body == answer.body


def test_what_is_personal_in_a_part_of_an_answer_is_blank_and_the_rest_of_the_part_is_kept() -> None:
    view = GUEST.model_copy(update={"verdict": VerdictView(score=5, words="like my aunt's")})
    kept = seal_answer(answered(view), view, KeyVault(MemoryKeys({})))
    assert json.loads(kept.body)["verdict"] == {"score": 5, "words": None}
    assert "aunt" not in repr(kept)


def test_after_a_forgetting_the_rest_of_the_answer_is_given() -> None:
    vault = KeyVault(MemoryKeys({}))
    kept = seal_answer(answered(GUEST), GUEST, vault)
    vault.forget("gst_1")
    assert open_answer(kept, vault).body == kept.body


@pytest.mark.parametrize("view", [GUEST.model_copy(update={"guest_id": None}), Code])
def test_an_answer_about_nobody_is_kept_as_it_is(view: object) -> None:
    vault = KeyVault(MemoryKeys({}))
    assert seal_answer(answered(GUEST), view, vault) == answered(GUEST)
    assert open_answer(answered(GUEST), vault) == answered(GUEST)


@pytest.mark.parametrize("text", ["Ximena", "sold out", "sold-out", "", "x" * 61, "cafe\u0301", "a\n"])
def test_a_code_is_no_sentence_and_no_name(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Code).validate_python(text)


@pytest.mark.parametrize("text", ["signed by Ximena", "a@b", "", "/etc", "陈"])
def test_a_reference_is_no_sentence_and_no_address(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Reference).validate_python(text)


@pytest.mark.parametrize("text", ["photo-17", "1234", "2026/03/photo_1.jpg"])
def test_a_reference_says_where_something_is_kept(text: str) -> None:
    assert TypeAdapter(Reference).validate_python(text) == text
