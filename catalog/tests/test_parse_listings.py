"""Reading price lists, without a database."""

import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.rules.importing import values
from catalog.rules.importing.columns import find_columns
from catalog.rules.importing.rows import RowParser, Units
from core.files.tables import csv_lines
from core.importing.limits import Limits
from core.importing.problems import RowProblem, Unreadable
from core.importing.reader import open_table

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HEADER = "Марка,Модель,Год выпуска,Цена,Пробег"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("985 000 ₽", "985000"), ("985\u00a0000\u00a0₽", "985000"), ("216\u202f100 км", "216100"), ("$5,000", "5000"),
        ("£30,495", "30495"), ("1,6", "1.6"), ("2.0 л", "2.0"), ("2013.0", "2013.0"), ("1.234.567,89", "1234567.89"),
        ("1,234,567.89", "1234567.89"), ("163 л.с.", "163"), ("2008 г.", "2008"), ("12'500 EUR", "12500"),
        ("-5", "-5"), ("007", "7"), ("1 000 руб.", "1000"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text, number):
    assert values.number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "Unknown", "n/a", "nan", "inf", "1e5", "143 (47 сегодня)", "1.2.3", "²", "9" * 40]
)
def test_what_is_not_one_number_is_none(text):
    assert values.number(text) is None


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_every_way_to_write_a_price_is_the_same_price(price):
    assert values.number(f"{price:,.2f}") == price
    assert values.number(f"{price:,.2f}".replace(",", " ").replace(".", ",") + " ₽") == price


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_numbers(text):
    found = values.number(text)
    assert found is None or found.is_finite()


def parse(path, *, mapping=None, defaults=None, limits=None, currency="RUB", units=None):
    with open_table(path, limits=limits) as table:
        columns = find_columns(table.header, mapping=mapping, defaults=defaults)
        parser = RowParser(columns, max_year=2027, units=units or Units(currency))
        rows = [parser.parse(row) for row in table.rows()]
    return [item for item in rows if not isinstance(item, RowProblem)], [
        item for item in rows if isinstance(item, RowProblem)
    ]


def write(path, text, encoding="utf-8"):
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("name", ["list.csv", "list.csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encoding_packing_and_delimiter_are_found(tmp_path, encoding, name, delimiter):
    text = f"{HEADER}\r\nЛада,Веста,2021,1500000,42000\r\n\r\n,,,,\r\n".replace(",", delimiter)
    good, bad = parse(write(tmp_path / name, text, encoding))
    assert [(item.make, item.model, item.price) for item in good] == [("Лада", "Веста", 1500000)]
    assert bad == []


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (" ,Vesta,2021,1,1", "make", "required"),
        ("Lada,\u00a0,2021,1,1", "model", "required"),
        ("Lada,Vesta,1899,1,1", "year", "invalid"),
        ("Lada,Vesta,2028,1,1", "year", "invalid"),
        ("Lada,Vesta,2008.5,1,1", "year", "invalid"),
        ("Lada,Vesta,2021,0,1", "price", "invalid"),
        ("Lada,Vesta,2021,free,1", "price", "invalid"),
        ("Lada,Vesta,2021,99999999999999,1", "price", "invalid"),
        ("Lada,Vesta,2021,1,-1", "mileage", "invalid"),
        ("Lada,Vesta,2021,1,", "mileage", "invalid"),
        ("Lada,Vesta,20", "", "wrong_columns"),
        (f"{'x' * 61},Vesta,2021,1,1", "make", "too_long"),
        (",,1800,0,-1", "make", "required"),
    ],
)
def test_a_bad_row_is_named_by_line_field_and_reason(tmp_path, row, field, code):
    good, bad = parse(write(tmp_path / "list.csv", f'{HEADER}\n"La\nda",Vesta,2008.0,1,0\n\n{row}\n'))
    assert len(good) == 1
    assert [(item.row, item.line, item.field, item.code) for item in bad] == [(2, 5, field, code)]


def test_a_mapping_and_defaults_stand_in_for_headers(tmp_path):
    path = write(tmp_path / "list.csv", "what,when,cost\nVesta,2021,100\n")
    good, _ = parse(
        path,
        mapping={"what": "model", "year": "when", "cost": "price"},
        defaults={"make": "Lada", "mileage": "0"},
    )
    assert (good[0].make, good[0].model, good[0].year, good[0].mileage) == ("Lada", "Vesta", 2021, 0)


@pytest.mark.parametrize(
    ("mapping", "defaults", "code"),
    [
        ({}, {}, "missing_column"),
        ({"nothing": "make"}, {}, "missing_column"),
        ({"a": "b"}, {}, "unknown_field"),
        ({}, {"colour of seats": "x"}, "unknown_field"),
    ],
)
def test_columns_that_cannot_be_found_are_named(tmp_path, mapping, defaults, code):
    path = write(tmp_path / "list.csv", "Марка,Модель,Цена\nLada,Vesta,1\n")
    with pytest.raises(Unreadable) as refusal:
        parse(path, mapping=mapping, defaults=defaults)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_text"),
        (f"{HEADER}\n".encode() + b"\xff\xfe\xfd", "wrong_encoding"),
        (gzip.compress(f"{HEADER}\n".encode() * 100)[:-9], "broken_gzip"),
        (gzip.compress(HEADER.encode())[:-8] + b"12345678", "broken_gzip"),
        (f'{HEADER}\n"'.encode() + b"x" * 300_000, "broken_csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path, data, code):
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with pytest.raises(Unreadable) as refusal:
        parse(path)
    assert refusal.value.code == code


def test_wrong_bytes_far_into_the_file_are_found_with_their_line(tmp_path):
    row = b"Lada,Vesta,2021,100,5\n"
    path = tmp_path / "list.csv"
    path.write_bytes(f"{HEADER}\n".encode() + row * 60_000 + b"\xcb\xe0\xe4\xe0,Vesta,2021,1,1\n")
    with pytest.raises(Unreadable) as refusal:
        parse(path)
    assert refusal.value.code == "wrong_encoding"
    assert refusal.value.line > 50_000


def test_a_bomb_and_a_giant_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("core.importing.reader.BOMB_CHECK_FROM", 1 << 18)
    row = b"Lada,Vesta,2021,100,5\n"
    bomb = tmp_path / "bomb.csv.gz"
    with gzip.open(bomb, "wb") as file:
        file.write(f"{HEADER}\n".encode())
        for _ in range(4):
            file.write(row * 50_000)
    with pytest.raises(Unreadable) as refusal:
        parse(bomb)
    assert refusal.value.code == "zip_bomb"
    assert bomb.stat().st_size < 30_000
    giant = tmp_path / "giant.csv"
    giant.write_bytes(f"{HEADER}\n".encode() + row * 5000)
    with pytest.raises(Unreadable) as refusal:
        parse(giant, limits=Limits(max_bytes=100_000))
    assert refusal.value.code == "file_too_large"


def test_identity_is_external_id_else_vin_else_what_the_car_is(tmp_path):
    header = "sell_id,vin,brand,model,year,price,mileage"
    rows = [
        "7.0,XTAGFK330JY144213,Lada,Vesta,2018,1,1", ",хтаGFK330JY144213,Lada,Vesta,2018,1,1",
        ",XTA*************,Lada,Vesta,2018,1,1", ",,Lada,Vesta,2018,2,1", ",,Lada,Vesta,2018,1,2",
    ]  # fmt: skip
    good, _ = parse(write(tmp_path / "list.csv", "\n".join([header, *rows])))
    keys = [item.key for item in good]
    assert keys[0] == "id:7"
    assert keys[1] == "vin:XTAGFK330JY144213"
    assert keys[2] == keys[3]
    assert keys[3] != keys[4]


def test_a_file_of_any_rows_is_read_to_its_end(tmp_path):
    rows = [HEADER.split(","), ["a,b\n", 'quo"te', "2021", "1", "1"], ["", "", "", "", "x"]]
    good, bad = parse(write(tmp_path / "list.csv", "".join(csv_lines(rows))))
    assert (good[0].make, good[0].model) == ("a,b", 'quo"te')
    assert (bad[0].line, bad[0].field) == (4, "make")


RAW = {"gearbox": "transmission", "transmission": "drive"}
UNCLEAN = {
    "mileage": ["mileage", "mileage2"],
    "fuel": ["fuel type2", "fuel type"],
    "engine_volume": ["engine size2", "engine size"],
}
# rows, valid ones, fields that fail first, sum of prices; how it is read; what is odd about the valid ones
FILES = {
    "listings_small_ru": ((500, 474, {"make": 26}, 1_022_300_489), {}, {}),
    "listings_masked_vin_ru": (
        (4_084, 4_082, {"mileage": 2}, 6_314_401_164), {}, {"vin_not_whole": 3_728, "vin_check_digit": 3},
    ),
    "listings_vin_carscom": (
        (9_379, 9_379, {}, 373_548_694), {"currency": "USD"}, {"vin_check_digit": 7},
    ),
    "listings_vin_auction_us": ((2_499, 2_456, {"price": 43}, 46_900_411), {"currency": "USD"}, None),
    "listings_vin_truecar": ((999, 999, {}, 15_832_042), {"currency": "USD"}, {}),
    "listings_cp1251_ru": ((17_030, 16_583, {"": 447}, 6_112_852_943), {}, {"price_low": 3_288}),
    "listings_rawtext_ru": ((3_409, 3_409, {}, 13_158_224_598), {"mapping": RAW}, {}),
    "listings_unclean_uk": (
        (9_455, 9_358, {"year": 92, "mileage": 5}, 166_411_036),
        {"mapping": UNCLEAN, "defaults": {"make": "Mercedes"}},
        {},
    ),
    "listings_mid_autoru": ((48_041, 47_675, {"make": 366}, 107_023_032_272), {}, {}),
    "listings_large_uk": (
        (108_540, 99_186, {"make": 9_353, "year": 1}, 1_666_865_523), {"currency": "GBP"}, {},
    ),
    "registry_ev_wa_us": (
        (150_482, 3_455, {"price": 147_027}, 197_529_405),
        {"mapping": {"Base MSRP": "price"}, "defaults": {"mileage": "0"}, "currency": "USD"},
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_real_files_count_as_their_description_says(name):
    path = SHARED / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path}: shared/data is not beside this checkout")
    (total, valid, fields, prices), options, warnings = FILES[name]
    good, bad = parse(path, **options)
    assert (len(good) + len(bad), len(good)) == (total, valid)
    assert Counter(item.field for item in bad) == fields
    assert sum(item.price for item in good) == prices
    assert warnings is None or Counter(code for item in good for code in item.warnings) == warnings


def test_every_listing_file_is_counted():
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED}: shared/data is not beside this checkout")
    names = {path.name.removesuffix(".csv.gz") for path in SHARED.glob("listings_*.csv.gz")}
    assert names <= set(FILES)


def test_a_workbook_reads_like_a_text_file(tmp_path):
    from openpyxl import Workbook

    workbook = Workbook()
    sheet = workbook.active
    sheet.append(["Marke", "Modell", "Baujahr", "Preis", "Kilometerstand", "Kraftstoff", None])
    sheet.append(["VW", "Golf", 2019, 1_250_000.5, "68.000 km", "Benzin"])
    sheet.append([None, None, None])
    sheet.append(["VW", "Polo", "2018", "980 000 ₽", 70000])
    sheet.append(["VW", None, 2018, 1, 1])
    workbook.save(tmp_path / "list.xlsx")
    good, bad = parse(tmp_path / "list.xlsx")
    read = [(item.model, item.price, item.mileage, item.fuel, item.line) for item in good]
    assert read == [("Golf", Decimal("1250000.50"), 68000, "benzin", 2), ("Polo", 980000, 70000, "", 4)]
    assert [(item.row, item.line, item.field) for item in bad] == [(3, 5, "model")]


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: data.replace(b"sheet1", b"sheetX")])
def test_a_damaged_workbook_is_refused(tmp_path, damage):
    from openpyxl import Workbook

    Workbook().save(tmp_path / "whole.xlsx")
    (tmp_path / "list.xlsx").write_bytes(damage((tmp_path / "whole.xlsx").read_bytes()))
    with pytest.raises(Unreadable):
        parse(tmp_path / "list.xlsx")


def test_a_sheet_with_gaps_keeps_its_lines_and_a_row_that_is_too_wide_is_refused(tmp_path):
    from openpyxl import Workbook

    workbook = Workbook()
    rows = {3: ["brand", "model", "year", "price", "kmage"], 5: ["Lada", "Vesta", 2021, 1500000, 42000],
            9_000: ["Kia", "Rio", 2019, 1200000, 68000, "more", "and more"]}  # fmt: skip
    for line, cells in rows.items():
        for column, cell in enumerate(cells, 1):
            workbook.active.cell(line, column, cell)
    workbook.save(tmp_path / "list.xlsx")
    good, bad = parse(tmp_path / "list.xlsx")
    assert [(one.row, one.line, one.make) for one in good] == [(1, 5, "Lada")]
    assert [(one.row, one.line, one.code) for one in bad] == [(2, 9_000, "wrong_columns")]


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path):
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.active.append(HEADER.split(","))
    workbook.save(tmp_path / "list.xlsx")
    with pytest.raises(Unreadable) as refusal:
        parse(tmp_path / "list.xlsx", limits=Limits(max_bytes=500))
    assert refusal.value.code == "file_too_large"


def test_windows_1252_is_found(tmp_path):
    header = "Hersteller;Modell;Baujahr;Preis;Kilometerstand;Beschreibung"
    text = f"{header}\r\nCitroën;Deux;2019;15.900 €;68.000 km;schöner\r\n"
    good, bad = parse(write(tmp_path / "list.csv", text, "cp1252"))
    assert [(item.make, item.price, item.currency, item.mileage) for item in good] == [("Citroën", 15900, "EUR", 68000)]
    assert bad == []


def test_currency_and_miles_are_kept_or_converted(tmp_path):
    path = write(
        tmp_path / "list.csv", 'make,model,year,price,mileage\nFord,Focus,2017,"£14,999",100\nKia,Rio,2019,5,1\n'
    )
    kept, _ = parse(path, currency="GBP")
    assert [(item.price, item.currency, item.mileage) for item in kept] == [(14999, "GBP", 100), (5, "GBP", 1)]
    turned, _ = parse(path, units=Units("RUB", "RUB", {"GBP": Decimal("110.55")}, miles_to_km=True))
    assert [(item.price, item.currency, item.mileage) for item in turned] == [
        (Decimal("1658139.45"), "RUB", 161), (5, "RUB", 2),
    ]  # fmt: skip
