"""Sums, kinds of policies and days in news: as people read them, in their own language."""

import pytest

from notifications.rules.kinds import Kind
from notifications.rules.letters import write_piece
from notifications.rules.texts import render

ZONE = "Europe/Moscow"


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("ru", "Платёж получен: 1 316 328,18 ₽"),
        ("en", "Payment received: 1 316 328.18 ₽"),
    ],
)
def test_a_sum_is_written_as_the_shop_prints_it(language, title):
    assert render(Kind.PAYMENT_COMPLETED, {"amount": "1316328.18", "currency": "RUB"}, language, ZONE).title == title


@pytest.mark.parametrize(("amount", "shown"), [("1000.00", "1 000"), ("5", "5"), ("-20.50", "-20.50"), ("", "")])
def test_kopecks_are_told_where_there_are_any(amount, shown):
    told = render(Kind.PAYMENT_COMPLETED, {"amount": amount, "currency": "RUB"}, "en", ZONE)
    assert told.title == f"Payment received: {shown} ₽"


def test_a_policy_is_named_and_its_days_told_in_russian():
    data = {"insurance_type": "osago", "start_date": "2026-12-01", "end_date": "2027-11-30"}
    body = render(Kind.POLICY_PURCHASED, data, "ru", ZONE).body
    assert "ОСАГО" in body
    assert "30 ноября 2027" in body


def test_the_days_of_a_late_instalment_are_no_codes():
    data = {"amount": "5000.00", "currency": "RUB", "due_date": "2026-12-01", "grace_until": "2026-12-31"}
    assert "31 December 2026" in render(Kind.INSTALMENT_OVERDUE, data, "en", ZONE).body


@pytest.mark.parametrize(("language", "day"), [("ru", "31 января 2027"), ("en", "31 January 2027")])
def test_an_offer_tells_its_sum_and_day_and_mails_alone_its_page(language, day, settings):
    settings.PUBLIC_URL = "https://shop.example/"
    data = {"offer_id": "7", "number": "OFFER-1", "total_amount": "960000.00", "currency": "RUB"}
    data |= {"valid_until": "2027-01-31"}
    told = render(Kind.OFFER_SENT, data, language, ZONE)
    mailed = write_piece(Kind.OFFER_SENT, data, title=told.title, text=told.body, zone=ZONE)
    assert "960 000 ₽" in told.title
    assert all(part in told.body for part in ("OFFER-1", "960 000 ₽", day))
    assert mailed.link.url == "https://shop.example/offers/7/"
    assert "https://" not in told.body
