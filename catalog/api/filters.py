"""Query parameters of product lists and facets, read into one ProductSearch."""

from typing import Any

import django_filters
from django import forms
from django_filters import rest_framework as filters
from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from catalog.models import Condition, ProductKind, ProductSearch
from catalog.models.products import ProductQuerySet
from core.money import MAX_AMOUNT


def _text(longest: int) -> django_filters.CharFilter:
    return filters.CharFilter(max_length=longest)


def _number(largest: Any) -> django_filters.NumberFilter:
    return filters.NumberFilter(min_value=0, max_value=largest)


class WholeNumberFilter(django_filters.NumberFilter):
    field_class = forms.IntegerField


def _whole(largest: int) -> WholeNumberFilter:
    return WholeNumberFilter(min_value=0, max_value=largest)


@extend_schema_field(OpenApiTypes.BOOL)
class YesOrNoFilter(django_filters.TypedChoiceFilter):
    """Anything but a plain yes or no is refused, never ignored."""

    words = {"true": True, "false": False, "1": True, "0": False}

    def __init__(self) -> None:
        super().__init__(choices=[(word, word) for word in self.words], coerce=self.words.__getitem__)


class ProductFilter(filters.FilterSet):
    """Filters of GET /products and /products/facets."""

    is_idle_unasked = True

    q = _text(200)
    name = _text(255)
    category = filters.UUIDFilter()
    category_exact = filters.UUIDFilter()
    kind = filters.ChoiceFilter(choices=ProductKind.choices)
    make = _text(60)
    model = _text(120)
    year_min = _whole(9999)
    year_max = _whole(9999)
    price_min = _number(MAX_AMOUNT)
    price_max = _number(MAX_AMOUNT)
    mileage_max = _whole(2_000_000_000)
    condition = filters.ChoiceFilter(choices=Condition.choices)
    body = _text(60)
    fuel = _text(60)
    transmission = _text(60)
    drive = _text(60)
    color = _text(60)
    power_min = _whole(32_767)
    power_max = _whole(32_767)
    in_stock = YesOrNoFilter()
    is_active = YesOrNoFilter()
    vin = _text(40)

    @property
    def search(self) -> ProductSearch:
        """The parameters as a search. Raises ValidationError."""
        if not self.is_valid():
            raise translate_validation(self.errors)
        given = {name: value for name, value in self.form.cleaned_data.items() if value is not None and value != ""}
        return ProductSearch(**given)

    def filter_queryset(self, queryset: ProductQuerySet) -> ProductQuerySet:
        """An order by relevance, which free text has unless told otherwise, needs the best matches only."""
        ordering = self.data.get("ordering", "")
        return self.search.apply(queryset, is_ranked=not ordering or "relevance" in ordering)
