"""Some products that came lately, as bits: what very many searches find among them, without a statement for each.

A search finds here what `ProductSearch.apply` finds in the database (a test holds the two together), but for words:
a misspelt word stands for its near ones only if the catalogue does not know it, and not because none of these few
products has it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property, reduce
from itertools import accumulate
from operator import or_
from typing import Any
from uuid import UUID

from django.db import connections

from catalog.models.categories import subtree_ids
from catalog.models.products import Product
from catalog.models.search import ProductSearch, Term, is_piece, split_words, text_terms
from catalog.models.spelling import Spellings, corrections, spellings
from core.vin import fold_vin

AT_ONCE = 500
_FOUND = """
WITH asked AS MATERIALIZED (
    SELECT n, to_tsquery(language::regconfig, term) AS query
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t (language, term, n)
), here AS MATERIALIZED (
    SELECT place, search FROM catalog_product JOIN unnest(%s::uuid[]) WITH ORDINALITY AS p (id, place) USING (id)
)
SELECT n, array_agg(place) FROM asked JOIN here ON search @@ query GROUP BY n
"""


class Arrivals:
    """Products on sale, in the order they came. A set of them is an integer: the first is its lowest bit."""

    def __init__(self, products: Sequence[Product], texts: Iterable[str]) -> None:
        """`texts` are the free texts that searches may have."""
        self.products = products
        self.ids = [product.pk for product in products]
        self.all = (1 << len(products)) - 1
        self._sets: dict[tuple[str, Hashable], int] = {}
        self._texts = _by_text(texts, self.ids)

    def since(self, first_id: UUID) -> int:
        """Those whose id is higher."""
        place = bisect_right(self.ids, first_id)
        return self.all >> place << place

    def newest(self, found: int, most: int) -> list[UUID]:
        """The ids of a set, the latest first, up to `most`."""
        ids: list[UUID] = []
        while found and len(ids) < most:
            place = found.bit_length() - 1
            ids.append(self.ids[place])
            found ^= 1 << place
        return ids

    def found_by(self, search: ProductSearch) -> int:
        """Find what a search asks for."""
        if search.is_active is False or search.in_stock is False:
            return 0
        found = self.all
        found &= self._where("kind", search.kind, lambda one: one.kind == search.kind)
        found &= self._where("condition", search.condition, lambda one: one.condition == search.condition)
        for name in ("make", "model", "body", "fuel", "transmission", "drive", "color"):
            found &= self._spelt(name, getattr(search, name).upper())
        found &= self._between(search)
        if search.category:
            found &= self._in_category(search.category)
        if search.vin:
            piece = fold_vin(search.vin)
            found &= self._where("vin", piece or " ", lambda one: bool(one.vin) and piece in one.vin)
        return found & self._said(search.q) if search.q.strip() else found

    def _between(self, search: ProductSearch) -> int:
        found = self.all
        if search.year_min is not None:
            found &= self._years.at_least(search.year_min)
        if search.year_max is not None:
            found &= self._years.at_most(search.year_max) & self._years.at_least(1)
        if search.price_min is not None:
            found &= self._prices.at_least(Decimal(search.price_min))
        if search.price_max is not None:
            found &= self._prices.at_most(Decimal(search.price_max))
        if search.mileage_max is not None:
            found &= self._mileages.at_most(search.mileage_max)
        if search.power_min is not None:
            found &= self._powers.at_least(search.power_min)
        if search.power_max is not None:
            found &= self._powers.at_most(search.power_max)
        return found

    @cached_property
    def _years(self) -> "_Scale":
        return _Scale([(product.year or 0, place) for place, product in enumerate(self.products)])

    @cached_property
    def _prices(self) -> "_Scale":
        return _Scale([(product.price, place) for place, product in enumerate(self.products)])

    @cached_property
    def _mileages(self) -> "_Scale":
        known = ((product.mileage, place) for place, product in enumerate(self.products))
        return _Scale([(mileage, place) for mileage, place in known if mileage is not None])

    @cached_property
    def _powers(self) -> "_Scale":
        known = ((product.power_hp, place) for place, product in enumerate(self.products))
        return _Scale([(power, place) for power, place in known if power is not None])

    def _where(self, name: str, value: Hashable, is_so: Callable[[Product], bool]) -> int:
        """Those that are so, remembered under a name and value; all for an empty value."""
        if not value:
            return self.all
        if (name, value) not in self._sets:
            self._sets[name, value] = _bits(place for place, product in enumerate(self.products) if is_so(product))
        return self._sets[name, value]

    def _spelt(self, name: str, value: str) -> int:
        return self._where(name, value, lambda one: getattr(one, name).upper() == value)

    def _in_category(self, category_id: UUID) -> int:
        if ("category", category_id) not in self._sets:
            below = set(subtree_ids(category_id))
            self._where("category", category_id, lambda one: one.category_id in below)
        return self._sets["category", category_id]

    def _said(self, text: str) -> int:
        piece = fold_vin(text)
        said = self._texts.get(text, 0)
        if not is_piece(piece):
            return said
        return said | self._where("piece", piece, lambda one: piece in one.vin or piece in one.plate)


class _Scale:
    """Places by a number: those up to one, and those from one on."""

    def __init__(self, values: list[tuple[Any, int]]) -> None:
        values.sort()
        self.values = [value for value, _ in values]
        self.up_to = list(accumulate((1 << place for _, place in values), or_, initial=0))

    def at_most(self, value: Any) -> int:
        return self.up_to[bisect_right(self.values, value)]

    def at_least(self, value: Any) -> int:
        return self.up_to[-1] & ~self.up_to[bisect_left(self.values, value)]


def _bits(places: Iterable[int]) -> int:
    return reduce(or_, (1 << place for place in places), 0)


def _by_text(texts: Iterable[str], ids: list[UUID]) -> dict[str, int]:
    """Find what each free text matches: for every word of it, one of its terms."""
    words = {text: split_words(text) for text in set(texts)}
    known = _known(sorted({word for found in words.values() for word in found}))
    terms = {text: text_terms(found, known) for text, found in words.items()}
    sets = _by_term(sorted({term for groups in terms.values() for group in groups for term in group}), ids)
    return {text: _match_groups(groups, sets) for text, groups in terms.items()}


def _known(words: list[str]) -> dict[str, Spellings]:
    """List how each word is also spelt; one that nobody knows may be any of those it is near to."""
    known: dict[str, Spellings] = {}
    for start in range(0, len(words), AT_ONCE):
        known |= spellings(words[start : start + AT_ONCE])
    strange = [word for word in words if not known[word].longer and not known[word].others]
    for start in range(0, len(strange), AT_ONCE):
        for word, meant in corrections(strange[start : start + AT_ONCE]).items():
            known[word] = replace(known[word], others=meant)
    return known


def _by_term(terms: list[Term], ids: list[UUID]) -> dict[Term, int]:
    sets = dict.fromkeys(terms, 0)
    for start in range(0, len(terms), AT_ONCE):
        asked = terms[start : start + AT_ONCE]
        with connections["catalog"].cursor() as cursor:
            cursor.execute(_FOUND, [[language for language, _ in asked], [term for _, term in asked], ids])
            for number, places in cursor.fetchall():
                sets[asked[number - 1]] = _bits(place - 1 for place in places)
    return sets


def _match_groups(groups: list[list[Term]], sets: Mapping[Term, int]) -> int:
    """No word at all finds nothing."""
    found = -1 if groups else 0
    for group in groups:
        found &= reduce(or_, (sets[term] for term in group), 0)
    return found
