"""Every letter of the shop, in both languages: words of its language alone, one button, nothing from outside."""

import re
from email import message_from_bytes, policy
from functools import cache

import pytest
from django.urls import resolve

from core.outside.letters import Letter, Link, Piece, choose_greeting_name, pack_letter, render_letter
from core.plugins import plugins
from notifications.models import Kind
from notifications.plugin.letters import SAMPLES, write_samples
from notifications.rules.letters import BUTTONS, FACTS, find_path, get_button, write_piece
from tests.test_rendered_text import CODES, foreign_sentences, read

LANGUAGES = ("ru", "en")
STYLE = re.compile(r"<style>.*</style>", re.DOTALL)
FREE = {
    "LADA Vesta SW Cross 2026",
    "OIL-5W30",
    "Haval Day",
    "Haval Hall",
    "Vesta",
    "Autosalon",
    "Autosalon, +74950000000",
}
"""Values that people gave, the same in every language."""


def all_letters(language):
    return {
        f"{app} {name}": letter
        for app, plugin in plugins().items()
        if plugin.letters
        for name, letter in plugin.letters(language).items()
    }


@cache
def foreign(language):
    return foreign_sentences(language)


NAMES = sorted(all_letters("en"))


def test_no_kind_of_news_lacks_its_samples_and_its_button():
    assert set(SAMPLES) | {Kind.DIGEST} == set(Kind) == set(BUTTONS)
    assert set(FACTS) <= set(Kind)
    assert [name for name in NAMES if name.startswith("accounts")] == [
        "accounts notice", "accounts password", "accounts verification",
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_letter_says_nothing_but_words_of_its_language(name, language):
    letter = all_letters(language)[name]
    text, html = render_letter(letter)
    found = [*read(STYLE.sub("", html)), *text.splitlines(), letter.subject]
    told = [" ".join(line.split()) for line in found if "http" not in line]
    assert [line for line in told if CODES.search(line) or "T12:00" in line or "RUB" in line] == []
    assert sorted(set(told) & foreign(language)) == []
    ours, theirs = ("[а-яё]", "[a-z]{3}") if language == "ru" else ("[a-z]", "[а-яё]")
    strange = [line for line in told if re.search(theirs, line, re.I) and not re.search(ours, line, re.I)]
    assert sorted(set(strange) - FREE) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_letter_has_one_button_and_brings_nothing_from_outside(name):
    letter = all_letters("ru")[name]
    text, html = render_letter(letter)
    assert html.count('class="button"') == 1
    assert letter.button.url in text
    for word in ("<img", "<script", "<link ", "@import", "url(", "<form", "javascript:"):
        assert word not in html
    assert "max-width:600px" in html
    assert "prefers-color-scheme: dark" in html
    assert len(html) < 60_000  # longer ones are cut by mailboxes
    assert 0 < len(letter.subject) <= 120


@pytest.mark.parametrize("kind", Kind)
def test_every_button_leads_to_a_page_of_ours(kind, settings):
    settings.PUBLIC_URL = "https://shop.example/"
    data = dict.fromkeys(
        ("order_id", "offer_id", "product_id", "event_id", "search_id", "application_id", "loan_id", "policy_id",
         "webhook_id"), "01890a5d-ac96-774b-bcce-b302099a8057",
    )  # fmt: skip
    url = get_button(kind, data).url
    assert url.startswith("https://shop.example/")
    found = resolve(url.removeprefix("https://shop.example"))
    assert "nowhere" not in found._func_path
    assert get_button(kind, {}).url.startswith("https://shop.example/")


def test_news_whose_page_is_not_known_leads_to_all_news():
    assert find_path(Kind.ORDER, {"order_id": None}) == find_path(Kind.LOAN_DUE, {}) == "/notifications/"
    assert find_path(Kind.ORDER, {"order_id": "../../evil?x="}) == "/orders/..%2F..%2Fevil%3Fx%3D/"


def test_a_letter_tells_the_car_the_sum_and_what_to_do():
    letter = write_samples("ru")["payment.completed"]
    text, html = render_letter(letter)
    for told in ("LADA Vesta SW Cross 2026", "1 316 328,18 ₽", "2026-000417", "Открыть заказ"):
        assert told in text
        assert told in html


EVIL = "<script>alert(1)</script>\r\nBcc: victim@example.com\r\n\r\n<b>x</b>"


def test_what_people_wrote_is_text_and_no_header():
    piece = write_piece(Kind.CAR_OFFERED, {"name": EVIL, "expires_at": ""}, title=EVIL, text=EVIL, zone="Europe/Moscow")
    button = Link(label=EVIL, url='https://example.com/"><script>')
    message = pack_letter(
        Letter(subject=EVIL, pieces=(piece, piece), button=button, note=EVIL, language="en"), to="anna@example.com"
    )
    told = message_from_bytes(message.message().as_bytes(), policy=policy.default)
    assert (told["Bcc"], told["To"]) == (None, "anna@example.com")
    assert "\n" not in told["Subject"]
    html = told.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert [part.get_content_type() for part in told.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("sign", ["\x00", "\x08", "\u202e", "\u2066"])
def test_marks_that_nobody_sees_stay_out_of_a_subject(sign):
    letter = Letter(subject=f"Or{sign}der", pieces=(Piece(title="a", text="b"),), language="en")
    assert pack_letter(letter, to="anna@example.com").subject == "Order"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Анна", "Анна"),
        ("Жан-Поль О'Нил", "Жан-Поль О'Нил"),
        ("А. С.", "А. С."),
        ("Win at evil.com", ""),
        ("http://evil", ""),
        ("go to www now", ""),
        ("a@evil", ""),
        ("<b>Anna", ""),
        ("A" * 61, ""),
    ],
)
def test_nobody_is_greeted_by_an_advertisement(name, called):
    assert choose_greeting_name(name) == called


def test_only_what_is_no_service_is_ended_by_a_click():
    ended = {name for name, letter in write_samples("en").items() if letter.unsubscribe_url}
    assert {name.partition("-")[0] for name in ended} == {"saved_search.matched", "queue.left", "insurance.ends_soon"}
    headers = pack_letter(write_samples("en")["saved_search.matched"], to="a@example.com").extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http\S+/unsubscribe/\?token=\S+>", headers["List-Unsubscribe"])
    assert "List-Unsubscribe" not in pack_letter(write_samples("en")["loan.overdue"], to="a@example.com").extra_headers
