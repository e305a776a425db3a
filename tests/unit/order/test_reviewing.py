"""Reviews: scores at once, words and pictures once rules or a person let them pass, pictures without EXIF."""

import struct
import zlib
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from services.order.domain import errors
from services.order.domain import events as e
from services.order.domain.reviewing import reasons_to_hold
from services.order.domain.values import By, Standing, Wait
from services.order.pictures import NotAPicture, cleaned
from tests.unit.order import facts as f
from tests.unit.order import wishes as w
from tests.unit.order.scenario import POLICY, Given, given, told


def reviewed_with(comment: str | None, photos: tuple[str, ...] = ()) -> Given:
    wish = replace(w.review(), comment=comment, photos=photos, tags=("tasty",))
    return Given((*f.COMPLETED, *given(*f.COMPLETED).when(wish).outcome()))


def standing(scene: Given) -> Standing:
    assert scene.order is not None
    assert scene.order.review is not None
    return scene.order.review.standing


@pytest.mark.parametrize(
    ("comment", "reasons"),
    [
        (None, ()),
        ("The soup was hot, 10/10, ordered 2 portions at 12:30", ()),
        ("汤很好喝，送得很快", ()),
        ("see https://cheap.example", ("link",)),
        ("visit best-food.com today", ("link",)),
        ("write to me@example.org", ("link", "email")),
        ("call 138 1234 5678", ("phone_number",)),
        ("+86-571-8765-4321", ("phone_number",)),
        ("加微信聊", ("word",)),
        ("What an IDIOT", ("word",)),
    ],
)
def test_words_that_trip_a_rule_are_held_and_others_are_not(comment: str | None, reasons: tuple[str, ...]) -> None:
    assert reasons_to_hold(comment, (), POLICY) == reasons


def test_a_plain_review_is_published_and_one_with_a_picture_waits_for_a_person() -> None:
    assert standing(reviewed_with("hot!")) is Standing.PUBLISHED
    held = reviewed_with("hot!", ("a" * 64,))
    assert standing(held) is Standing.HELD
    shown = held.when(w.moderate(publish=True)).then(told(e.ReviewPublished, by=By.SUPPORT))
    assert standing(shown) is Standing.PUBLISHED
    hidden = shown.when(w.moderate()).then(told(e.ReviewHidden, reason="insult"))
    assert standing(hidden) is Standing.HIDDEN


def test_what_nobody_has_looked_at_stays_hidden() -> None:
    held = reviewed_with("call 138 1234 5678")
    late = held.when(w.time_is_up(Wait.MODERATION)).then(told(e.ReviewHidden, by=By.TIME, reason="not_decided"))
    assert standing(late) is Standing.HIDDEN
    reviewed_with("hot!").when(w.time_is_up(Wait.MODERATION)).then_nothing()


def test_there_is_nothing_to_moderate_before_a_review() -> None:
    given(*f.COMPLETED).when(w.moderate()).then_refused(errors.NoReview)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
SECRET = b"GPS 30.2741 120.1551"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes, tail: bytes = b"") -> bytes:
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\x34\xff\x00\x56"
    return b"\xff\xd8" + segment(0xE0, b"JFIF\x00") + b"".join(segments) + scan + b"\xff\xd9" + tail


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize(
    ("raw", "plain", "media_type"),
    [
        (jpeg(segment(0xE1, b"Exif\0\0" + SECRET), segment(0xFE, SECRET), tail=SECRET), jpeg(), "image/jpeg"),
        (PNG[:33] + chunk(b"eXIf", SECRET) + chunk(b"tEXt", SECRET) + PNG[33:] + SECRET, PNG, "image/png"),
        (
            webp((b"VP8X", b"\x0c" + b"\0" * 9), (b"VP8 ", b"abc"), (b"EXIF", SECRET), (b"XMP ", SECRET)),
            webp((b"VP8X", b"\0" * 10), (b"VP8 ", b"abc")),
            "image/webp",
        ),
    ],
    ids=["jpeg", "png", "webp"],
)
def test_a_picture_loses_where_it_was_taken_and_keeps_what_it_is(raw: bytes, plain: bytes, media_type: str) -> None:
    picture = cleaned(raw)
    assert SECRET in raw
    assert (picture.media_type, picture.content) == (media_type, plain)
    assert cleaned(picture.content) == picture, "cleaning a clean picture changes nothing"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GIF89a" + b"\0" * 40,
        b"<svg onload='alert(1)'/>",
        b"%PDF-1.7",
        jpeg()[:9],
        b"\xff\xd8\xff",
        PNG[:40],
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        webp((b"VP8 ", b"abc"))[:-3],
    ],
)
def test_what_is_not_a_whole_picture_is_refused(raw: Any) -> None:
    with pytest.raises(NotAPicture):
        cleaned(raw)
