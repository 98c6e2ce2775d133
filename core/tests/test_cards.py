"""Card numbers are seen however they are dressed, and masked in what is written for others."""

import json
from hashlib import sha256
from uuid import UUID

import msgspec
import pytest

from core.errors import CardNumberRefused
from core.ids import uuid7
from core.secrecy.cards import (
    MASK,
    THINGS,
    looks_like_card_number,
    mask_card_numbers,
    may_hold_card_number,
    refuse_card_numbers,
)
from core.secrecy.marks import is_gtin

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111  1111  1111  1111",
    "4111-1111-1111-1111",
    "4111 - 1111 - 1111 - 1111",
    "4111\u200b1111\u200b1111\u200b1111",
    "4\u200d1\u200d1\u200d1111111111111",
    "４１１１１１１１１１１１１１１１",
    "".join(chr(0x660 + int(digit)) for digit in "4111111111111111"),
    "my card is 5555.5555.5555.4444, thanks",
    "378282246310005",
]
OTHERS = [
    "4111111111111112",
    "tok_success",
    "+7 999 123-45-67",
    "2026-11-22T11:12:46.123456Z",
    str(uuid7()),
    "Лада Веста",
]


@pytest.mark.parametrize("text", CARDS)
def test_it_is_seen_and_masked(text):
    assert looks_like_card_number(text)
    assert not looks_like_card_number(mask_card_numbers(text))
    assert MASK in mask_card_numbers({"a": [{"b": text}]})["a"][0]["b"]
    for raw in (msgspec.json.encode({"a": text}), json.dumps({"a": text}).encode()):
        assert may_hold_card_number(raw)
    with pytest.raises(CardNumberRefused):
        refuse_card_numbers({"a": [{"b": text}]})


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_stay(text):
    assert mask_card_numbers({"a": text, "n": 5}) == {"a": text, "n": 5}
    refuse_card_numbers({"a": text})


def test_numbers_of_things_stay():
    data = {"sku": "4222222222222", "comment": "4222222222222"}
    assert mask_card_numbers(data) == {"sku": "4222222222222", "comment": MASK}
    refuse_card_numbers({"sku": "4222222222222", "ogrn": "1027700132196"}, but=THINGS)


def test_digests_and_tokens_are_no_cards_by_chance():
    assert not looks_like_card_number("01a204499f3377d39240324d9b9d9950-diggcn-128a0f3fcc76e21158797992142031e8")
    found = [n for n in range(20_000) if looks_like_card_number(sha256(str(n).encode()).hexdigest())]
    assert found == []


def test_a_link_to_a_new_password_is_no_card_by_chance():
    """Digits of its moment and of its signature came together as a card number: the new password was refused."""
    assert not looks_like_card_number("01a208d172b5715ab3b096c60c840f14-dii301-36029846413be0865932c05006452929")
    links = (f"{uuid7().hex}-dii{n % 1000:03}-{sha256(str(n).encode()).hexdigest()[:32]}" for n in range(20_000))
    assert [link for link in links if looks_like_card_number(link)] == []


@pytest.mark.parametrize("form", ["payment:{}:charge", "{} {}", "https://shop.example/orders/{}?from={}", "<{}>"])
def test_ids_within_a_text_are_no_cards_by_chance(form):
    """A refund once named its charge by a key with a hole in it, and the provider knew of no such charge."""
    ids = [UUID(int=uuid7().int ^ (n << 64)) for n in range(20_000)]
    assert [text for each in ids if looks_like_card_number(text := form.format(each, each))] == []
    assert looks_like_card_number(form.format(ids[0], "4111 1111 1111 1111") + " 5555555555554444")


@pytest.mark.parametrize(
    "text", ["my-card-is-4111111111111111-thanks-a-lot", "card4111111111111111", "x4111111111111111y"]
)
def test_letters_around_it_hide_no_card(text):
    assert looks_like_card_number(text)


def spell_gtin(number):
    return next(gtin for digit in range(10) if is_gtin(gtin := f"{number:013}{digit}"))


def test_codes_of_marked_goods_are_no_cards_by_chance():
    """Their first 18 digits pass the check one time in ten: those were refused, and lost on the way to a receipt."""
    proof = "\x1d91EE05\x1d92c2lnbmF0dXJl"
    codes = [f"01{spell_gtin(n)}21{letter}{n:05}{proof}" for n in range(10_000) for letter in "A5"]
    assert [code for code in codes if looks_like_card_number(code)] == []
    assert mask_card_numbers({"marks": codes[:100]}) == {"marks": codes[:100]}
    assert looks_like_card_number(f"{codes[0]} 4111 1111 1111 1111")
    wrong = [code[:15] + str((int(code[15]) + 1) % 10) + code[16:] for code in codes[:200]]
    assert any(looks_like_card_number(code) for code in wrong), "only a code whose check digit is right is one"
