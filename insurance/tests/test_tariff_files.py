"""Files of tariffs: preview, refusals row by row, days and sources of their own, and what is told of a missing row."""

import ast
import gzip
import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from core.errors import InvalidInput
from core.testing import Api
from insurance import services
from insurance.models import TariffRevision, TariffRow
from insurance.public import rate
from insurance.queries.reading import read_current_tables
from insurance.rules.pricing import QuoteRequest, price, read_request
from insurance.rules.rating.rows import TABLES, TariffFact
from insurance.rules.wording import explain_missing
from insurance.tests import make
from insurance.tests.make import kt, load

pytestmark = pytest.mark.django_db(databases=["insurance"])
DAY = date(2026, 3, 1)
KT_FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "ref_osago_kt.csv.gz"


def test_a_table_of_territories_is_imported(tmp_path, capsys):
    path = tmp_path / "kt.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.write("region,city,kt,fias_id\nТверская область,Тверь,1.4,x\nТверская область,,0.9,y\n")
    call_command("import_tariff", str(path), source="a table")
    assert "revision 2: 2 rows added, 0 withdrawn" in capsys.readouterr().out
    found = rate(make.OSAGO | {"region": "Тверская область", "city": "Ржев"}, day=DAY)
    assert {item["code"]: item for item in found.breakdown}["kt"] == {"code": "kt", "value": "0.9", "source": "a table"}


def test_rows_of_any_table_are_imported(tmp_path):
    path = tmp_path / "rows.json"
    rows = [
        {"table": "insurer", "insurer": "north", "value": {"name": "North"}, "valid_from": "2022-09-13"},
        {
            "table": "osago_base", "insurer": "north", "value": {"B|individual": "4000"}, "valid_from": "2022-09-13",
        },
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    call_command("import_tariff", str(path), source="its letter")
    found = rate(make.OSAGO | {"insurer": "north"}, day=DAY)
    assert found.breakdown[0] == {"code": "tb", "value": "4000", "source": found.breakdown[0]["source"]}
    with pytest.raises(InvalidInput):
        rate(make.KASKO | {"insurer": "north"}, day=DAY)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("kt.csv", "region,city\nx,y\n"),
        ("kt.csv", "region,city,kt\nx,y,much\n"),
        ("rows.json", "{}"),
        ("rows.json", '[{"table": "ks"}]'),
        ("rows.json", "nonsense"),
        ("rows.json", '[{"table": "songs", "value": 1, "valid_from": "2026-01-01"}]'),
    ],
)
def test_a_bad_file_changes_nothing(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CommandError, match=name):
        call_command("import_tariff", str(path))
    assert not TariffRow.objects.exists()


UNSHIPPED = {
    "Московская область": Decimal("1.56"),
    "екатеринбург": Decimal("1.64"),
    "Новосибирская область": Decimal("0.94"),
    "Ростовская область, Батайск": Decimal("1.24"),
    "Самара": Decimal("1.48"),
    "Уфа": Decimal("1.64"),
    "Нижний Новгород": Decimal("1.64"),
    "Республика Татарстан, Бугульма": Decimal("1"),
    "Республика Татарстан, Арск": Decimal("1.08"),
    "Челябинская область, Аша": Decimal("1"),
}
"""Places that no row is shipped of, with their values in the table of the tests."""


def name_place(text):
    region, _, city = text.partition(", ")
    return {"region": region, "city": city}


def test_a_town_in_place_of_its_region_is_known_where_there_is_one_of_its_name():
    load(kt("1.4"), kt("1.3", city="Железногорск"))
    request = read_request(make.OSAGO | {"region": "тверь"})
    assert price(request, DAY, read_current_tables()).breakdown[1].value == Decimal("1.4")
    value = {"region": "Курская область", "city": "Железногорск", "kt": "1"}
    load(replace(kt("1"), key="Курская область|Железногорск", value=value))
    with pytest.raises(InvalidInput):
        price(read_request(make.OSAGO | {"region": "Железногорск"}), DAY, read_current_tables())
    with pytest.raises(InvalidInput):
        price(read_request(make.OSAGO | {"region": "Тверь", "city": "Ржев"}), DAY, read_current_tables())


def table_file(tmp_path, *rows, header="region,city,kt"):
    path = tmp_path / "kt.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_a_preview_says_what_would_change_and_writes_nothing(tmp_path, capsys):
    path = table_file(tmp_path, "Тверская область,Тверь,1.4", "Москва,,1.9", "Санкт-Петербург,,1.64")
    call_command("import_tariff", str(path), source="Bank of Russia 6007-У as tabled in the public repository "
                 "dr-uiux-design/youstrah @89cad15 (04.2023)", dry_run=True)  # fmt: skip
    told = capsys.readouterr().out
    assert "new      territories Тверская область|Тверь from 2022-09-13: 1.4" in told
    assert "changes  territories Москва| from 2022-09-13: 1.8 -> 1.9" in told
    assert "1 new, 1 changed, 1 as they are" in told
    assert "would write 2 rows of 3 read" in told
    assert not TariffRevision.objects.exists()


REFUSED = (
    (",Тверь,1.4", "region", "required"),
    ("Тверская область,Тверь,much", "kt", "invalid"),
    ("Тверская область,Тверь,0", "kt", "out_of_range"),
    ("Тверская область,Тверь,140", "kt", "out_of_range"),
    ("Тверская область,Тверь,nan", "kt", "out_of_range"),
    ("Тверская область,Тверь,1.4,31.12.2026", "valid_from", "invalid"),
    ("Тверская область,Тверь,1.4,2026-01-01,2025-01-01", "valid_to", "min_value"),
    ("тверская  область,ТВЕРЬ,1.5", "region", "repeated"),
)


def test_every_refused_row_is_named_and_nothing_is_written_unless_asked(tmp_path, capsys):
    rows = ["Тверская область,Тверь,1.4", "Тверская область,,0.9", *(row for row, _, _ in REFUSED)]
    path = table_file(tmp_path, *rows, header="region,city,kt,valid_from,valid_to")
    with pytest.raises(CommandError, match="8 rows refused"):
        call_command("import_tariff", str(path))
    told = capsys.readouterr().out
    for number, (_row, field, code) in enumerate(REFUSED, 3):
        assert f"refused row {number} (line {number + 1}), {field}: {code}." in told
    assert not TariffRow.objects.exists()
    errors = tmp_path / "refused.csv"
    call_command("import_tariff", str(path), partly=True, errors=errors)
    assert len(errors.read_text().splitlines()) == 9
    assert TariffRow.objects.filter(added_in=2).count() == 2


def test_rows_name_their_own_days_and_source(tmp_path):
    path = table_file(
        tmp_path,
        "Тверская область,Тверь,1.4,2022-09-13,2025-12-08,an old letter",
        'Тверская область,Тверь,"1,6",2025-12-09,,',
        header="region;city;kt".replace(";", ",") + ",valid_from,valid_to,source",
    )
    call_command("import_tariff", str(path), source="a letter", primary=True)
    request = make.OSAGO | {"region": "тверская область", "city": "тверь"}
    for day, shown in ((date(2025, 12, 8), ("1.4", "an old letter")), (date(2025, 12, 9), ("1.6", "a letter"))):
        found = {item["code"]: item for item in rate(request, day=day).breakdown}["kt"]
        assert (found["value"], found["source"]) == shown
    assert not TariffRow.objects.filter(added_in=2, is_secondary=True).exists()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_place_without_a_row_is_refused_in_the_readers_language(language):
    body = make.OSAGO | {"region": "Тверская область", "city": "Тверь"}
    answer = Api("client").post("/insurance/quotes", body, Accept_Language=language)
    assert answer.status_code == 400
    refusal = answer.json()["errors"][0]
    assert (refusal["field"], refusal["code"]) == ("region", "not_insurable")
    assert "Тверская область, Тверь" in refusal["detail"]
    assert refusal["detail"].startswith({"ru": "В тарифах ОСАГО нет", "en": "The OSAGO tariffs have no"}[language])


@pytest.mark.parametrize("table", [*TABLES, "insurer", "kasko"])
def test_a_missing_row_of_every_table_is_told_in_russian(table):
    with translation.override("ru"):
        field, told = explain_missing(table, "X")
    assert field in QuoteRequest.__struct_fields__
    assert "X" in told
    assert len(re.findall("[а-я]", told)) > 10


def test_no_row_is_missed_of_a_table_that_nobody_named():
    """Every TariffMissing that the arithmetic raises names a table that has words."""
    folder = Path(services.__file__).parents[1] / "rules"
    named = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("TariffMissing", "row_on"):
                text = node.args[0 if node.func.id == "TariffMissing" else 2]
                named |= {text.value} if isinstance(text, ast.Constant) else set()
    assert {"territories", "kvs", "insurer", "osago_base"} <= named
    for table in named:
        explain_missing(table, "X")
    with pytest.raises(KeyError):
        explain_missing("songs", "X")


@pytest.mark.django_db(databases=["insurance", "accounts"])
def test_managers_see_the_tariffs_of_a_day_with_their_source(admin_client):
    load(kt("1.41"), kt("1.62", valid_from=date(2026, 2, 1)), kt("1.83", valid_from=date(2026, 6, 1)))
    load(kt("1.51"))
    for day, shown in (("2026-01-31", "1.51"), ("2026-02-01", "1.62"), ("2026-06-01", "1.83")):
        page = admin_client.get("/admin/insurance/tariffrow/", {"q": "Тверь", "in_force": day}).content.decode()
        assert [value for value in ("1.41", "1.51", "1.62", "1.83") if value in page] == [shown]
        assert "a test" in page
    every = admin_client.get("/admin/insurance/tariffrow/", {"q": "Тверь", "in_force": "someday"}).content.decode()
    assert "1.41" in every


def test_a_fresh_install_prices_the_towns_it_ships():
    for region, city, value in (
        ("", "", "1.8"), ("Москва", "", "1.8"), ("St. Petersburg", "", "1.64"), ("Казань", "", "1.7"),
        ("Murmansk", "", "1.78"), ("Челябинск", "", "1.77"), ("Сургут", "", "1.7"),
    ):  # fmt: skip
        request = read_request(make.OSAGO | {"region": region, "city": city})
        assert price(request, DAY).breakdown[1].value == Decimal(value)


@pytest.mark.django_db(databases=["insurance", "accounts"])
def test_the_whole_table_of_territories_twice(admin_client):
    if not KT_FILE.exists():
        pytest.skip(f"no {KT_FILE}: shared/data is not beside this checkout")
    out = StringIO()
    call_command("import_tariff", str(KT_FILE), stdout=out)
    assert "358 read" in out.getvalue()
    first = TariffRevision.objects.order_by("-number").first()
    call_command("import_tariff", str(KT_FILE), stdout=out)
    assert "nothing new: all 358 rows" in out.getvalue()
    assert TariffRevision.objects.order_by("-number").first() == first
    for place, value in UNSHIPPED.items():
        assert (
            price(read_request(make.OSAGO | name_place(place)), DAY, read_current_tables()).breakdown[1].value == value
        )
    for region, value in (("Москва", "1.8"), ("Санкт-Петербург", "1.64"), ("Казань", "1.7"), ("Murmansk", "1.78")):
        request = read_request(make.OSAGO | {"region": region})
        assert price(request, DAY, read_current_tables()).breakdown[1].value == Decimal(value)
    altai = read_request(make.OSAGO | {"region": "Республика Алтай", "city": "Горно-Алтайск"})
    assert price(altai, DAY, read_current_tables()).breakdown[1].value == Decimal("1.24")
    fact = TariffFact(
        table="territories", key="Республика Алтай|Горно-Алтайск", valid_from=date(2026, 2, 1), source="a letter",
        value={"region": "Республика Алтай", "city": "Горно-Алтайск", "kt": "1.3"},
    )  # fmt: skip
    load(fact)
    assert price(altai, date(2026, 1, 31), read_current_tables()).breakdown[1].value == Decimal("1.24")
    assert price(altai, DAY, read_current_tables()).breakdown[1].value == Decimal("1.3")
    page = admin_client.get("/admin/insurance/tariffrow/", {"q": "Горно-Алтайск"}).content.decode()
    assert "1.24" in page
    assert "1.3" in page
