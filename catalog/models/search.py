"""Finding products: one description of a search, applied to any query set of products."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, IntegerField, Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Upper

from catalog.models.categories import subtree_ids
from catalog.models.products import NAME_FOLDED, YEAR_OR_0, ProductQuerySet
from catalog.models.spelling import Spellings, corrections, spellings
from core.vin import fold_vin

FACETS = ("make", "year", "price", "condition", "category", "body", "fuel", "transmission", "drive", "color")
MAX_WORDS = 8
RANKED = 1000
"""Ordered by relevance are the newest of this many matches: ranking costs the same in any catalogue."""
_WORD = re.compile(r"\d+[.,]\d+|\w+")
_RUSSIAN = re.compile(r"[а-я]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_FRAGMENT = re.compile(r"(?=.*\d)[A-Z0-9]{4,17}")
_MATCHES = '"catalog_product"."search" @@ ({query})'
_AMONG = '"catalog_product"."id" = ANY(%s)'
"""One value where `id__in` makes a thousand, each of which costs more than the row that it finds."""
_DISTANCE = '(-1000000 * ts_rank("catalog_product"."search", {query}))::int'
_FOLDED = str.maketrans("ё-/", "е  ")


@dataclass(frozen=True)
class PriceBand:
    """Cars between two prices and two years (0 is that of an unknown one), all included.

    Of those whose mileage is known it takes those between the two, in km; with a `condition` it takes instead those of
    unknown mileage that are sold so.
    """

    price_min: Decimal
    price_max: Decimal
    year_min: int
    year_max: int
    mileage_min: int | None = None
    mileage_max: int | None = None
    condition: str | None = None

    @property
    def holds(self) -> Q:
        """Return its condition of rows that have `year_or_0`."""
        found = Q(price__gte=self.price_min, price__lte=self.price_max)
        found &= Q(year_or_0__gte=self.year_min, year_or_0__lte=self.year_max)
        if self.condition is not None:
            return found & Q(mileage=None, condition=self.condition)
        bounds = {"mileage__gte": self.mileage_min, "mileage__lte": self.mileage_max}
        return found & Q(**{lookup: value for lookup, value in bounds.items() if value is not None})


@dataclass(frozen=True)
class ProductSearch:
    """Criteria of a search; None and empty mean "any".

    Prices in the product's own currency, mileage in kilometres, power in hp, `category` includes everything below it,
    `category_exact` nothing of that, `name` is the whole name whatever its case, `vin` may be a fragment, `q` is free
    text: every word must occur, the start of a word is enough, a make or model may be written as it sounds in Russian;
    when nothing matches, a piece of a VIN or plate or what is spelt much the same (a typo) is found instead. What is in
    none of the `bands` is not found.
    """

    q: str = ""
    name: str = ""
    category: UUID | None = None
    category_exact: UUID | None = None
    kind: str = ""
    make: str = ""
    model: str = ""
    year_min: int | None = None
    year_max: int | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    mileage_max: int | None = None
    condition: str = ""
    body: str = ""
    fuel: str = ""
    transmission: str = ""
    drive: str = ""
    color: str = ""
    power_min: int | None = None
    power_max: int | None = None
    in_stock: bool | None = None
    is_active: bool | None = None
    vin: str = ""
    currency: str = ""
    bands: Sequence[PriceBand] | None = None

    def apply(
        self, products: ProductQuerySet, *, without: Collection[str] = (), is_ranked: bool = False
    ) -> ProductQuerySet:
        """Narrow `products`; the groups named in `without` (see FACETS) do not count.

        With `is_ranked` free text finds the newest RANKED matches only, for an order by `distance`.
        """
        found = products.annotate(year_or_0=YEAR_OR_0).filter(self._conditions(without))
        if self.name.strip():
            found = found.alias(name_folded=NAME_FOLDED).filter(name_folded=Upper(Value(self.name.strip())))
        if self.bands is not None:
            found = found.filter(reduce(or_, [band.holds for band in self.bands])) if self.bands else found.none()
        if self.in_stock is not None:
            found = found.in_stock() if self.in_stock else found.out_of_stock()
        return self._by_text(found, is_ranked) if self.q.strip() else found

    def _conditions(self, without: Collection[str]) -> Q:
        groups: dict[str, dict[str, Any]] = {
            "make": {"make__iexact": self.make},
            "year": {"year_or_0__gte": self.year_min, "year_or_0__lte": self.year_max},
            "price": {"price__gte": self.price_min, "price__lte": self.price_max},
            "condition": {"condition": self.condition},
            "category": {
                "category__in": subtree_ids(self.category) if self.category else None,
                "category_id": self.category_exact,
            },
            "body": {"body__iexact": self.body},
            "fuel": {"fuel__iexact": self.fuel},
            "transmission": {"transmission__iexact": self.transmission},
            "drive": {"drive__iexact": self.drive},
            "color": {"color__iexact": self.color},
            "model": {"model__iexact": self.model},
            "": {
                "kind": self.kind,
                "currency": self.currency,
                "mileage__lte": self.mileage_max,
                "power_hp__gte": self.power_min,
                "power_hp__lte": self.power_max,
                "is_active": self.is_active,
                "vin__contains": fold_vin(self.vin),
            },
        }
        given = {
            lookup: value
            for group, lookups in groups.items()
            if group not in without
            for lookup, value in lookups.items()
            if value is not None and value != ""
        }
        if self.year_max is not None and "year" not in without:
            given.setdefault("year_or_0__gte", 1)
        conditions = Q(**given)
        return conditions & ~Q(vin="") if self.vin else conditions  # as the index of VIN fragments says

    def _by_text(self, products: ProductQuerySet, is_ranked: bool) -> ProductQuerySet:
        """Filter by `q` and annotate `distance`: the smaller, the better the match.

        The words as written (or sounding so) come first; then a piece of a VIN or plate; then words nearly so.
        """
        words = split_words(self.q)
        known = spellings(words)
        found = _matching(products, text_query(words, known), is_ranked)
        if found is None:
            found = _holding(products, fold_vin(self.q))
        if found is None:
            near = {
                word: replace(known[word], others=[*known[word].others, *meant])
                for word, meant in corrections(words).items()
            }
            found = _matching(products, text_query(words, near), is_ranked)
        return products.none().annotate(distance=Value(0)) if found is None else found


Query = tuple[str, list[str]]
Term = tuple[str, str]
"""A language of full text, and what is looked for in it."""


def _matching(products: ProductQuerySet, query: Query, is_ranked: bool) -> ProductQuerySet | None:
    sql, words = query
    if not words:
        return None
    matches = products.filter(RawSQL(_MATCHES.format(query=sql), words, output_field=BooleanField()))
    if is_ranked:
        newest = list(matches.order_by("-id").values_list("id", flat=True)[:RANKED])
        matches = products.filter(RawSQL(_AMONG, [newest], output_field=BooleanField()))
        is_any = bool(newest)
    else:
        is_any = matches.exists()
    distance = RawSQL(_DISTANCE.format(query=sql), words, output_field=IntegerField())
    return matches.annotate(distance=distance) if is_any else None


def _holding(products: ProductQuerySet, piece: str) -> ProductQuerySet | None:
    """Products whose VIN or plate has the piece in it; None when it is no such piece, or nobody's."""
    if not is_piece(piece):
        return None
    holders = products.filter(Q(vin__contains=piece) & ~Q(vin="") | Q(plate__contains=piece) & ~Q(plate=""))
    return holders.annotate(distance=Value(0)) if holders.exists() else None


def text_query(words: Sequence[str], known: Mapping[str, Spellings]) -> Query:
    """A tsquery expression and its parameters: every word, as the start of one, or one of its other spellings whole.

    The start of a word is looked for as the known words that begin so, which costs much less than a prefix.
    """
    parts: list[str] = []
    parameters: list[str] = []
    for terms in text_terms(words, known):
        parts.append("(" + " || ".join(f"to_tsquery('{language}', %s)" for language, _ in terms) + ")")
        parameters += [term for _, term in terms]
    return " && ".join(parts), parameters


def text_terms(words: Sequence[str], known: Mapping[str, Spellings]) -> list[list[Term]]:
    """For each word the terms of which one must be there."""
    found = []
    for position, word in enumerate(words):
        is_letter = len(word) == 1 and (word.isdigit() or position < len(words) - 1)
        spelt = known[word]
        is_vin = is_letter or bool(spelt.longer) or _YEAR.fullmatch(word) is not None
        terms = _terms(word, is_start=not is_vin)
        others = dict.fromkeys([*spelt.longer, *spelt.others])
        terms += [("simple", f"'{other}'") for other in others if other != word]
        found.append(terms)
    return found


def _terms(word: str, *, is_start: bool) -> list[Term]:
    """As written and, where it may bend, as stemmed; a whole Russian word is stemmed wherever it stands."""
    if not is_start and _RUSSIAN.fullmatch(word):
        return [("russian", f"'{word}'")]
    term = f"'{word.replace(',', '.')}'" + (":*" if is_start else "")
    languages = ("simple",) if any(letter.isdigit() for letter in word) else ("simple", "russian")
    return [(language, term) for language in languages]


def split_words(text: str) -> list[str]:
    """The words of free text that are looked for."""
    return _WORD.findall(fold(text))[:MAX_WORDS]


def is_piece(text: str) -> bool:
    """Tell whether folded text may be a piece of a VIN or plate."""
    return _FRAGMENT.fullmatch(text) is not None


def fold(text: str) -> str:
    """Lower case, ё as е, hyphens and slashes as spaces: what the column `search` holds."""
    return text.strip().lower().translate(_FOLDED)
