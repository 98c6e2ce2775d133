"""Facets of a large catalogue: exact where that is quick, else estimated from a sample and marked so."""

import pytest
import redis
from django.core.cache import cache

from catalog.models import ProductSearch, facets
from catalog.models.facets import count_facets
from catalog.tests import make

pytestmark = pytest.mark.django_db(databases=["catalog"])


@pytest.fixture
def large(monkeypatch):
    """Sixty products in what takes itself for a catalogue of a thousand, half of which is the sample."""
    for number in range(60):
        make.product(make="Kia" if number % 6 else "BMW", year=2020 + number // 6 % 2)
    for name, value in {"SMALL": 10, "SAMPLE": 500, "EXACT": 20}.items():
        monkeypatch.setattr(facets, name, value)
    monkeypatch.setattr(facets, "_state", lambda: (1000, False))
    cache.clear()


def counted(**search):
    return {facet.name: facet.values for facet in count_facets(ProductSearch(**search))}


@pytest.mark.usefixtures("large")
def test_many_matches_are_estimated_and_say_so():
    found = counted()
    assert found["make"][0].value == "Kia"
    assert all(value.is_estimate for value in found["make"])
    assert 20 < found["make"][0].count <= 100


@pytest.mark.usefixtures("large")
def test_few_matches_are_counted_exactly():
    found = counted(make="bmw")
    years = {value.value: (value.count, value.is_estimate) for value in found["year"]}
    assert years == {"2020": (5, False), "2021": (5, False)}
    assert found["make"][0].is_estimate


@pytest.mark.usefixtures("large")
def test_estimates_are_kept_for_a_while_and_exact_counts_are_not():
    estimated, exact = counted(), counted(make="BMW", condition="new")
    make.product(make="BMW", year=2020, condition="new")
    assert counted() == estimated
    assert counted(make="BMW", condition="new") != exact


@pytest.mark.usefixtures("large")
def test_estimates_are_made_afresh_when_they_cannot_be_kept(monkeypatch):
    def fail(*_):
        raise redis.ConnectionError

    estimated = counted()
    monkeypatch.setattr(facets.cache, "get", fail)
    assert counted() == estimated


def test_an_estimate_has_two_digits():
    assert [facets._two_digits(number) for number in (0, 7.4, 86.2, 1234, 98765)] == [0, 7, 86, 1200, 99000]
