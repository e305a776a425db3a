"""A mail is addressed, greeted and signed in the recipient's language, and known by its notification's id."""

from dataclasses import replace

import pytest

from services.notify.domain.templates import Text
from services.notify.domain.vocabulary import Language
from services.notify.mail import Letter, write
from services.notify.wiring import load_catalogue
from tests.unit.notify.story import NOW, ORDER, POLICY

LETTER = Letter(
    notification_id="ntf_1",
    order_id=ORDER,
    name="李华",
    email="li@example.org",
    text=Text("订单 1 已接单", "好消息"),
    at=NOW,
)


def test_a_letter_says_who_what_and_why() -> None:
    mail = write(LETTER, load_catalogue(Language.CHINESE), POLICY.mail_sender)
    assert mail["To"] == "li@example.org"
    assert mail["Subject"] == "订单 1 已接单"
    assert mail["Message-ID"] == "<ntf_1@doorstep.example>"
    assert mail["Content-Language"] == "zh"
    content = mail.get_content()
    assert content.startswith("李华，您好：\n\n好消息\n\nDoorstep 团队")
    assert "邮箱地址" in content


def test_somebody_without_a_name_is_greeted_all_the_same() -> None:
    mail = write(replace(LETTER, name=""), load_catalogue(Language.ENGLISH), POLICY.mail_sender)
    assert mail.get_content().startswith("Hello,\n\n")


def test_an_address_cannot_smuggle_in_another_header() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        write(
            replace(LETTER, email="li@example.org\nBcc: all@example.org"),
            load_catalogue(Language.ENGLISH),
            POLICY.mail_sender,
        )
