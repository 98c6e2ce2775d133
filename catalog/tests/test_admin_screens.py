"""Manager screens of their own: imports, prices, stock-taking; who may use them, and what they refuse."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import create_user
from catalog import services, tasks
from catalog.models import (
    Attribute,
    Import,
    PriceChange,
    PriceRevision,
    PriceStep,
    Product,
    ScheduledPrice,
    StockCount,
    StockMovement,
)
from catalog.services.imports import ImportOptions
from catalog.services.revisions import PriceRule
from catalog.tests import make
from core.ids import uuid7
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog", "accounts"])
PRICE_LIST = b"sell_id,brand,model,year,price,kmage\n1,Lada,Vesta,2021,1500000,42000\n2,,Rio,2019,1200000,68000\n"
IMPORTS, REVISIONS, COUNTS, SCHEDULED = (
    f"/admin/catalog/{name}/" for name in ("import", "pricerevision", "stockcount", "scheduledprice")
)


def browser(*roles):
    client = Client(headers={"Accept-Language": "en"})
    if roles:
        email = f"{uuid7()}@example.com"
        user = create_user(email=email, password="correct-horse-battery", roles=roles, now=timezone.now())
        client.force_login(user, backend="accounts.backends.EmailBackend")
        client.user = user
    return client


@pytest.fixture(autouse=True)
def _quick(settings, tmp_path):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def manager():
    return browser("manager")


def text(response):
    return response.content.decode()


def get_location(response):
    """The object's page that a form led to."""
    assert response.status_code == 302, text(response)
    return response["Location"]


class TestImports:
    def send(self, client, data=PRICE_LIST, name="list.csv", **fields):
        given = {"is_dry_run": "on", "currency": "RUB", "into": "RUB", "file": SimpleUploadedFile(name, data)}
        return client.post(f"{IMPORTS}add/", given | fields)

    def test_a_dry_run_is_watched_looked_at_and_imported_for_real(self, manager):
        page = get_location(self.send(manager))
        shown = text(manager.get(page))
        assert "waiting" in shown
        assert "data-import=" in shown
        progress = manager.get(page.replace("change/", "progress/"))
        assert progress.json() == {"is_open": True, "status": "waiting", "progress": 0}
        tasks.resume_imports()
        assert manager.get(page.replace("change/", "progress/")).json()["progress"] == 100
        shown = text(manager.get(page))
        assert "The make is empty." in shown
        assert "Import for real" in shown
        assert "data-import=" not in shown
        assert not Product.objects.exists()
        second = get_location(manager.post(page))
        assert second != page
        tasks.resume_imports()
        assert "Import for real" not in text(manager.get(second))
        assert Product.objects.get().name == "Lada Vesta 2021"
        assert Import.objects.filter(is_dry_run=False).get().actor == str(manager.user.pk)

    def test_refused_rows_are_downloaded(self, manager):
        page = get_location(self.send(manager))
        tasks.resume_imports()
        answer = manager.get(page.replace("change/", "refused-rows/"))
        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert lines[1] == "2,3,make,required,The make is empty.,2,,Rio,2019,1200000,68000"

    def test_every_option_reaches_the_import(self, manager):
        given = {"mapping": '{"brand": "make"}', "defaults": "color=red\n\nbody = sedan", "rates": "USD=92.5"}
        self.send(manager, is_dry_run="", miles_to_km="on", encoding="utf-8", **given)
        tasks.resume_imports()
        car = Product.objects.get()
        assert (car.mileage, car.color, car.body) == (67592, "red", "sedan")
        options = Import.objects.get().options
        assert (options["rates"], options["mapping"]) == ({"USD": "92.5"}, {"brand": "make"})

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": "list.exe"},
            {"data": b""},
            {"currency": "roubles"},
            {"mapping": "{"},
            {"mapping": '{"a": "b"}'},
            {"rates": "USD"},
            {"rates": "USD=0"},
            {"defaults": "=x"},
            {"into": ""},
        ],
    )
    def test_bad_input_keeps_the_form_and_starts_nothing(self, manager, fields):
        response = self.send(manager, **fields)
        assert response.status_code == 400
        assert "text-red-600" in text(response)
        assert not Import.objects.exists()

    def test_a_huge_file_is_refused(self, manager, settings, monkeypatch):
        settings.MAX_UPLOAD_BYTES, settings.MAX_BODY_BYTES = 4_000, 0
        response = self.send(manager, data=b"x" * 4_001)
        assert (response.status_code, "The file you sent is too large" in text(response)) == (413, True)
        monkeypatch.setattr("gateway.middleware._check_size", lambda request: None)
        response = self.send(manager, data=b"x" * 4_001)
        assert (response.status_code, "The file is too large." in text(response)) == (400, True)
        assert not Import.objects.exists()

    def test_a_malformed_upload_is_refused(self, manager):
        response = manager.post(f"{IMPORTS}add/", b"--x\r\nbroken", content_type="multipart/form-data; boundary=x")
        assert response.status_code == 400
        assert not Import.objects.exists()

    def test_a_file_that_cannot_be_read_says_why_and_is_not_started(self, manager):
        page = get_location(self.send(manager, data=b"brand,model,price\nLada,Vesta,1\n"))
        tasks.resume_imports()
        shown = text(manager.get(page))
        assert "No column for" in shown
        assert "Import for real" not in shown
        assert "has ended well" in text(manager.post(page, follow=True))
        assert Import.objects.count() == 1

    def test_what_is_not_there_leads_back(self, manager):
        for name in ("change", "progress", "refused-rows"):
            assert manager.get(f"{IMPORTS}{uuid7()}/{name}/").status_code in (302, 404)
        assert manager.get(f"{IMPORTS}nonsense/change/").status_code == 302


class TestPrices:
    def form(self, **fields):
        return {"currency": "RUB", "kind": "percent", "value": "-5", "step": "1000", "reason": "autumn sale"} | fields

    def test_prices_chosen_by_filter_are_previewed_and_set(self, manager):
        bmw = make.product(make="BMW", price=Decimal(1234567))
        make.product(make="Audi", price=Decimal(1000000))
        with capture_events("catalog") as events:
            page = get_location(manager.post(f"{REVISIONS}add/", self.form(make="BMW")))
            shown = text(manager.get(page))
        assert events == []
        for part in ("1,234,567.00", "1,173,000.00", "-61,567.00", "Set these prices"):
            assert part in shown or part.replace(",", "") in shown, part
        with capture_events("catalog") as events:
            manager.post(page, {"do": "apply"})
        assert events == ["product.updated"]
        change = PriceChange.objects.get()
        assert (change.product_id, change.actor, change.reason) == (bmw.pk, str(manager.user.pk), "autumn sale")
        assert "Set these prices" not in text(manager.get(page))
        manager.post(page, {"do": "apply"})
        assert PriceChange.objects.count() == 1

    def test_products_are_chosen_in_the_list(self, manager):
        chosen, other = make.product(price=Decimal(1000)), make.product(price=Decimal(1000))
        picked = {"action": "change_prices", "confirmed": "yes", "_selected_action": [str(chosen.pk)]}
        asked = manager.post("/admin/catalog/product/", picked)
        assert (asked.status_code, str(chosen.pk) in text(asked)) == (200, True)
        assert "1 product was chosen" in text(asked)
        page = get_location(manager.post(f"{REVISIONS}add/", self.form(ids=str(chosen.pk), step="1", value="10")))
        manager.post(page, {"do": "apply"})
        assert dict(Product.objects.values_list("pk", "price")) == {chosen.pk: 1100, other.pk: 1000}

    def test_what_changed_since_the_preview_is_shown_and_left_alone(self, manager):
        one = make.product(price=Decimal(1000))
        page = get_location(manager.post(f"{REVISIONS}add/", self.form(step="1")))
        services.update_product(product_id=one.pk, price=Decimal(2000), actor="x", now=timezone.now())
        assert "has changed: will be left alone" in text(manager.get(page))
        manager.post(page, {"do": "apply"})
        one.refresh_from_db()
        assert one.price == 2000
        assert "had changed meanwhile" in text(manager.get(page))

    def test_a_preview_is_discarded(self, manager):
        make.product(price=Decimal(100000))
        page = get_location(manager.post(f"{REVISIONS}add/", self.form()))
        manager.post(page, {"do": "discard"})
        assert "applied or discarded already" in text(manager.post(page, {"do": "apply"}, follow=True))
        assert not PriceChange.objects.exists()

    @pytest.mark.parametrize(
        "fields",
        [
            {"value": ""},
            {"value": "x"},
            {"value": "-100"},
            {"kind": "amount", "value": "-99999999"},
            {"reason": ""},
            {"step": "7"},
            {"currency": "rub"},
            {"kind": "times"},
            {"make": "Nobody"},
            {"ids": "x"},
            {"category": str(uuid7())},
        ],
    )
    def test_bad_input_keeps_the_form_and_changes_nothing(self, manager, fields):
        make.product(make="BMW", price=Decimal(100000))
        response = manager.post(f"{REVISIONS}add/", self.form(**fields))
        assert response.status_code == 400
        assert not PriceRevision.objects.exists()

    def test_a_long_preview_is_paged_at_a_constant_number_of_queries(self, manager, monkeypatch):
        monkeypatch.setattr("catalog.admin.prices.LINES", 4)
        costs = []
        for number in (2, 9):
            for _ in range(number):
                make.product(price=Decimal(100000))
            page = get_location(manager.post(f"{REVISIONS}add/", self.form()))
            with CaptureQueriesContext(connections["catalog"]) as queries:
                shown = manager.get(page)
            costs.append(len(queries))
        assert costs[0] == costs[1]
        assert len(shown.context["lines"]) == 4
        more = manager.get(f"{page}?after={shown.context['next']}")
        assert {line.pk for line in more.context["lines"]}.isdisjoint(line.pk for line in shown.context["lines"])

    def test_prices_to_come_are_seen_added_and_forgotten(self, manager):
        car = make.product(price=Decimal(1000))
        due = timezone.now() + timedelta(days=2)
        form = {"product": str(car.pk), "price": "900", "due_at_0": f"{due:%Y-%m-%d}", "due_at_1": f"{due:%H:%M:%S}"}
        assert manager.post(f"{SCHEDULED}add/", form | {"reason": "sale"}).status_code == 302
        scheduled = ScheduledPrice.objects.get()
        assert (scheduled.actor, scheduled.price) == (str(manager.user.pk), 900)
        assert "sale" in text(manager.get(SCHEDULED))
        assert "sale" in text(manager.get(f"/admin/catalog/product/{car.pk}/change/"))
        past = {"due_at_0": "2020-01-01", "due_at_1": "00:00:00"}
        assert "begins in the future" in text(manager.post(f"{SCHEDULED}add/", form | past))
        cancel = f"{SCHEDULED}{scheduled.pk}/cancel/"
        assert "Forget this price?" in text(manager.get(cancel))
        assert ScheduledPrice.objects.exists()
        manager.post(cancel)
        assert not ScheduledPrice.objects.exists()
        assert manager.post(cancel).status_code == 403


class TestStockTaking:
    def start(self, client, location=""):
        return get_location(client.post(f"{COUNTS}add/", {"location": location}))

    def numbers(self, **counted):
        """The form's fields, by SKU."""
        lines = StockCount.objects.latest("id").lines.select_related("product")
        return {f"counted-{line.pk}": counted[line.product.sku] for line in lines if line.product.sku in counted}

    def test_a_place_is_counted_and_the_books_corrected(self, manager, settings):
        settings.STOCK_FOUR_EYES_ABOVE = 100_000_000
        box = make.product(sku="BOX", kind="accessory", stock=5, location="North")
        car = make.product(sku="CAR", location="North")
        make.product(sku="FAR", location="South")
        assert "North, South" in text(manager.get(f"{COUNTS}add/"))
        page = self.start(manager, "North")
        assert "FAR" not in text(manager.get(page))
        with capture_events("catalog") as events:
            manager.post(page, self.numbers(BOX="3", CAR="0") | {"do": "save"})
            manager.post(page, {"do": "add", "number": "FAR", "quantity": "1"})
        assert events == []
        differing = manager.get(f"{page}?only=differences")
        assert [line.product.sku for line, _shown in differing.context["lines"]] == ["BOX", "CAR"]
        totals = differing.context["totals"]
        assert (totals["differing"], totals["missing"], totals["found"]) == (2, 3, 0)
        with capture_events("catalog") as events:
            manager.post(page, {"do": "confirm", "reason": "year's end"})
        assert events == ["product.updated"] * 3
        for product in (box, car):
            product.refresh_from_db()
        assert (box.on_hand, car.state) == (3, "missing")
        movements = StockMovement.objects.filter(kind="count").values_list("delta", "reason", "actor")
        assert sorted(movements) == [(-2, "year's end", str(manager.user.pk)), (-1, "year's end", str(manager.user.pk))]
        shown = text(manager.get(page))
        assert "books corrected" in shown
        assert "Correct the books" not in shown

    def test_a_page_saves_only_what_was_typed(self, manager):
        make.product(sku="A", kind="accessory", stock=5)
        make.product(sku="B", kind="accessory", stock=5)
        page = self.start(manager)
        lines = {line.product.sku: line for line in StockCount.objects.get().lines.select_related("product")}
        stale = {f"counted-{lines['A'].pk}": "", f"was-{lines['A'].pk}": "", f"counted-{lines['B'].pk}": "4"}
        manager.post(page, self.numbers(A="3") | {"do": "save"})
        manager.post(page, stale | {"do": "save"})
        assert {line.product.sku: line.counted for line in StockCount.objects.get().lines.all()} == {"A": 3, "B": 4}

    @pytest.mark.parametrize("number", ["x", "-1", "1.5", "99999999", "²"])
    def test_a_number_that_is_none_keeps_the_page_and_saves_nothing(self, manager, number):
        make.product(sku="A", kind="accessory", stock=5)
        page = self.start(manager)
        response = manager.post(page, self.numbers(A=number) | {"do": "save"})
        assert response.status_code == 400
        assert f'value="{number}"' in text(response)
        assert StockCount.objects.get().lines.get().counted is None

    def test_refusals_stand_on_the_page(self, manager):
        make.product(sku="A")
        page = self.start(manager)
        assert manager.post(page, {"do": "confirm", "reason": ""}).status_code == 400
        assert manager.post(page, {"do": "add", "number": "", "quantity": "x"}).status_code == 400
        manager.post(page, {"do": "add", "number": "nothing", "quantity": "1"})
        assert StockCount.objects.get().lines.count() == 1
        again = manager.post(f"{COUNTS}add/", {"location": ""})
        assert (again.status_code, "being counted already" in text(again)) == (400, True)
        nowhere = manager.post(f"{COUNTS}add/", {"location": "Nowhere"})
        assert "have nothing there" in text(nowhere)
        assert 'value="Nowhere"' in text(nowhere)
        manager.post(page, {"do": "cancel"})
        assert "given up already" in text(manager.post(page, {"do": "confirm", "reason": "x"}, follow=True))
        assert StockCount.objects.get().status == "cancelled"

    def test_a_long_sheet_is_paged_at_a_constant_number_of_queries(self, manager, monkeypatch):
        monkeypatch.setattr("catalog.admin.counts.LINES", 3)
        costs = []
        for number in (1, 8):
            for _ in range(number):
                make.product(location=f"P{number}")
            page = self.start(manager, f"P{number}")
            with CaptureQueriesContext(connections["catalog"]) as queries:
                shown = manager.get(page)
            costs.append(len(queries))
        assert costs[0] == costs[1]
        second = manager.get(f"{page}?after={shown.context['next']}")
        assert (len(shown.context["lines"]), len(second.context["lines"])) == (3, 3)


def addresses():
    """Every screen with the objects it is about."""
    one = make.product()
    services.start_import(
        file=SimpleUploadedFile("a.csv", b"x"), options=ImportOptions(), actor="x", now=timezone.now()
    )
    rule = PriceRule(PriceStep.PERCENT, Decimal(5))
    revision = services.preview_prices(
        products=[one.pk], rule=rule, currency="RUB", reason="x", actor="x", now=timezone.now()
    )
    sheet = services.start_count(location="", actor="x", now=timezone.now())
    due = timezone.now() + timedelta(days=1)
    scheduled = services.schedule_price(
        product_id=one.pk, price=Decimal(1), due_at=due, reason="", actor="x", now=timezone.now()
    )
    run = Import.objects.get()
    return [
        *(f"{base}{tail}" for base in (IMPORTS, REVISIONS, COUNTS, SCHEDULED) for tail in ("", "add/")),
        *(f"{IMPORTS}{run.pk}/{tail}/" for tail in ("change", "progress", "refused-rows")),
        f"{REVISIONS}{revision.pk}/change/",
        f"{COUNTS}{sheet.pk}/change/",
        f"{SCHEDULED}{scheduled.pk}/cancel/",
    ]


@pytest.mark.parametrize("roles", [(), ("client",)])
def test_whoever_is_no_manager_is_sent_to_sign_in_and_changes_nothing(roles):
    visitor, pages = browser(*roles), addresses()
    before = list(Product.objects.values())
    for page in pages:
        for response in (visitor.get(page), visitor.post(page, {"do": "apply"}), visitor.post(page, {"do": "cancel"})):
            assert (response.status_code, "/admin/login/" in response["Location"]) == (302, True), page
    assert list(Product.objects.values()) == before
    assert PriceRevision.objects.get().status == "draft"
    assert StockCount.objects.get().status == "open"
    assert (Import.objects.count(), ScheduledPrice.objects.count()) == (1, 1)


def test_managers_open_them_all(manager):
    for page in addresses():
        assert manager.get(page).status_code == 200, page


def test_a_form_from_another_site_is_refused():
    client = Client(enforce_csrf_checks=True)
    user = create_user(email="m@example.com", password="correct-horse-battery", roles=("manager",), now=timezone.now())
    client.force_login(user, backend="accounts.backends.EmailBackend")
    page = next(page for page in addresses() if page.startswith(REVISIONS) and "change" in page)
    assert client.post(page, {"do": "apply"}).status_code == 403
    assert PriceRevision.objects.get().status == "draft"


def test_attributes_of_a_category_are_written_by_their_services(manager):
    cars = make.category("Cars")
    page = f"/admin/catalog/category/{cars.pk}/change/"
    row = {"key": "seats", "label": "Seats", "kind": "number", "unit": "", "choices": "[]"}
    base = {"name": "Cars", "slug": "cars", "parent": "", "attributes-TOTAL_FORMS": "1"}

    def send(initial, **fields):
        own = {f"attributes-0-{name}": value for name, value in (row | fields).items()}
        return manager.post(page, base | {"attributes-INITIAL_FORMS": initial} | own, follow=True)

    send("0")
    made = Attribute.objects.get()
    ids = {"id": str(made.pk), "category": str(cars.pk)}
    send("1", **ids, label="Places")
    assert Attribute.objects.get().label == "Places"
    assert "never change" in text(send("1", **ids, kind="text"))
    assert "different short texts" in text(send("1", **ids, choices="[1]")) or "Choices are for" in text(
        send("1", **ids, choices='["a"]')
    )
    assert (Attribute.objects.get().kind, Attribute.objects.get().choices) == ("number", [])
    suv = make.category("SUV", cars)
    page, base = (
        f"/admin/catalog/category/{suv.pk}/change/",
        base | {"name": "SUV", "slug": "suv", "parent": str(cars.pk)},
    )
    assert "has an attribute with this key" in text(send("0"))
    assert Attribute.objects.count() == 1
