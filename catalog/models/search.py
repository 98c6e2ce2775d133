"""Finding products: one description of a search, applied to any query set of products."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, IntegerField, Q
from django.db.models.expressions import RawSQL

from catalog.models.categories import subtree_ids
from catalog.models.products import YEAR_OR_0, ProductQuerySet
from catalog.vin import fold_vin

FACETS = ("make", "year", "price", "condition", "category", "body", "fuel")
MAX_WORDS = 8
_WORD = re.compile(r"\d+[.,]\d+|\w+")
_MATCHES = '"catalog_product"."search" @@ ({query})'
_DISTANCE = '(-1000000 * ts_rank("catalog_product"."search", {query}))::int'
_SIMILAR = '"catalog_product"."id" IN (SELECT product_id FROM catalog_similar_products(%s))'
_FOLDED = str.maketrans("ё-/", "е  ")
_SPELT = str.maketrans("абвгдеёжзийклмнопрстуфхцчшщыэюяcwy-/", "abvgdeejziiklmnoprstufhkkssieuakvi  ", "ъь")
_UNLIKENESS = '(-1000000 * word_similarity(%s, "catalog_product"."words"))::int'


@dataclass(frozen=True)
class ProductSearch:
    """What to look for; None and empty mean "any".

    Prices in the product's own currency, mileage in kilometres, `category` includes everything below it, `vin`
    may be a fragment, `q` is free text: every word must occur, the start of a word is enough; when nothing matches,
    what is spelt much the same (a typo, or in Cyrillic for Latin) is found instead.
    """

    q: str = ""
    category: UUID | None = None
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
    in_stock: bool | None = None
    is_active: bool | None = None
    vin: str = ""

    def apply(self, products: ProductQuerySet, *, without: Collection[str] = ()) -> ProductQuerySet:
        """Narrow `products`; the groups named in `without` (see FACETS) do not count."""
        found = self._by_text(products.annotate(year_or_0=YEAR_OR_0).filter(self._conditions(without)))
        if self.in_stock is not None:
            found = found.in_stock() if self.in_stock else found.out_of_stock()
        return found

    def _conditions(self, without: Collection[str]) -> Q:
        groups: dict[str, dict[str, Any]] = {
            "make": {"make__iexact": self.make},
            "year": {"year_or_0__gte": self.year_min, "year_or_0__lte": self.year_max},
            "price": {"price__gte": self.price_min, "price__lte": self.price_max},
            "condition": {"condition": self.condition},
            "category": {"category__in": subtree_ids(self.category) if self.category else None},
            "body": {"body__iexact": self.body},
            "fuel": {"fuel__iexact": self.fuel},
            "": {
                "model__iexact": self.model,
                "kind": self.kind,
                "mileage__lte": self.mileage_max,
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

    def _by_text(self, products: ProductQuerySet) -> ProductQuerySet:
        """Filter by `q` and annotate `distance`: the smaller, the better the match."""
        if not self.q.strip():
            return products
        query, words = text_query(self.q)
        if words:
            matches = products.filter(RawSQL(_MATCHES.format(query=query), words, output_field=BooleanField()))
            if matches.exists():
                return matches.annotate(distance=_integer(_DISTANCE.format(query=query), words))
        text = spell(self.q)
        similar = products.filter(RawSQL(_SIMILAR, [text], output_field=BooleanField()))
        return similar.annotate(distance=_integer(_UNLIKENESS, [text]))


def _integer(sql: str, parameters: list[str]) -> RawSQL:
    return RawSQL(sql, parameters, output_field=IntegerField())


def text_query(q: str) -> tuple[str, list[Any]]:
    """A tsquery expression and its parameters: each word as written or as stemmed, as the start of a word."""
    words = [f"'{word.replace(',', '.')}':*" for word in _WORD.findall(fold(q))[:MAX_WORDS]]
    terms = ["(to_tsquery('simple', %s) || to_tsquery('russian', %s))"] * len(words)
    return " && ".join(terms), [word for word in words for _ in range(2)]


def fold(text: str) -> str:
    """Lower case, ё as е, hyphens and slashes as spaces: what the column `search` holds."""
    return text.strip().lower().translate(_FOLDED)


def spell(text: str) -> str:
    """In Latin letters, much as it sounds: what the column `words` holds."""
    return text.strip().lower().translate(_SPELT)
