"""Importing price lists: the command, the API, and what ends up in the catalogue."""

import gzip
import json
import os
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from catalog import public, services, tasks
from catalog.models import Import, PriceChange, Product, RowError, StockMovement
from catalog.services.imports import ImportOptions, Reached, import_file
from catalog.tests import make
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, published

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HEADER = "sell_id,brand,model,year,price,kmage,vin,color"
GOOD = [
    "1,Lada,Vesta,2021,1500000,42000,XTAGFK330JY144213,белый",
    "2,Kia,Rio,2019.0,1 200 000 ₽,68 000 км,,Чёрный",
    "3,BMW,5 серии,2018,3150000,90000,,синий",
]
pytestmark = pytest.mark.django_db(databases=["catalog"])


def listing(tmp_path, *rows, name="list.csv"):
    path = tmp_path / name
    data = "\n".join([HEADER, *rows]).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def run(path, **options):
    return import_file(path, options=ImportOptions(), actor="tests", now=timezone.now(), **options)


def counts(result):
    return result.rows_ok, result.rows_failed, result.created, result.updated, result.unchanged, result.repeated


def test_good_rows_become_products_with_stock_and_news(tmp_path):
    with capture_events("catalog") as events:
        result = run(listing(tmp_path, *GOOD))
    assert counts(result) == (3, 0, 3, 0, 0, 0)
    car = Product.objects.get(external_id="2")
    assert (car.name, car.price, car.mileage, car.color, car.year) == ("Kia Rio 2019", 1200000, 68000, "чёрный", 2019)
    assert (car.on_hand, car.condition, car.kind, car.currency) == (1, "used", "vehicle", "RUB")
    assert events == ["product.created"] * 3
    assert set(StockMovement.objects.values_list("kind", "delta", "on_hand_after")) == {("import", 1, 1)}
    assert public.stock_disagreements() == []


def test_a_second_run_changes_nothing(tmp_path):
    path = listing(tmp_path, *GOOD, name="list.csv.gz")
    run(path)
    before = list(Product.objects.order_by("pk").values())
    with capture_events("catalog") as events:
        assert counts(run(path)) == (3, 0, 0, 0, 3, 0)
    assert list(Product.objects.order_by("pk").values()) == before
    assert events == []


def test_of_repeats_the_last_decides_and_stays(tmp_path):
    path = listing(
        tmp_path, *GOOD, GOOD[2].replace("3150000", "2990000"), GOOD[0], GOOD[2].replace("3150000", "2890000")
    )
    assert counts(run(path)) == (6, 0, 3, 0, 0, 3)
    assert Product.objects.get(external_id="3").price == 2890000
    assert counts(run(path)) == (6, 0, 0, 0, 3, 3)
    assert not PriceChange.objects.exists()


def test_a_changed_price_is_an_update_with_history(tmp_path):
    run(listing(tmp_path, *GOOD))
    with capture_events("catalog") as events:
        result = run(listing(tmp_path, *GOOD[:2], GOOD[2].replace("3150000", "2990000.50")))
    assert counts(result) == (3, 0, 0, 1, 2, 0)
    change = PriceChange.objects.get()
    assert (change.old_price, change.new_price, change.reason) == (3150000, Decimal("2990000.50"), "import")
    assert events == ["product.updated"]
    event = OutboxEvent.objects.using("catalog").order_by("n").last()
    assert (event.data["price"], event.data["version_number"]) == ("2990000.50", 2)


def test_a_price_in_another_currency_says_which_the_old_one_had(tmp_path):
    run(listing(tmp_path, *GOOD))
    Product.objects.filter(external_id="3").update(currency="USD")
    run(listing(tmp_path, *GOOD[:2], GOOD[2].replace("3150000", "2990000.50")))
    change = PriceChange.objects.get()
    assert (change.old_currency, change.currency) == ("USD", "RUB")


def test_a_sold_car_stays_sold(tmp_path):
    path = listing(tmp_path, *GOOD)
    run(path)
    car = Product.objects.get(external_id="1")
    held = make.reservation((car.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=timezone.now())
    run(listing(tmp_path, GOOD[0].replace("1500000", "1400000")))
    car.refresh_from_db()
    assert (car.on_hand, car.reserved, car.price) == (0, 0, 1400000)
    assert public.stock_disagreements() == []


def test_a_car_known_by_its_vin_is_updated_not_doubled(tmp_path):
    car = make.product(sku="OWN", vin=make.VIN, make="Lada", model="Vesta")
    run(listing(tmp_path, ",Lada,Vesta,2021,1450000,42000,XTAGFK330JY144213,белый"))
    car.refresh_from_db()
    assert (Product.objects.count(), car.sku, car.price, car.on_hand) == (1, "OWN", 1450000, 1)


def test_a_vin_of_another_product_refuses_the_row(tmp_path):
    make.product(sku="OWN", vin=make.VIN)
    refused = []
    result = run(listing(tmp_path, *GOOD), refuse=refused.extend)
    assert counts(result) == (2, 1, 2, 0, 0, 0)
    assert [(item.row, item.line, item.field, item.code) for item in refused] == [(1, 2, "vin", "vin_taken")]


def test_a_dry_run_says_what_would_happen_and_writes_nothing(tmp_path):
    assert counts(run(listing(tmp_path, *GOOD), dry_run=True)) == (3, 0, 3, 0, 0, 0)
    assert not Product.objects.exists()
    assert published("catalog") == []


def test_the_command_prints_both_counts_and_the_reasons(tmp_path, capsys):
    path = listing(tmp_path, *GOOD, "4,,X,2021,1,1,,", "5,Lada,Vesta,1,1,1,,")
    call_command("import_catalog", str(path), "--errors", str(tmp_path / "errors.csv"))
    said = capsys.readouterr().out
    assert "refused row 4 (line 5), make: required. The make is empty." in said
    assert "3 good, 2 refused of 5 rows" in said
    assert "make: " in said.partition("columns: ")[2]
    assert "3 created, 0 updated, 0 unchanged, 0 repeated in the file" in said
    assert (tmp_path / "errors.csv").read_text().splitlines()[2].startswith("5,6,year,invalid,")


def test_the_command_takes_a_mapping_and_defaults(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("what,when,cost\nVesta,2021,100\n")
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"what": "model", "when": "year", "cost": "price"}))
    call_command(
        "import_catalog", str(path), "--mapping", str(mapping), "--default", "make=Lada", "--default", "mileage=0",
        "--currency", "usd", verbosity=0,
    )  # fmt: skip
    car = Product.objects.get()
    assert (car.make, car.model, car.currency) == ("Lada", "Vesta", "USD")
    call_command("import_catalog", str(path), "--mapping", str(mapping), "--default", "make=Lada", "--default",
                 "mileage=0", "--currency", "usd", verbosity=0)  # fmt: skip
    assert Product.objects.count() == 1
    assert capsys.readouterr().out.count("1 good, 0 refused of 1 rows") == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"brand,model,price\nLada,Vesta,1\n",
        f"{HEADER}\n{GOOD[0]}\n".encode() + b"\xff\xfe\n",
        gzip.compress(("\n".join([HEADER, *GOOD]) + "\n").encode() * 2000)[:-20],
        f'{HEADER}\n{GOOD[0]}\n"'.encode() + b"x" * 300_000,
    ],
)
def test_a_broken_file_changes_nothing(tmp_path, data):
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with pytest.raises(CommandError, match=r"Nothing was imported\."):
        call_command("import_catalog", str(path), verbosity=0)
    with pytest.raises(CommandError):
        call_command("import_catalog", str(tmp_path / "missing.csv"), verbosity=0)
    assert not Product.objects.exists()
    assert published("catalog") == []


@pytest.mark.parametrize("options", [{"IMPORT_MAX_BYTES": 50}, {"IMPORT_MAX_RATIO": 0}])
def test_limits_are_settings(tmp_path, settings, options, monkeypatch):
    monkeypatch.setattr("core.importing.reader.BOMB_CHECK_FROM", 0)
    for name, value in options.items():
        setattr(settings, name, value)
    with pytest.raises(CommandError):
        call_command("import_catalog", str(listing(tmp_path, *GOOD, name="a.csv.gz")), verbosity=0)
    assert not Product.objects.exists()


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_two_imports_of_one_file_at_once_make_each_product_once(tmp_path):
    path = listing(tmp_path, *[f"{number},Lada,Vesta,2021,1,1,,белый" for number in range(1200)])
    start, results = threading.Barrier(2), []

    def work():
        try:
            start.wait(10)
            results.append(run(path))
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(result.created for result in results) == Product.objects.count() == 1200
    assert published("catalog").count("product.created") == 1200
    assert public.stock_disagreements() == []


def test_the_small_real_file_twice():
    path = SHARED / "listings_small_ru.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path}: shared/data is not beside this checkout")
    assert counts(run(path)) == (474, 26, 454, 0, 0, 20)
    with capture_events("catalog") as events:
        assert counts(run(path)) == (474, 26, 0, 0, 454, 20)
    assert events == []


def test_refused_rows_can_be_mended_and_imported_again(tmp_path, capsys):
    path = listing(tmp_path, *GOOD, "4,,X,2021,1,1,,", '"5,Lada,Vesta,2020,900000,1,,"', "6,Lada,Vesta,1,1,1,,")
    errors = tmp_path / "errors.csv"
    call_command("import_catalog", str(path), "--errors", str(errors), verbosity=0)
    lines = errors.read_text().splitlines()
    assert lines[0] == f"row,line,field,code,detail,{HEADER}"
    assert lines[2] == "5,6,,wrong_columns,1 cells instead of 8.,5,Lada,Vesta,2020,900000,1,,"
    errors.write_text(errors.read_text().replace("4,,X,", "4,Lada,X,").replace("Vesta,1,1,1", "Vesta,2001,1,1"))
    call_command("import_catalog", str(errors), verbosity=0)
    assert "3 good, 0 refused of 3 rows" in capsys.readouterr().out
    assert set(Product.objects.values_list("external_id", flat=True)) == {"1", "2", "3", "4", "5", "6"}


def test_the_command_converts_and_warns(tmp_path, capsys):
    path = listing(tmp_path, "1,Lada,Vesta,2021,$100,100,XTAGFK330JY14421*,", "2,Kia,Rio,2019,5000,1,,")
    call_command("import_catalog", str(path), "--rate", "USD=92.5", "--miles-to-km", verbosity=0)
    said = capsys.readouterr().out
    assert "warning: 1 rows have a masked or broken VIN, which was left out" in said
    assert "warning: 1 rows have a price too low" in said
    first, second = Product.objects.order_by("external_id")
    assert (first.price, first.currency, first.mileage) == (9250, "RUB", 161)
    assert (second.price, second.mileage) == (5000, 2)
    with pytest.raises(CommandError, match="is no rate"):
        call_command("import_catalog", str(path), "--rate", "USD=x", verbosity=0)


def test_an_import_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.services.listings.CHUNK", 2)
    make.product(sku="OWN", vin=make.VIN)
    path = listing(tmp_path, *GOOD, *(f"{number},Lada,Niva,2020,{number}000,1,," for number in range(10, 15)))
    kept, refused = [], []

    def store(reached):
        if reached.row > 4:
            raise ConnectionError
        kept.append(Reached(reached.row, dict(reached.counts)))

    with pytest.raises(ConnectionError):
        run(path, store=store, refuse=refused.extend)
    assert (kept[-1].row, kept[-1].counts["created"], Product.objects.count()) == (4, 3, 4)
    refused.clear()
    result = run(path, reached=kept[-1], refuse=refused.extend)
    assert counts(result) == (7, 1, 7, 0, 0, 0)
    assert refused == []


BIG = os.environ.get("BIG_FILES") == "on"


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("listings_vin_truecar", {"currency": "USD"}, (999, 0, 999, 0, 0, 0)),
        ("listings_vin_auction_us", {"currency": "USD"}, (2456, 43, 2453, 0, 0, 3)),
        pytest.param(
            "listings_large_uk",
            {"currency": "GBP"},
            (99186, 9354, 94274, 0, 0, 4912),
            marks=pytest.mark.skipif(not BIG, reason="BIG_FILES=on imports the large file too"),
        ),
        pytest.param(
            "listings_mid_autoru",
            {},
            (47675, 366, 26760, 0, 0, 20915),
            marks=pytest.mark.skipif(not BIG, reason="BIG_FILES=on imports the large file too"),
        ),
    ],
)
def test_real_files_twice(name, options, expected):
    path = SHARED / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path}: shared/data is not beside this checkout")
    good, bad, created, _, _, repeated = expected
    chosen = ImportOptions(**options)
    assert counts(import_file(path, options=chosen, actor="tests", now=timezone.now())) == expected
    again = import_file(path, options=chosen, actor="tests", now=timezone.now())
    assert counts(again) == (good, bad, 0, 0, created, repeated)
    assert Product.objects.count() == created


class TestOverHttp:
    @pytest.fixture(autouse=True)
    def _media(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def send(self, caller, data, name="list.csv", **fields):
        file = SimpleUploadedFile(name, data)
        return caller.client.post("/api/v1/imports", {"file": file, **fields}, headers=caller.headers)

    def test_an_upload_is_taken_and_carried_out_in_the_background(self):
        api = Api("manager")
        data = "\n".join([HEADER, *GOOD, "4,,X,2021,1,1,,"]).encode()
        response = self.send(api, data)
        assert response.status_code == 202, response.content
        run = response.json()
        assert (run["status"], run["progress"], run["rows_total"]) == ("pending", 0, 0)
        assert response["Location"] == f"/api/v1/imports/{run['id']}"
        tasks.run_import(run["id"])
        done = api.get(f"/imports/{run['id']}").json()
        assert (done["status"], done["progress"]) == ("completed_with_errors", 100)
        assert (done["rows_total"], done["rows_ok"], done["rows_failed"], done["created"]) == (4, 3, 1, 3)
        assert set(done["columns"]) >= {"make", "model", "year", "price", "mileage"}
        errors = api.get(f"/imports/{run['id']}/errors/").json()
        assert errors["results"] == [
            {"row": 4, "line": 5, "field": "make", "code": "required", "detail": "The make is empty."}
        ]
        assert [item["id"] for item in api.get("/imports").json()["results"]] == [run["id"]]
        assert Product.objects.count() == 3

    def test_refused_rows_are_downloaded_as_they_stood(self):
        sent = self.send(Api("manager"), "\n".join([HEADER, *GOOD, "4,,X,2021,1,1,,"]).encode())
        path = f"/imports/{sent.json()['id']}/refused-rows"
        tasks.resume_imports()
        response = Api("manager").get(path)
        lines = b"".join(response.streaming_content).decode().splitlines()
        assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert lines[1:] == ["4,5,make,required,The make is empty.,4,,X,2021,1,1,,"]
        assert Api().get(path).status_code == 401
        assert Api("client").get(path).status_code == 403
        assert Api("manager").get("/imports/01900000-0000-7000-8000-000000000000/refused-rows").status_code == 404

    def test_a_workbook_a_dry_run_and_its_options(self, tmp_path):
        from openpyxl import Workbook

        workbook = Workbook()
        for line in ("make,model,year,price,mileage", "Ford,Focus,2017,$10000,100"):
            workbook.active.append(line.split(","))
        workbook.save(tmp_path / "list.xlsx")
        data = (tmp_path / "list.xlsx").read_bytes()
        options = {"rates": '{"USD": "90"}', "miles_to_km": "true"}
        dry = self.send(Api("manager"), data, "list.xlsx", dry_run="true", **options)
        assert dry.status_code == 202, dry.content
        tasks.resume_imports()
        shown = Api("manager").get(f"/imports/{dry.json()['id']}").json()
        assert (shown["status"], shown["is_dry_run"], shown["created"]) == ("completed", True, 1)
        assert not Product.objects.exists()
        self.send(Api("manager"), data, "list.xlsx", **options)
        tasks.resume_imports()
        assert Product.objects.values_list("price", "mileage").get() == (900000, 161)

    def test_what_a_dead_worker_left_is_done_once(self):
        response = self.send(Api("manager"), "\n".join([HEADER, *GOOD, "4,,"]).encode())
        Import.objects.update(status="running", progress=40)
        RowError.objects.create(source_id=response.json()["id"], row=1, line=2, code="x", detail="x")
        tasks.resume_imports()
        tasks.resume_imports()
        assert Import.objects.get().status == "completed_with_errors"
        assert RowError.objects.get().code == "wrong_columns"
        assert published("catalog") == ["product.created"] * 3

    def test_mapping_and_currency(self):
        data = b"what,when,cost,km,brand\nVesta,2021,100,1,Lada\n"
        mapping = json.dumps({"what": "model", "when": "year", "cost": "price"})
        self.send(Api("manager"), data, mapping=mapping, currency="USD")
        tasks.resume_imports()
        assert Product.objects.values_list("model", "currency").get() == ("Vesta", "USD")

    def test_a_file_that_cannot_be_read_fails_with_a_reason(self):
        response = self.send(Api("manager"), b"brand,model,price\nLada,Vesta,1\n")
        tasks.resume_imports()
        run = Api("manager").get(f"/imports/{response.json()['id']}").json()
        assert (run["status"], run["failure"]["code"]) == ("failed", "missing_column")
        assert not Product.objects.exists()
        assert published("catalog") == []

    @pytest.mark.parametrize(
        ("name", "data", "fields"),
        [
            ("list.exe", b"x", {}),
            ("list.csv", b"", {}),
            ("list.csv", b"x", {"mapping": "{"}),
            ("list.csv", b"x", {"mapping": "[1]"}),
            ("list.csv", b"x", {"mapping": '{"a": "b"}'}),
            ("list.csv", b"x", {"currency": "roubles"}),
            ("list.csv", b"x", {"mapping": '{"make": []}'}),
            ("list.csv", b"x", {"rates": '{"USD": "0"}'}),
            ("list.csv", b"x", {"rates": "[]"}),
        ],
    )
    def test_bad_input_is_refused(self, name, data, fields):
        response = self.send(Api("manager"), data, name, **fields)
        assert response.status_code == 400, response.content
        assert not Import.objects.exists()

    def test_json_is_not_a_file(self):
        assert Api("manager").post("/imports", {"file": "x"}).status_code == 415
        assert Api("manager").client.post("/api/v1/imports", {}, headers=Api("manager").headers).status_code == 400

    @pytest.mark.parametrize(("caller", "status"), [(Api, 401), (lambda: Api("client"), 403)])
    def test_others_import_nothing(self, caller, status):
        response = self.send(Api("manager"), b"x")
        assert self.send(caller(), b"x").status_code == status
        for path in ("/imports", f"/imports/{response.json()['id']}", f"/imports/{response.json()['id']}/errors"):
            assert caller().get(path).status_code == status
        assert Import.objects.count() == 1

    def test_a_missing_import_is_404(self):
        for tail in ("", "/errors"):
            path = f"/imports/01900000-0000-7000-8000-000000000000{tail}"
            assert Api("manager").get(path).status_code == 404


def test_the_end_of_an_import_is_when_it_ended(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    file = SimpleUploadedFile("list.csv", "\n".join([HEADER, *GOOD]).encode())
    begun = services.start_import(file=file, options=ImportOptions(), actor="tests", now=timezone.now())
    assert services.run_import(import_id=begun.pk, now=timezone.now())
    ended = Import.objects.get(pk=begun.pk)
    assert ended.started_at < ended.finished_at <= timezone.now()
