"""Seals what is personal in an answer that is kept for repeated requests, so that it is forgotten with its person."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.eventstore.codec import Vault
from shared.eventstore.model import RecordedAnswer


@dataclass(frozen=True, slots=True)
class PersonalPart:
    """What a view says of a person: the field that names them, and what the personal fields read without them.

    A view declares it as the class variable `personal`. A field of a part is named with its way there
    (`review.comment`); a list of personal things is blanked whole.
    """

    subject: str
    blank: Mapping[str, Any]


def seal_answer(answer: RecordedAnswer, view: Any, vault: Vault) -> RecordedAnswer:
    """The answer to record: of a personal view, the body without its person, and the whole body sealed."""
    part = getattr(type(view), "personal", None)
    subject_id = getattr(view, part.subject) if isinstance(part, PersonalPart) else None
    if not isinstance(part, PersonalPart) or not isinstance(subject_id, str):
        return answer
    without = json.dumps(_without(json.loads(answer.body), part.blank), ensure_ascii=False, separators=(",", ":"))
    return replace(answer, body=without, subject_id=subject_id, sealed=vault.seal(subject_id, answer.body))


def open_answer(answer: RecordedAnswer, vault: Vault) -> RecordedAnswer:
    """The answer to give again: byte for byte the first one, or without the person once they were forgotten."""
    if answer.sealed is None or answer.subject_id is None:
        return answer
    whole = vault.open(answer.subject_id, answer.sealed)
    return answer if whole is None else replace(answer, body=whole)


def _without(body: dict[str, Any], blank: Mapping[str, Any]) -> dict[str, Any]:
    """Blanks fields in place; a part that the answer does not have holds nothing to blank."""
    for way, value in blank.items():
        *parts, last = way.split(".")
        holder: Any = body
        for part in parts:
            holder = holder[part] if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[last] = value
    return body
