"""Products: created, edited, deleted and read over HTTP."""

from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from catalog import public, services
from catalog.api.serializers import ProductSerializer
from catalog.models import PriceChange, Product, ProductSearch, StockMovement
from catalog.tests import make
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["catalog"])
CAR = {
    "sku": "CAR-1", "name": "Toyota Camry 2021", "kind": "vehicle", "price": "3150000.00", "make": "Toyota",
    "model": "Camry", "year": 2021, "vin": make.VIN, "mileage": 42000, "condition": "used",
}  # fmt: skip


def refused(response, status, code):
    problem = response.json()
    assert response.status_code == status, problem
    assert code == (problem["errors"][0]["code"] if problem["errors"] else problem["code"])
    return problem


class TestCreating:
    @pytest.mark.parametrize(("vin", "codes"), [("5TDXZ3DC2KS015402", []), ("5TDXZ3DC3KS015402", ["vin_check_digit"])])
    def test_a_wrong_check_digit_warns_and_never_refuses(self, vin, codes):
        created = Api("manager").post("/products", CAR | {"vin": vin})
        assert created.status_code == 201, created.content
        changed = Api("manager").patch(f"/products/{created.json()['id']}", {"price": "3100000.00"})
        for answer in (created, changed):
            assert [one["code"] for one in answer.json()["warnings"]] == codes

    def test_a_manager_adds_a_car(self):
        response = Api("manager").post("/products", CAR)
        assert response.status_code == 201, response.content
        car = response.json()
        assert (car["stock"], car["available"], car["price"], car["currency"]) == (1, 1, "3150000.00", "RUB")
        assert response["ETag"] == '"1"'
        staffs = ("vat_kind", "vat_ground", "margin_cost", "marking", "cost", "warnings")
        for_staff = {name: car[name] for name in staffs}
        assert (car["vat_kind"], car["margin_cost"]) == ("", None)
        assert Api().get(f"/products/{car['id']}").json() | for_staff == car
        event = OutboxEvent.objects.using("catalog").get()
        assert event.type == "product.created"
        assert event.data["available"] == event.data["stock_version"] == event.data["version_number"] == 1
        assert StockMovement.objects.get().kind == "initial"

    def test_every_declared_field_is_rendered(self):
        product = make.product()
        assert set(ProductSerializer(product).data) == set(ProductSerializer.Meta.fields)

    def test_the_same_key_adds_one(self):
        key = {"Idempotency_Key": "one"}
        api = Api("manager")
        first, second = api.post("/products", CAR, **key), api.post("/products", CAR, **key)
        assert first.json() == second.json()
        assert second["Idempotent-Replayed"] == "true"
        assert Product.objects.count() == 1
        refused(api.post("/products", CAR | {"price": 5}, **key), 422, "idempotency_key_reused")

    def test_a_service_has_no_stock_and_is_always_available(self):
        body = {"sku": "SRV", "name": "Coating", "kind": "service", "price": 39000}
        service = Api("manager").post("/products", body).json()
        assert service["stock"] == 0
        assert service["available"] > 1000
        refused(Api("manager").post("/products", body | {"sku": "SRV2", "stock": 3}), 400, "stock_not_tracked")

    def test_cyrillic_letters_in_a_vin_are_read_as_latin(self):
        car = Api("manager").post("/products", CAR | {"vin": " хтаGFK330JY144213 ".replace("х", "Х")}).json()
        assert car["vin"] == make.VIN

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"sku": "CAR-2"}, "vin_taken"),
            ({"vin": ""}, "sku_taken"),
        ],
    )
    def test_what_names_another_product_is_a_conflict(self, change, code):
        Api("manager").post("/products", CAR)
        with capture_events("catalog") as events:
            refused(Api("manager").post("/products", CAR | change), 409, code)
        assert Product.objects.count() == 1
        assert events == []

    def test_a_vin_is_free_again_when_the_car_is_off_sale(self):
        car = Api("manager").post("/products", CAR).json()
        Api("manager").patch(f"/products/{car['id']}", {"is_active": False})
        again = Api("manager").post("/products", CAR | {"sku": "CAR-2"})
        assert again.status_code == 201
        refused(Api("manager").patch(f"/products/{car['id']}", {"is_active": True}), 409, "vin_taken")

    @pytest.mark.parametrize(
        ("change", "field", "code"),
        [
            ({"price": -1}, "price", "min_value"),
            ({"price": "1.234"}, "price", "max_decimal_places"),
            ({"price": "NaN"}, "price", "invalid"),
            ({"price": None}, "price", "null"),
            ({"price": 10**15}, "price", "max_digits"),
            ({"kind": "boat"}, "kind", "invalid_choice"),
            ({"currency": "rub"}, "currency", "invalid"),
            ({"stock": -1}, "stock", "min_value"),
            ({"stock": 10**9}, "stock", "max_value"),
            ({"year": 1899}, "year", "min_value"),
            ({"year": 2999}, "year", "invalid"),
            ({"mileage": -5}, "mileage", "min_value"),
            ({"vin": "SHORT"}, "vin", "invalid_vin"),
            ({"vin": "XTAGFK330JY14421O"}, "vin", "invalid_vin"),
            ({"category_id": "01900000-0000-7000-8000-000000000000"}, "category_id", "unknown_category"),
            ({"image_url": "javascript:alert(1)"}, "image_url", "invalid"),
            ({"attributes": ["x"]}, "attributes", "not_a_dict"),
            ({"attributes": {"a": "\x00"}}, "attributes", "invalid"),
            ({"name": "a\x00b"}, "name", "null_characters_not_allowed"),
            ({"reserved": 5}, "reserved", "unknown_field"),
        ],
    )
    def test_bad_input_is_refused(self, change, field, code):
        problem = refused(Api("manager").post("/products", CAR | change), 400, code)
        assert problem["errors"][0]["field"] == field
        assert not Product.objects.exists()
        assert published("catalog") == []

    def test_broken_json_is_refused(self):
        response = Api("manager").client.post(
            "/api/v1/products",
            data=b'{"sku": ',
            content_type="application/json",
            headers=Api("manager").headers,
        )
        assert response.status_code == 400
        assert not Product.objects.exists()


class TestEditing:
    def test_a_new_price_is_kept_in_the_history(self):
        product = make.product(price=Decimal("100.00"))
        api = Api("manager")
        with capture_events("catalog") as events:
            response = api.patch(f"/products/{product.pk}", {"price": "90.5", "price_reason": "end of the season"})
        assert (response.json()["price"], response.json()["version"]) == ("90.50", 2)
        change = PriceChange.objects.get()
        assert (change.old_price, change.new_price, change.actor) == (100, Decimal("90.50"), str(api.user_id))
        assert change.reason == "end of the season"
        assert events == ["product.updated"]

    def test_changing_nothing_changes_nothing(self):
        product = make.product(price=Decimal("100.00"))
        with capture_events("catalog") as events:
            response = Api("manager").patch(f"/products/{product.pk}", {"price": 100, "name": product.name})
        assert response.json()["version"] == 1
        assert events == []

    def test_if_match_is_honoured(self):
        product = make.product()
        path = f"/products/{product.pk}"
        refused(Api("manager").patch(path, {"name": "X"}, If_Match='"7"'), 412, "stale_version")
        refused(Api("manager").delete(path, If_Match='"7"'), 412, "stale_version")
        assert Api("manager").patch(path, {"name": "X"}, If_Match='"1"').status_code == 200

    @pytest.mark.parametrize("body", [{"stock": 5}, {"kind": "service"}, {"on_hand": 5}])
    def test_stock_and_kind_are_not_edited(self, body):
        product = make.product()
        refused(Api("manager").patch(f"/products/{product.pk}", body), 400, "unknown_field")
        product.refresh_from_db()
        assert (product.on_hand, product.kind, product.version) == (1, "vehicle", 1)

    def test_a_deleted_product_is_gone_and_its_history_stays(self):
        product = make.product(sku="GONE", vin=make.VIN)
        with capture_events("catalog") as events:
            assert Api("manager").delete(f"/products/{product.pk}").status_code == 204
        assert events == ["product.deleted"]
        refused(Api("manager").get(f"/products/{product.pk}"), 404, "not_found")
        refused(Api("manager").delete(f"/products/{product.pk}"), 404, "not_found")
        assert StockMovement.objects.filter(product=product).exists()
        assert make.product(sku="GONE", vin=make.VIN).pk != product.pk

    def test_a_reserved_product_is_not_deleted(self):
        product = make.product()
        make.reservation((product.pk, 1))
        with capture_events("catalog") as events:
            refused(Api("manager").delete(f"/products/{product.pk}"), 409, "product_reserved")
        assert events == []

    @pytest.mark.parametrize(("caller", "status"), [(Api, 401), (lambda: Api("client"), 403)])
    def test_others_write_nothing(self, caller, status):
        product = make.product()
        before = published("catalog")
        path = f"/products/{product.pk}"
        for method, where, body in (
            ("post", "/products", CAR), ("patch", path, {"price": 1}), ("delete", path, None),
            ("post", f"{path}/stock", {"delta": 5, "reason": "x"}),
        ):  # fmt: skip
            assert caller().request(method, where, body).status_code == status
        assert caller().get(f"{path}/stock-movements").status_code == status
        product.refresh_from_db()
        assert (Product.objects.count(), product.version, product.on_hand) == (1, 1, 1)
        assert published("catalog") == before


class TestStock:
    def test_a_manager_counts_in_and_sees_the_movements(self):
        product = make.product(kind="accessory", stock=2)
        api = Api("manager")
        response = api.post(f"/products/{product.pk}/stock", {"delta": 3, "reason": "delivery"})
        assert (response.status_code, response.json()["stock"], response.json()["available"]) == (200, 5, 5)
        rows = api.get(f"/products/{product.pk}/stock-movements/").json()["results"]
        assert [(row["delta"], row["on_hand_after"], row["kind"]) for row in rows] == [
            (3, 5, "manual"), (2, 2, "initial"),
        ]  # fmt: skip
        assert rows[0]["actor"] == str(api.user_id)

    def test_stock_is_never_below_zero(self):
        product = make.product(stock=2)
        with capture_events("catalog") as events:
            problem = refused(
                Api("manager").post(f"/products/{product.pk}/stock", {"delta": -3, "reason": "x"}),
                409,
                "insufficient_stock",
            )
        assert problem["available"] == 2
        assert events == []

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "required"),
            ({"delta": 0, "reason": "x"}, "invalid"),
            ({"delta": 10**9, "reason": "x"}, "max_value"),
            ({"delta": "many", "reason": "x"}, "invalid"),
            ({"delta": 1}, "required"),
        ],
    )
    def test_bad_input_is_refused(self, body, code):
        product = make.product()
        refused(Api("manager").post(f"/products/{product.pk}/stock", body), 400, code)
        assert StockMovement.objects.count() == 1

    def test_the_same_key_counts_once(self):
        product, api = make.product(stock=1), Api("manager")
        for _ in range(2):
            api.post(f"/products/{product.pk}/stock", {"delta": 1, "reason": "x"}, Idempotency_Key="k")
        product.refresh_from_db()
        assert product.on_hand == 2

    def test_an_unknown_product_is_404(self):
        refused(Api("manager").post(f"/products/{uuid7()}/stock", {"delta": 1, "reason": "x"}), 404, "not_found")
        refused(Api("manager").get(f"/products/{uuid7()}/stock-movements"), 404, "not_found")


class TestReading:
    def names(self, query="", api=None):
        response = (api or Api()).get(f"/products?{query}")
        assert response.status_code == 200, response.content
        return [item["name"] for item in response.json()["results"]]

    def test_anyone_sees_what_is_on_sale_newest_first(self):
        first, second = make.product(name="First"), make.product(name="Second")
        services.update_product(product_id=first.pk, is_active=False, actor="x", now=timezone.now())
        assert self.names() == ["Second"]
        refused(Api("client").get(f"/products/{first.pk}"), 404, "not_found")
        assert self.names("", Api("manager")) == ["Second", "First"]
        assert self.names("is_active=false", Api("manager")) == ["First"]
        assert Api("manager").get(f"/products/{first.pk}").status_code == 200
        assert Api().get(f"/products/{second.pk}/").status_code == 200

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("make=bmw", "x5 x3"),
            ("make=BMW&model=x3", "x3"),
            ("year_min=2020", "x5 rio"),
            ("year_max=2019", "x3"),
            ("price_min=2000000", "x5 x3"),
            ("price_max=1999999.99", "rio mats coat"),
            ("mileage_max=10000", "rio"),
            ("condition=new", "rio"),
            ("kind=accessory", "mats"),
            ("in_stock=true", "x5 rio mats coat"),
            ("in_stock=false", "x3"),
            ("vin=xtagfk330jy144213", "x5"),
            ("name=X5", "x5"),
            ("name=+RIO+", "rio"),
            ("name=ri", ""),
            ("name=%25", ""),
            ("name=+", "x5 x3 rio mats coat"),
            ("vin=JY1442", "x5"),
            ("ordering=price", "mats coat rio x3 x5"),
            ("ordering=-price", "x5 x3 rio coat mats"),
            ("ordering=year", "mats coat x3 x5 rio"),
            ("ordering=-created_at", "coat mats rio x3 x5"),
            ("ordering=relevance", "coat mats rio x3 x5"),
            ("q=дизель", "x5 x3"),
            ("q=bmw", "x5 x3"),
            ("q=БМВ", "x5 x3"),
            ("q=внедорожники+чёрные", "x5"),
            ("q=bmw+x", "x5 x3"),
            ("q=рио", "rio"),
            ("q=kia+roi", "rio"),
            ("q=коврик", "mats"),
            ("q=резиновых", "mats"),
            ("q=144213", "x5"),
            ("q=xtagfk33", "x5"),
            ("q=%27%22%3A*+%26+%7C+%21", ""),
        ],
    )
    def test_filters_search_and_order(self, query, expected):
        make.product(
            name="x5", make="BMW", model="X5", year=2021, price=Decimal(9000000), mileage=50000, condition="used",
            body="внедорожник", color="чёрный", fuel="дизель", vin=make.VIN,
        )  # fmt: skip
        make.product(
            name="x3", make="BMW", model="X3", year=2019, price=Decimal(4000000), mileage=90000, condition="used",
            body="внедорожник", color="белый", fuel="дизель", stock=0,
        )  # fmt: skip
        make.product(
            name="rio", make="Kia", model="Rio", year=2024, price=Decimal(1500000), mileage=10, condition="new",
            body="седан", fuel="бензин",
        )  # fmt: skip
        make.product(name="mats", kind="accessory", price=Decimal(5000), description="Коврик резиновый", stock=3)
        make.product(name="coat", kind="service", price=Decimal(39000))
        found = self.names(query)
        wanted = expected.split()
        assert found == wanted if "ordering" in query else sorted(found) == sorted(wanted)

    def test_a_category_includes_everything_below(self):
        cars = make.category("Cars")
        suv = make.category("SUV", cars)
        make.product(name="in", category_id=suv.pk)
        make.product(name="out", category_id=make.category("Other").pk)
        assert self.names(f"category={cars.pk}") == ["in"]
        assert self.names(f"category={uuid7()}") == []

    def test_a_category_by_itself_has_nothing_from_below(self):
        cars = make.category("Cars")
        make.product(name="here", category_id=cars.pk)
        make.product(name="below", category_id=make.category("SUV", cars).pk)
        assert self.names(f"category_exact={cars.pk}") == ["here"]
        assert self.names(f"category={cars.pk}&category_exact={cars.pk}&name=HERE") == ["here"]
        assert self.names(f"category_exact={uuid7()}") == []

    def test_a_name_is_found_by_its_index(self):
        found = ProductSearch(name="Rio").apply(Product.objects.all()).values("id")
        sql, values = found.query.get_compiler("catalog").as_sql()
        with transaction("catalog"), connections["catalog"].cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", values)
            assert "product_by_name" in str(cursor.fetchall())

    @pytest.mark.parametrize(
        "query",
        [
            "colour=red", "ordering=name", "page_size=0", "page_size=101", "cursor=garbage", "year_min=abc",
            "price_min=-1", "price_max=1e400", "year_min=99999999999", "condition=broken", "in_stock=maybe",
            "category=7", "q=%00", "kind=boat",
        ],
    )  # fmt: skip
    def test_what_is_not_understood_is_refused(self, query):
        assert Api().get(f"/products?{query}").status_code == 400

    @pytest.mark.parametrize("ordering", ["price", "-price", "year", "-created_at", "relevance", ""])
    @pytest.mark.parametrize("text", ["", "vesta"])
    def test_pages_show_each_product_once(self, ordering, text):
        for number in range(11):
            make.product(price=Decimal(1000 + number // 4), year=2020 + number // 4 if number % 3 else None)
        path, seen = f"/products?page_size=3&ordering={ordering}&q={text}", []
        while path:
            page = Api().get(path.removeprefix("http://testserver/api/v1")).json()
            seen += [item["id"] for item in page["results"]]
            path = page["next"]
        assert len(seen) == len(set(seen)) == 11

    def test_a_page_costs_the_same_whatever_its_size(self, django_assert_num_queries):
        for _ in range(12):
            make.product()
        for size in (5, 12):
            with django_assert_num_queries(1, using="catalog"):
                assert len(self.names(f"page_size={size}")) == size

    def test_facets_count_under_the_same_filters(self):
        suv = make.category("SUV")
        make.product(make="BMW", year=2021, price=Decimal(9000000), body="suv", fuel="diesel", category_id=suv.pk)
        make.product(make="BMW", year=2020, price=Decimal(900000), body="sedan", fuel="diesel", condition="used")
        make.product(make="Kia", year=2020, price=Decimal(900000), body="sedan", fuel="petrol")
        facets = Api().get("/products/facets?make=bmw").json()
        counts = {name: {item["value"]: item["count"] for item in values} for name, values in facets.items()}
        assert counts == {
            "make": {"BMW": 2, "Kia": 1},
            "year": {"2021": 1, "2020": 1},
            "price": {"500000-1000000": 1, "5000000-10000000": 1},
            "condition": {"used": 1},
            "category": {str(suv.pk): 1},
            "body": {"suv": 1, "sedan": 1},
            "fuel": {"diesel": 2},
            "transmission": {},
            "drive": {},
            "color": {},
        }
        assert facets["category"][0]["label"] == "SUV"
        assert Api().get("/products/facets?colour=red").status_code == 400
        assert Api().get("/products/facets?year_min=x").status_code == 400
        assert Api().get("/products/facets?q=nothing").status_code == 200


class TestPublic:
    def test_pages_follow_their_marks(self):
        for number in range(7):
            make.product(price=Decimal(100 + number // 3), year=2000 + number // 3, mileage=number // 2)
        search = public.ProductSearch(q="vesta")
        for ordering in public.ORDERINGS:
            seen, mark = [], ""
            while True:
                page = public.search_products(search, ordering=ordering, after=mark, limit=2)
                seen += [item.id for item in page.items]
                mark = page.next
                if not mark:
                    break
            assert len(seen) == len(set(seen)) == 7, ordering

    @pytest.mark.parametrize("mark", ["x", "====", "bnVsbA==", "WyJwcmljZSIsIk5hTiIsIjEiXQ=="])
    def test_a_broken_mark_starts_at_the_first_page(self, mark):
        make.product()
        assert len(public.search_products(public.ProductSearch(), ordering="price", after=mark).items) == 1

    def test_one_and_the_latest(self):
        sold_out, car = make.product(stock=0), make.product()
        assert public.get_product(car.pk).available == 1
        assert public.get_product(uuid7()) is None
        assert [item.id for item in public.latest()] == [car.pk]
        assert set(public.get_products([sold_out.pk, car.pk])) == {sold_out.pk, car.pk}
