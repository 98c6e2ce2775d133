"""Rules of law say where they are from: dated rows name a source, acts that code names stand in docs/sources.md."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import CharField

from core.money.vat import RATES
from financing.models import CreditLimit, WorkCalendarYear
from financing.rules.holidays import CAR_LOAN_LIMITS
from insurance.models import TariffRow
from insurance.rules.rating import tariffs
from insurance.rules.rating.tables import Dated
from payments.rules.vat import CODES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
ACT = re.compile(
    r"\d+-(?:FZ|ФЗ|У)\b|[Dd]ecree (\d{3,4})\b|(?:Tax|Civil|Labour) Code,? (?:of Russia, )?art\w*\.? ?(\d+)"
)
BUSINESS_DATED = {"financing.Programme", "orders.CommissionRule", "orders.DocumentTemplate"}
"""Dated by the dealer's own will: no law is behind them."""
BUSINESS_ROWS = {
    "orders/services/commission_rules.py:RuleTerms",
    "financing/rules/calculations/early.py:Debt",
    "financing/services/programmes.py:ProgrammeFields",
    "payments/events.py:RegimeRow",
    "payments/services/legal_entities.py:RegimeFields",
    "insurance/rules/pricing.py:DriverFields",
    "core/files/accounting.py:Span",
    "core/postgres/history.py:Lapse",
}
"""Days of a loan, of a licence, of a seller's own regimes, of the dealer's programmes, of reports and histories."""


def find_modules() -> Iterator[tuple[str, str]]:
    for app in (*settings.APPS, "core", "config"):
        for path in sorted((ROOT / app).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/tests/" not in name and "/migrations/" not in name:
                yield name, path.read_text(encoding="utf-8")


def dated_rows() -> list[tuple[str, str]]:
    """Every row that is shipped in code, with its source."""
    rows = [(f"VAT {row.regime} {row.kind}", row.source) for row in RATES]
    rows += [("credit holidays", row.source) for row in CAR_LOAN_LIMITS]
    for name, value in vars(tariffs).items():
        tables = value if isinstance(value, tuple) else (value,)
        rows += [(f"tariff {name}", row.source) for row in tables if isinstance(row, Dated)]
        for field, table in vars(value).items() if hasattr(value, "__dataclass_fields__") else ():
            listed = table if isinstance(table, tuple | list) else ()
            rows += [(f"tariff {name}.{field}", row.source) for row in listed if isinstance(row, Dated)]
    return rows


def test_every_row_in_code_names_its_source():
    rows = dated_rows()
    assert len(rows) > 25
    assert [name for name, source in rows if len(source.split()) < 3] == []


def test_every_dated_class_of_rules_has_a_source():
    """A row with a first day that names no source would be a number from nowhere."""
    without = set()
    for name, text in find_modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and "/api/" not in name and "/queries/" not in name:
                kept = {
                    item.target.id
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and hasattr(item.target, "id")
                }
                is_dated = {"since", "valid_from", "licence_since"} & kept
                if is_dated and "source" not in kept:
                    without.add(f"{name}:{node.name}")
    assert without - BUSINESS_ROWS == set()


def test_every_dated_table_has_a_source_that_is_never_empty():
    models = [model for app in settings.APPS for model in apps.get_app_config(app).get_models()]
    dated = {
        model._meta.label: model
        for model in models
        if {field.name for field in model._meta.fields} & {"valid_from", "withdrawn_at"}
    }
    assert {CreditLimit._meta.label, TariffRow._meta.label, WorkCalendarYear._meta.label} <= set(dated)
    for label in set(dated) - BUSINESS_DATED:
        source = dated[label]._meta.get_field("source")
        assert isinstance(source, CharField), label
        assert not source.null, label
        assert not source.blank, label


@pytest.mark.django_db(databases=["financing"])
def test_the_years_that_are_shipped_name_their_decrees():
    sources = dict(WorkCalendarYear.objects.values_list("year", "source"))
    assert set(sources) >= {2024, 2025, 2026}
    assert all(re.search(r"№ \d+", source) for source in sources.values())


def test_every_code_of_a_receipt_is_of_a_rate_that_has_a_row():
    assert set(CODES) == {row.percent for row in RATES}


def test_every_act_that_code_names_is_on_the_page_of_sources():
    unknown = {}
    for name, text in find_modules():
        for found in ACT.finditer(text):
            article = found.group(1) or found.group(2)
            is_known = (
                found.group() in PAGE
                if article is None
                else re.search(rf"(art\.|[Dd]ecrees?) [^|]*\b{article}\b", PAGE)
            )
            if not is_known:
                unknown[found.group()] = name
    assert unknown == {}


def test_every_rule_on_the_page_says_since_when_and_how_it_was_read():
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    rules = [[cell.strip() for cell in row] for row in rows if row[0].strip() != "Rule"]
    assert len(rules) > 30
    for rule, act, since, read in rules:
        assert act, rule
        assert re.search(r"\d{4}-\d\d-\d\d|each for its year", since), rule
        assert read.split(":")[0].split(";")[0].split(" (")[0] in ("read", "secondary", "not re-read"), rule
        for day in re.findall(r"\d{4}-\d\d-\d\d", since):
            assert date.fromisoformat(day) < date(2027, 1, 1), rule
