import gettext
import re

import pytest
from django.conf import settings
from django.utils import translation

from storefront.shown import silhouettes, terms, wording
from storefront.templatetags.storefront import money

FOLDER = settings.BASE_DIR / "locale/ru/LC_MESSAGES"


def test_every_sentence_has_its_russian():
    entries = (FOLDER / "django.po").read_text().split("\n\n")[1:]
    untranslated = [entry for entry in entries if re.search(r'^msgstr(\[\d\])? ""\n(?!")', f"{entry}\n", re.MULTILINE)]
    assert not untranslated
    assert not [entry for entry in entries if "#, fuzzy" in entry]


def test_the_compiled_catalogue_is_that_of_the_text():
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    with translation.override("ru"):
        texts = [*wording.REASONS.values(), *wording.REFUSALS.values(), *wording.EVENTS.values()]
        texts += [status.meaning for status in wording.STATUSES.values()]
        assert all(re.search("[а-яё]", str(text)) for text in texts)
    assert compiled.gettext("Buy this car") == "Купить"


def test_price_list_words_come_back_as_they_were_written_in_russian():
    with translation.override("ru"):
        assert str(terms.term("Внедорожник 5 дв.")) == "внедорожник 5 дв."
        assert str(terms.term("неслыханный кузов")) == "неслыханный кузов"
    with translation.override("en"):
        assert str(terms.term("внедорожник 5 дв.")) == "SUV, 5 doors"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("седан", "sedan"), ("внедорожник 5 дв.", "suv"), ("лифтбек", "hatchback"), ("купе-хардтоп", "coupe"),
        ("компактвэн", "minivan"), ("пикап двойная кабина", "pickup"), ("фургон", "van"), ("Minivan", "minivan"),
        ("Convertible", "cabriolet"), ("", "sedan"), ("нечто", "sedan"),
    ],
)  # fmt: skip
def test_each_body_has_its_drawing(text, kind):
    assert silhouettes.body_kind(text) == kind


@pytest.mark.parametrize(
    ("text", "paint"),
    [
        ("чёрный", "black"),
        ("серебристый", "silver"),
        ("серый", "grey"),
        ("голубой", "sky"),
        ("", "plain"),
        ("?", "plain"),
    ],
)
def test_each_colour_has_its_paint(text, paint):
    assert silhouettes.paint_kind(text) == paint


def test_a_drawing_escapes_its_label():
    drawing = silhouettes.silhouette("седан", "белый", label='"><script>')
    assert "<script>" not in drawing
    assert 'role="img"' in drawing


def test_money_is_grouped_by_unbreakable_spaces():
    from decimal import Decimal

    with translation.override("ru"):
        assert money(Decimal("1745000.00")) == "1\u00a0745\u00a0000\u00a0₽"
        assert money(Decimal("1745000.50")) == "1\u00a0745\u00a0000,50\u00a0₽"
    with translation.override("en"):
        assert money(Decimal("10.05"), "USD") == "10.05\u00a0$"
