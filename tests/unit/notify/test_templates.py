"""Every text exists in every language, fills the same blanks, and reads as people write."""

from datetime import timedelta
from typing import get_args

import pytest

from services.notify.domain.templates import Catalogue, Facts, compose, placeholders
from services.notify.domain.vocabulary import AlertKind, Language, language_of
from services.notify.inbound import TOLD, commands_for, tellings_for
from services.notify.wiring import load_catalogue
from shared.contracts.common import FailureReason
from tests.unit.notify.story import NOW, ORDER, raise_alert
from tests.unit.notify.wire import envelope, every_subscribed, message

ENGLISH, CHINESE = load_catalogue(Language.ENGLISH), load_catalogue(Language.CHINESE)
both = pytest.mark.parametrize("catalogue", [ENGLISH, CHINESE], ids=["en", "zh"])
ALERT_PARAMS = {
    AlertKind.DISPATCHER_NEEDED: {"waiting_seconds": "300"},
    AlertKind.UNDELIVERABLE: {"attempt": "1"},
    AlertKind.RIDER_SILENT: {"rider_id": "rid_1"},
}


def facts(params: dict[str, str], merchants: dict[str, str] | None = None) -> Facts:
    return Facts(
        order_id="ord_0190e0f2-aaaa-7bbb-8ccc-0123456789ab",
        params=params,
        merchants=merchants or {},
        occurred_at=NOW,
        utc_offset_minutes=480,
    )


def test_both_languages_have_the_same_texts_reasons_and_words() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    assert ENGLISH.reasons.keys() == CHINESE.reasons.keys()
    assert ENGLISH.words.keys() == CHINESE.words.keys()


@pytest.mark.parametrize("key", sorted(ENGLISH.keys()))
def test_both_languages_fill_in_the_same_blanks(key: str) -> None:
    assert ENGLISH.placeholders(key) == CHINESE.placeholders(key)
    for word in ENGLISH.words:
        assert placeholders(ENGLISH.words[word]) == placeholders(CHINESE.words[word])


def test_every_text_that_can_be_told_exists_and_no_other() -> None:
    told = {f"{say.template}.{say.role.value}" for entries in TOLD.values() for say in entries}
    alerts = {f"alert.{kind.value}" for kind in AlertKind}
    assert ENGLISH.keys() == told | alerts


@both
def test_every_telling_brings_all_that_its_text_fills_in(catalogue: Catalogue) -> None:
    for known in every_subscribed():
        for telling in tellings_for(known, envelope(known)):
            text = compose(catalogue, telling.key, facts(dict(telling.params)))
            assert "–" not in text.title + text.text, telling.key
            assert "{" not in text.title + text.text


@both
def test_every_alert_brings_all_that_its_text_fills_in(catalogue: Catalogue) -> None:
    for kind, params in ALERT_PARAMS.items():
        text = compose(catalogue, f"alert.{kind.value}", facts(params))
        assert "–" not in text.title + text.text


def test_the_alert_params_of_this_test_are_those_that_inbound_makes() -> None:
    made = {
        command.kind: set(command.params)
        for known in every_subscribed()
        for command in commands_for(known, envelope(known), NOW)
        if isinstance(command, type(raise_alert()))
    }
    assert made == {kind: set(params) for kind, params in ALERT_PARAMS.items()}


@both
def test_every_reason_for_a_failed_delivery_has_words(catalogue: Catalogue) -> None:
    assert {reason.value for reason in FailureReason} <= catalogue.reasons.keys()


def test_a_text_says_the_merchants_name_when_it_is_known() -> None:
    params = {"merchant_id": "mer_1", "ready_at": (NOW + timedelta(minutes=20)).isoformat()}
    named = compose(ENGLISH, "order_accepted.customer", facts(params, {"mer_1": "Noodle House"}))
    assert "Noodle House has accepted your order" in named.text
    unnamed = compose(ENGLISH, "order_accepted.customer", facts(params))
    assert "the merchant has accepted your order" in unnamed.text


def test_times_are_told_by_the_local_clock_with_the_date_on_another_day() -> None:
    soon = {"merchant_id": "m", "ready_at": (NOW + timedelta(minutes=20)).isoformat()}
    assert "12:20" in compose(ENGLISH, "order_accepted.customer", facts(soon)).text
    later = {"review_by": (NOW + timedelta(days=7)).isoformat()}
    assert "12:00 on 8/3" in compose(ENGLISH, "order_completed.customer", facts(later)).text
    assert "3月8日 12:00" in compose(CHINESE, "order_completed.customer", facts(later)).text


@pytest.mark.parametrize(("currency", "expected"), [("CNY", "¥25.05"), ("CHF", "25.05 CHF"), ("", "25.05")])
def test_money_is_told_in_its_currency(currency: str, expected: str) -> None:
    text = compose(ENGLISH, "refund_issued.customer", facts({"amount_cents": "2505", "currency": currency}))
    assert expected in text.text


@pytest.mark.parametrize(
    ("catalogue", "said"), [(ENGLISH, "4 out of 5 (Tasty, Too late)."), (CHINESE, "5 分）（味道好、送达太晚）。")]
)
def test_the_tags_of_a_review_are_told_in_words(catalogue: Catalogue, said: str) -> None:
    params = {"merchant_score": "4", "tags": "tasty late of_tomorrow"}
    assert compose(catalogue, "order_reviewed.merchant", facts(params)).text.endswith(said)


@pytest.mark.parametrize("params", [{"rider_score": "4", "tags": ""}, {"rider_score": "4"}])
def test_a_review_without_tags_is_told_without(params: dict[str, str]) -> None:
    assert compose(ENGLISH, "order_reviewed.rider", facts(params)).text.endswith("4 out of 5.")


def test_a_code_without_words_is_never_shown_and_somebodys_own_words_are() -> None:
    key = "order_cancelled.customer"
    assert "changed_their_horse" not in compose(ENGLISH, key, facts({"reason": "changed_their_horse"})).text
    assert "My cat is ill" in compose(ENGLISH, key, facts({"reason": "My cat is ill"})).text


def test_own_words_with_braces_are_not_filled_in() -> None:
    text = compose(ENGLISH, "order_cancelled.customer", facts({"reason": "{order.__class__}"}))
    assert "{order.__class__}" in text.text


def test_a_stored_notification_older_than_its_text_can_still_be_read() -> None:
    assert "–" in compose(ENGLISH, "refund_issued.customer", facts({})).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zh-CN", Language.CHINESE),
        ("ZH_hans", Language.CHINESE),
        ("en", Language.ENGLISH),
        ("fr", None),
        (None, None),
    ],
)
def test_languages_are_recognised_by_their_first_part(text: str | None, expected: Language | None) -> None:
    assert language_of(text) is expected


def test_an_order_is_called_by_its_last_characters() -> None:
    known = message(next(iter(TOLD)))
    (telling,) = tellings_for(known, envelope(known))
    assert telling.order_id == ORDER
    assert "6789AB" in compose(ENGLISH, telling.key, facts(dict(telling.params))).title


def test_every_language_has_a_catalogue() -> None:
    assert not get_args(Language)
    for language in Language:
        assert load_catalogue(language).language is language
