"""Reads how a person can be reached: numbers and addresses of the real world, which the domain cannot know."""

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from shared.kernel.errors import Fault

REGION = "CN"
"""Where a number without a country code is dialled."""


def read_phone(text: str, field: str) -> tuple[str, list[Fault]]:
    """The number in E.164, or as it was with what is wrong with it."""
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return text, [Fault(field, "not_a_phone_number", "this is not a telephone number")]
    if not phonenumbers.is_valid_number(number):
        return text, [Fault(field, "unknown_phone_number", "there is no such telephone number")]
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), []


def read_email(text: str | None, field: str) -> tuple[str | None, list[Fault]]:
    """The address as it should be written, or as it was with what is wrong with it. No DNS is asked."""
    if text is None or not text.strip():
        return None, []
    try:
        return validate_email(text, check_deliverability=False).normalized, []
    except EmailNotValidError as error:
        return text, [Fault(field, "not_an_email_address", str(error))]
