"""Filters that nobody asks for are not built, and nothing is lost by that."""

from datetime import datetime
from importlib import import_module

import pytest
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.http import QueryDict
from django_filters.filterset import BaseFilterSet

from catalog.models.products import YEAR_OR_0
from gateway.requests.filtering import _is_idle, narrowed

pytestmark = pytest.mark.django_db(databases=sorted(settings.DATABASES.keys() - {"default"}))
VALUES = ["x", "1", "true", "01a20906-8395-7a18-a61a-2a9774b5b40e", "2026-01-01T00:00:00Z", "2026-01-01", ""]


def filtersets():
    """Every set of filters that a view names."""
    for app in settings.APPS:
        import_module(f"{app}.api.urls")
    found, waiting = [], list(BaseFilterSet.__subclasses__())
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        is_ours = one.__module__.partition(".")[0] in settings.APPS and ".api" in one.__module__
        found += [one] if is_ours and one._meta.model and one.__name__ in vars(import_module(one.__module__)) else []
    return sorted(set(found), key=lambda one: (one.__module__, one.__name__))


def test_they_are_found():
    assert len(filtersets()) > 25


def sql(rows):
    """The statement of some rows and its values, but for moments: some filters ask the clock."""
    try:
        text, values = rows.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return "nothing"
    return text, ["a moment" if isinstance(value, datetime) else repr(value) for value in values]


def outcome(filterset_class, query, rows=None):
    asked = filterset_class(
        QueryDict(query), filterset_class._meta.model._default_manager.all() if rows is None else rows
    )
    return asked.errors if not asked.is_valid() else sql(asked.qs)


@pytest.mark.parametrize("filterset_class", filtersets(), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_a_narrowed_set_says_what_the_whole_one_says(filterset_class):
    rows = filterset_class._meta.model._default_manager.all()
    if _is_idle(filterset_class):
        assert outcome(filterset_class, "") == sql(rows)
    for name in filterset_class.base_filters:
        for value in VALUES:
            query = f"{name}={value}&cursor=x"
            few = narrowed(filterset_class, frozenset({name, "cursor"}))
            assert set(few.base_filters) == {name}
            assert outcome(few, query) == outcome(filterset_class, query), query


def test_products_are_all_found_by_who_asks_for_nothing():
    from catalog.api.filters import ProductFilter
    from catalog.models import Product

    rows = Product.objects.on_sale().annotate(year_or_0=YEAR_OR_0)
    assert _is_idle(ProductFilter)
    assert outcome(ProductFilter, "ordering=price", rows) == sql(rows)
    few = narrowed(ProductFilter, frozenset({"kind"}))
    assert outcome(few, "kind=vehicle", rows) == outcome(ProductFilter, "kind=vehicle", rows)
