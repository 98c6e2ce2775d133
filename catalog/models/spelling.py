"""Words of a free-text search: other spellings of a make or model, and what a misspelt word was meant to be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connections

from core.vin import fold_vin

ALIASES: dict[str, tuple[str, ...]] = {
    "ауди": ("audi",), "бмв": ("bmw",), "бэха": ("bmw",), "ваз": ("lada",), "жигули": ("lada", "ваз"),
    "лада": ("lada", "ваз"), "lada": ("ваз",), "vaz": ("ваз", "lada"), "вольво": ("volvo",), "газ": ("gaz",),
    "gaz": ("газ",), "uaz": ("уаз",), "уаз": ("uaz",), "moskvich": ("москвич",), "москвич": ("moskvich",),
    "volga": ("волга",), "gazel": ("газель",), "niva": ("нива",), "нива": ("niva",),
    "гелендваген": ("g",), "джили": ("geely",), "джип": ("jeep",), "дэу": ("daewoo",), "деу": ("daewoo",),
    "зикр": ("zeekr",), "инфинити": ("infiniti",), "кадиллак": ("cadillac",), "киа": ("kia",), "кия": ("kia",),
    "крайслер": ("chrysler",), "ленд": ("land",), "лэнд": ("land",), "ровер": ("rover",), "рендж": ("range",),
    "рэндж": ("range",), "лексус": ("lexus",), "лифан": ("lifan",), "мазда": ("mazda",), "мерс": ("mercedes",),
    "мерседес": ("mercedes",), "merc": ("mercedes",), "benz": ("mercedes",), "бенц": ("benz",), "мини": ("mini",),
    "митсубиси": ("mitsubishi",), "мицубиси": ("mitsubishi",), "мицубиши": ("mitsubishi",), "ниссан": ("nissan",),
    "опель": ("opel",), "пежо": ("peugeot",), "порш": ("porsche",), "порше": ("porsche",), "рено": ("renault",),
    "сеат": ("seat",), "ситроен": ("citroen",), "скода": ("skoda",), "шкода": ("skoda",), "субару": ("subaru",),
    "сузуки": ("suzuki",), "тесла": ("tesla",), "тойота": ("toyota",), "таета": ("toyota",), "тоета": ("toyota",),
    "фиат": ("fiat",),
    "фольксваген": ("volkswagen", "vw"), "фольц": ("volkswagen", "vw"), "vw": ("volkswagen",), "форд": ("ford",),
    "volkswagen": ("vw",), "хавал": ("haval",), "хавейл": ("haval",), "хендай": ("hyundai",), "хенде": ("hyundai",),
    "хундай": ("hyundai",), "хюндай": ("hyundai",), "хендэ": ("hyundai",), "хонда": ("honda",), "чери": ("chery",),
    "шевроле": ("chevrolet",), "шеви": ("chevrolet",), "chevy": ("chevrolet",), "эксид": ("exeed",),
    "омода": ("omoda",), "чанган": ("changan",), "ягуар": ("jaguar",), "генезис": ("genesis",), "грейт": ("great",),
    "вол": ("wall",), "танк": ("tank",), "спортейдж": ("sportage",), "спортаж": ("sportage",),
    "кашкай": ("qashqai",), "икстрейл": ("trail",), "туксон": ("tucson",), "крузер": ("cruiser",),
    "крузак": ("cruiser",), "прадик": ("prado",), "кайен": ("cayenne",), "туарег": ("touareg",), "авео": ("aveo",),
    "круз": ("cruze",), "лачетти": ("lacetti",), "дастер": ("duster",), "каптюр": ("kaptur", "captur"),
    "кугуар": ("kuga",), "сид": ("ceed",), "пиканто": ("picanto",), "сиенна": ("sienna",), "аутлендер": ("outlander",),
    "аутлэндер": ("outlander",), "паджеро": ("pajero",), "лансер": ("lancer",), "форестер": ("forester",),
}  # fmt: skip
"""How a make or model is also written: spoken Russian for Latin names, Latin for Russian ones, short forms."""

MOST_ALTERNATIVES = 8
MOST_LONGER = 30
_CYRILLIC = re.compile(r"[а-я]")
_KNOWN = """
SELECT asked.word, true, found.word
FROM unnest(%s::text[]) AS asked(word)
CROSS JOIN LATERAL (
    SELECT word FROM catalog_word WHERE word ^@ asked.word COLLATE "C" ORDER BY length(word), word LIMIT %s
) AS found
UNION ALL
SELECT asked.word, false, found.word
FROM unnest(%s::text[]) AS asked(word)
CROSS JOIN LATERAL (
    SELECT word FROM catalog_word
    WHERE spelt ^@ catalog_spell(asked.word) COLLATE "C" ORDER BY length(word), word LIMIT %s
) AS found
"""
_CANDIDATES = """
SELECT asked.word, catalog_spell(asked.word), known.word, known.spelt
FROM unnest(%s::text[]) AS asked(word)
JOIN catalog_word AS known
    ON length(known.spelt) BETWEEN length(catalog_spell(asked.word)) - 2 AND length(catalog_spell(asked.word)) + 2
    AND (left(known.spelt, 1) = left(catalog_spell(asked.word), 1)
        OR right(known.spelt, 3) = right(catalog_spell(asked.word), 3))
"""


@dataclass(frozen=True)
class Spellings:
    """Known words that begin with a word, and other ways to write it."""

    longer: list[str]
    others: list[str]


def spellings(words: Sequence[str]) -> dict[str, Spellings]:
    """For each word the known ones that begin with it, what people also write for it, and what sounds the same.

    Nothing is `longer` when too many are: then the start of the word has to be searched for.
    """
    found = {word: Spellings([], [*ALIASES.get(word, ()), *_look_alike(word)]) for word in words}
    known = [word for word in words if len(word) > 1 and not word.isdigit()]
    cyrillic = [word for word in words if len(word) > 2 and _CYRILLIC.search(word)]
    rows = _rows(_KNOWN, [known, MOST_LONGER + 1, cyrillic, MOST_ALTERNATIVES]) if known else []
    for word, is_longer, other in rows:
        own = found[word].longer if is_longer else found[word].others
        if other not in own:
            own.append(other)
    return {
        word: replace(one, longer=one.longer if len(one.longer) <= MOST_LONGER else []) for word, one in found.items()
    }


def _look_alike(word: str) -> list[str]:
    """`х5` typed with a Cyrillic letter."""
    latin = fold_vin(word).lower()
    return [latin] if latin != word and latin.isascii() and any(letter.isdigit() for letter in word) else []


def corrections(words: Sequence[str]) -> dict[str, list[str]]:
    """The known words that each may have been meant to be: one typo away, two in a word of six letters or more."""
    asked = [word for word in words if len(word) > 2 and not word.isdigit()]
    ranked: dict[str, list[tuple[int, str]]] = {word: [] for word in words}
    for word, spelt, other, other_spelt in _rows(_CANDIDATES, [asked]) if asked else ():
        allowed = 1 if len(spelt) < 6 else 2
        distance = typos(spelt, other_spelt, allowed)
        if distance <= allowed and other != word:
            ranked[word].append((distance, other))
    for word in asked:
        for alias, others in ALIASES.items():
            if typos(word, alias, 1) == 1:
                ranked[word] += [(1, other) for other in others]
    return {word: [other for _, other in sorted(near)[:MOST_ALTERNATIVES]] for word, near in ranked.items()}


def typos(left: str, right: str, most: int) -> int:
    """Letters added, missing, wrong or swapped with their neighbour, counted no further than `most` + 1."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connections["catalog"].cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
