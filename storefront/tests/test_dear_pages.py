"""Dear pages have budgets: which pages those are, and that a budget ends before any work is done."""

import inspect
import re
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
import yaml
from django.conf import settings
from django.test import Client

from gateway.guards import guard
from storefront import dear, urls
from storefront.views import credit

FILE = "/loan-calculator/schedule.pdf"
PRINTS = re.compile(r"Content-Disposition|application/pdf|TYPES\[")
KEPT_FILES = {"loan-paper", "download-export", "offer-paper", "order-document"}
"""Files that were made before and are only handed out."""
KEPT_PATHS = {"financing/applications/{id}/documents/{document_id}", "insurance/claims/{id}/documents/{document_id}"}
PRINTED = {"application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@pytest.fixture
def limits(settings):
    settings.RATE_LIMITS_ON = True

    def choose(**scopes):
        settings.RATE_LIMITS = settings.RATE_LIMITS | scopes
        guard.get_limit.cache_clear()

    yield choose
    guard.get_limit.cache_clear()


def caller(address):
    return Client(REMOTE_ADDR=address)


def test_a_file_over_the_budget_is_refused_before_it_is_drawn(limits, monkeypatch):
    limits(files="2/60")
    drawn = []
    monkeypatch.setattr(credit, "printed", lambda paper, kind: drawn.append(kind) or b"%PDF-")
    answers = [caller("127.61.0.1").get(FILE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert drawn == ["pdf", "pdf"]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert "429.html" in [template.name for template in answers[-1].templates]
    assert caller("127.61.0.2").get(FILE).status_code == 200  # somebody else's budget is their own


def test_pdf_and_xlsx_share_a_budget_and_calculations_have_another(limits):
    limits(files="1/60", calculations="1/60")
    client = caller("127.61.0.3")
    assert client.get(FILE).status_code == 200
    assert client.get("/loan-calculator/schedule.xlsx").status_code == 429
    assert [client.get("/loan-calculator/?part=result").status_code for _ in range(2)] == [200, 429]


@pytest.mark.django_db(databases=["accounts"])
@pytest.mark.parametrize("part", [{}, {"part": "result"}])
def test_deals_are_counted_before_their_car_is_looked_for(limits, part):
    limits(calculations="1/60")
    client = caller(f"127.62.0.{len(part) + 1}")
    path = "/cars/00000000-0000-7000-8000-000000000000/deal/"
    guard.check(None, client.defaults["REMOTE_ADDR"], "calculations")
    assert client.post(path, part).status_code == 429  # catalog's database is not this test's: asking it would fail


def test_every_dear_address_exists_and_names_a_budget():
    names = {f"{urls.app_name}:{pattern.name}" for pattern in urls.urlpatterns}
    assert set(dear.DEAR) <= names
    assert set(dear.SENT_ONLY) <= set(dear.DEAR)
    assert set(dear.DEAR.values()) <= set(settings.RATE_LIMITS)


def test_every_page_that_prints_a_file_is_dear():
    printing = {pattern.name for pattern in urls.urlpatterns if prints(pattern.callback)}
    assert {"calculator-file", "loan-file", "order-paper", "policy-document"} <= printing
    missing = printing - KEPT_FILES - {name.partition(":")[2] for name in dear.DEAR}
    assert not missing, f"add to storefront.dear, or to KEPT_FILES: {sorted(missing)}"


def prints(view):
    """Tell whether a view, or a function of the storefront that it names, answers with a file."""
    waiting, seen = [inspect.unwrap(view)], set()
    while waiting:
        function = waiting.pop()
        if function in seen or not function.__module__.startswith("storefront"):
            continue
        seen.add(function)
        if PRINTS.search(inspect.getsource(function)):
            return True
        waiting += [inspect.unwrap(known) for known in named(function) if isinstance(known, FunctionType)]
    return False


def named(function):
    for name in function.__code__.co_names:
        known = function.__globals__.get(name)
        if not isinstance(known, ModuleType):
            yield known


def test_every_operation_of_the_api_that_prints_a_file_counts_it():
    document = yaml.safe_load(Path(settings.BASE_DIR, "docs/openapi.yml").read_text())
    found = {}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            kinds = {kind for answer in operation.get("responses", {}).values() for kind in answer.get("content", {})}
            if kinds & PRINTED:
                found[path.removeprefix("/api/v1/")] = operation["x-rate-limit"]["scope"]
    assert len(found) >= 4
    assert {path for path, scope in found.items() if scope != "files"} == KEPT_PATHS
