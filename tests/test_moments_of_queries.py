"""Moments and days in a query: a moment says its offset, wherever it stands, and a day is the dealer's."""

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import django_filters
import pytest
from django import forms
from django.conf import settings

from tests.contract import document
from tests.permissions import objects, table
from tests.permissions.test_matrix import ALSO, callers, home

BY_THE_CLOCK = {"/resources/{}/availability", "/resources/{}/slots"}
"""What is asked of something with a wall clock: a moment without an offset is on it."""
NAIVE = "2031-07-01T10:00:00"
DAY = "2031-07-01"
GIVEN = {"+03:00": "%2B03:00", "+03:00 whose plus is not escaped": "+03:00", "Z": "Z"}


def bare(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path.removeprefix("/api/v1"))


def moments(path: str) -> list[str]:
    for full, item in document()["paths"].items():
        if bare(full) == path and "get" in item:
            given = item["get"].get("parameters", [])
            return [one["name"] for one in given if one.get("schema", {}).get("format") == "date-time"]
    return []


def cases() -> Iterator[Any]:
    for row in table.rows():
        names = moments(row.path) if row.method == "GET" else []
        for name in [] if row.path in BY_THE_CLOCK else names:
            mark = pytest.mark.django_db(databases=[home(row), *ALSO.get(row.path, ())])
            yield pytest.param(row, name, marks=mark, id=f"{row.path}?{name}")


@pytest.mark.parametrize(("row", "name"), list(cases()))
def test_a_moment_in_a_query_says_its_offset(row, name, settings):
    settings.RATE_LIMITS_ON = False
    people = callers(row)
    ids = objects.ids_for(row.path, people["owner"].user_id) if "{}" in row.path else []
    path = row.path
    for one in ids or []:
        path = path.replace("{}", one, 1)
    for text in (NAIVE, DAY):
        answer = people["admin"].get(f"{path}?{name}={text}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name), answer.content
        assert answer.json()["errors"][0]["code"] == "no_offset"
    for offset in GIVEN.values():
        answer = people["admin"].get(f"{path}?{name}={NAIVE}{offset}")
        assert answer.status_code == 200, answer.content


def filtersets() -> Iterator[type[django_filters.FilterSet]]:
    for app in settings.APPS:
        for module in walk_packages(import_module(app).__path__, f"{app}."):
            if ".api." in module.name:
                import_module(module.name)
    left = django_filters.FilterSet.__subclasses__()
    while left:
        one = left.pop()
        left += one.__subclasses__()
        if one.__module__.partition(".")[0] in settings.APPS:
            yield one


def test_no_filter_reads_a_moment_in_another_way():
    found = {f"{one.__module__}.{one.__name__}.{name}": field.field for one in filtersets()
             for name, field in one.base_filters.items()}  # fmt: skip
    assert len(found) > 50
    moments = {name: field for name, field in found.items() if isinstance(field, forms.DateTimeField)}
    assert len(moments) > 10
    for name, field in moments.items():
        with pytest.raises(forms.ValidationError) as refusal:
            field.clean(NAIVE)
        assert refusal.value.code == "no_offset", name


def test_a_day_without_a_filter_is_said_to_be_the_dealers():
    """Days that are read by hand tell in the document whose they are, and that the last one counts."""
    for path in ("/orders/stats", "/ledger/accounts/{}/statement"):
        (item,) = [item["get"] for full, item in document()["paths"].items() if bare(full) == path]
        said = {one["name"]: one.get("description", "") for one in item["parameters"]}
        assert "dealer's clock" in said["from"], path
        assert "included" in said["to"], path
