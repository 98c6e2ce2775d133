"""The life of a unit: its stages, test drives, pictures and prices to come."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from catalog import handlers, services, tasks
from catalog.errors import InvalidAttributes, VinTaken, WrongStage
from catalog.models import Attribute, PriceChange, Product, ProductImage, ScheduledPrice, Stage
from catalog.tests import make
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from messaging.delivery.work_queues import run_work_queue
from messaging.models import OutboxEvent
from messaging.testing import capture_events, published, receive
from orders.events import OrderCompleted
from showroom.events import DriveEnded, DriveStarted

pytestmark = pytest.mark.django_db(databases=["catalog"])
NOW = timezone.now()
LATER = NOW + timedelta(hours=1)


def sold(product):
    held = make.reservation((product.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
    return held.order_id


def picture(width=1200, height=900, kind="JPEG", **options):
    output = BytesIO()
    Image.new("RGB", (width, height), "red").save(output, kind, **options)
    return output.getvalue()


class TestStages:
    def test_only_a_unit_on_sale_can_be_bought(self):
        car = make.product()
        with capture_events("catalog") as events:
            services.change_stage(product_id=car.pk, stage=Stage.IN_PREPARATION, now=NOW)
        assert events == ["product.updated"]
        car.refresh_from_db()
        assert (car.state, car.available, car.is_available, car.stock_version) == ("in_preparation", 0, False, 2)
        assert make.reservation((car.pk, 1)).reason == "insufficient_stock"
        services.change_stage(product_id=car.pk, stage=Stage.ON_SALE, now=NOW)
        assert make.reservation((car.pk, 1)).status == "held"
        car.refresh_from_db()
        assert car.state == "reserved"

    def test_a_wrong_step_is_refused_with_the_right_ones(self):
        car = make.product()
        with pytest.raises(WrongStage) as refusal:
            services.change_stage(product_id=car.pk, stage=Stage.IN_TRANSIT, now=NOW)
        assert refusal.value.extra["allowed"] == ["in_preparation", "handed_over"]
        with pytest.raises(WrongStage):
            services.change_stage(product_id=car.pk, stage=Stage.HANDED_OVER, now=NOW)
        with pytest.raises(WrongStage):
            services.change_stage(product_id=make.product(kind="service").pk, stage=Stage.IN_TRANSIT, now=NOW)

    def test_a_completed_order_hands_its_car_over_once(self):
        car = make.product()
        order_id = sold(car)
        car.refresh_from_db()
        assert car.state == "sold"
        event = OrderCompleted(order_id=order_id, number="A-1", customer_id=uuid7())
        with capture_events("catalog") as events:
            receive(handlers.hand_over_units, event)
            receive(handlers.hand_over_units, event)
        assert events == ["product.updated"]
        car.refresh_from_db()
        assert car.state == "handed_over"

    def test_a_car_that_its_owner_brings_back_may_be_listed_anew_under_its_vin(self):
        old = make.product(vin=make.VIN)
        services.hand_over(order_id=sold(old), now=NOW)
        with pytest.raises(VinTaken):
            make.product(vin=make.VIN, sku="TWO") and make.product(vin=make.VIN, sku="THREE")
        assert Product.objects.filter(vin=make.VIN).count() == 2
        answer = Api("manager").post(f"/products/{old.pk}/stage", {"stage": "in_preparation"})
        assert (answer.status_code, answer.json()["code"]) == (409, "vin_taken")
        old.refresh_from_db()
        assert old.stage == "handed_over"

    def test_over_http(self):
        car = make.product()
        path = f"/products/{car.pk}/stage"
        answer = Api("manager").post(path, {"stage": "in_preparation"})
        assert (answer.status_code, answer.json()["state"], answer.json()["available"]) == (200, "in_preparation", 0)
        assert Api("manager").post(path, {"stage": "handed_over"}).json()["code"] == "wrong_stage"
        assert Api("manager").post(path, {"stage": "lost"}).status_code == 400
        assert Api("client").post(path, {"stage": "on_sale"}).status_code == 403
        assert Api().post(path, {"stage": "on_sale"}).status_code == 401
        assert Api("manager").post(f"/products/{uuid7()}/stage", {"stage": "on_sale"}).status_code == 404


class TestTestDrives:
    def drive(self, event, car, **more):
        about = {"test_drive_id": uuid7(), "user_id": uuid7(), "car_id": uuid7(), "car_name": "Vesta"}
        return event(**about, product_id=car.pk if car else None, **more)

    def test_a_car_that_is_out_cannot_be_sold_until_it_is_back(self):
        car = make.product()
        receive(handlers.follow_test_drives, self.drive(DriveStarted, car))
        receive(handlers.follow_test_drives, self.drive(DriveStarted, car))
        order, attempt = uuid7(), uuid7()
        for _ in range(2):
            refused = make.reservation((car.pk, 1), order_id=order, attempt_id=attempt)
            assert (refused.status, refused.reason) == ("released", "vehicle_out")
            assert OutboxEvent.objects.using("catalog").order_by("n").last().data["code"] == "vehicle_out"
        receive(handlers.follow_test_drives, self.drive(DriveEnded, car, outcome="returned"))
        receive(handlers.follow_test_drives, self.drive(DriveEnded, car, outcome="returned"))
        assert make.reservation((car.pk, 1)).status == "held"

    def test_one_that_never_came_back_is_not_held_for_ever(self):
        car = make.product()
        services.take_out(product_id=car.pk, now=NOW - timedelta(days=2))
        assert make.reservation((car.pk, 1)).status == "held"

    def test_a_drive_in_a_car_that_is_not_ours_changes_nothing(self):
        receive(handlers.follow_test_drives, self.drive(DriveStarted, None))
        services.take_out(product_id=uuid7(), now=NOW)
        assert published("catalog") == []


class TestImages:
    @pytest.fixture(autouse=True)
    def _media(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path

    def send(self, car, data, caller=None, **fields):
        caller = caller or Api("manager")
        file = SimpleUploadedFile("car.jpg", data)
        return caller.client.post(f"/api/v1/products/{car.pk}/images", {"file": file, **fields}, headers=caller.headers)

    def test_a_picture_is_kept_upright_and_without_metadata_and_shown_in_three_widths(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "A camera that says where it was"
        car = make.product()
        answer = self.send(car, picture(2000, 1000, exif=exif), alt="From the left")
        assert answer.status_code == 201, answer.content
        shown = answer.json()
        assert (shown["width"], shown["height"], shown["alt"], shown["position"]) == (1000, 2000, "From the left", 1)
        assert set(shown["urls"]) == {"original", "small", "medium", "large"}
        with Image.open(tmp_path / shown["urls"]["original"].removeprefix("/media/")) as original:
            assert (original.format, original.size, dict(original.getexif())) == ("JPEG", (1000, 2000), {})
        run_work_queue(services.RENDER_PICTURES)
        (rendered,) = Api().get(f"/products/{car.pk}/images").json()
        with Image.open(tmp_path / rendered["urls"]["small.avif"].removeprefix("/media/")) as small:
            assert (small.format, small.size, dict(small.getexif())) == ("AVIF", (320, 640), {})

    def test_pictures_are_ordered_shown_to_all_and_deleted_with_their_files(self, tmp_path):
        car = make.product()
        first, second = (self.send(car, picture(kind=kind)).json() for kind in ("PNG", "WEBP"))
        path = f"/products/{car.pk}/images"
        assert [one["id"] for one in Api().get(path).json()] == [first["id"], second["id"]]
        put = Api("manager").put(path, {"image_ids": [second["id"]]})
        assert [one["id"] for one in put.json()] == [second["id"], first["id"]]
        assert Api("manager").delete(f"{path}/{first['id']}").status_code == 204
        assert Api("manager").delete(f"{path}/{first['id']}").status_code == 404
        assert [one["id"] for one in Api().get(path).json()] == [second["id"]]

    @pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", picture()[:300], picture(kind="BMP")])
    def test_what_is_no_picture_is_refused(self, data):
        assert self.send(make.product(), data).status_code == 400
        assert not ProductImage.objects.exists()

    def test_giants_and_too_many_are_refused(self, monkeypatch):
        car = make.product()
        monkeypatch.setattr("catalog.services.pictures.MAX_PIXELS", 1000)
        assert self.send(car, picture()).json()["errors"][0]["code"] == "invalid_image"
        monkeypatch.setattr("catalog.services.pictures.MAX_PIXELS", 10**7)
        monkeypatch.setattr("catalog.services.pictures.MAX_IMAGES", 0)
        assert self.send(car, picture()).json()["code"] == "too_many_images"

    def test_others_change_nothing(self):
        car = make.product()
        for caller, status in ((Api(), 401), (Api("client"), 403)):
            assert self.send(car, picture(), caller).status_code == status
            assert caller.put(f"/products/{car.pk}/images", {"image_ids": []}).status_code == status
            assert caller.delete(f"/products/{car.pk}/images/{uuid7()}").status_code == status
        assert not ProductImage.objects.exists()
        assert Api().get(f"/products/{uuid7()}/images").status_code == 404


class TestPrices:
    def test_a_scheduled_price_holds_from_its_moment_on(self):
        car, api = make.product(price=Decimal(1000000)), Api("manager")
        path = f"/products/{car.pk}/scheduled-prices"
        due = {"price": "950000.00", "due_at": LATER.isoformat(), "reason": "autumn sale"}
        answer = api.post(path, due)
        assert (answer.status_code, answer.json()["applied_at"]) == (201, None)
        services.apply_scheduled_prices(now=NOW)
        assert not PriceChange.objects.exists()
        with capture_events("catalog") as events:
            assert services.apply_scheduled_prices(now=LATER) == 1
            assert services.apply_scheduled_prices(now=LATER) == 0
        assert events == ["product.updated"]
        (change,) = api.get(f"/products/{car.pk}/prices").json()["results"]
        assert (change["old_price"], change["new_price"], change["reason"]) == (
            "1000000.00",
            "950000.00",
            "autumn sale",
        )
        assert change["actor"] == str(api.user_id)
        assert api.get(path).json()["results"][0]["applied_at"] is not None

    def test_a_price_to_come_can_be_taken_back(self):
        car = make.product()
        scheduled = services.schedule_price(
            product_id=car.pk, price=Decimal(1), due_at=LATER, reason="", actor="x", now=NOW
        )
        path = f"/products/{car.pk}/scheduled-prices/{scheduled.pk}"
        assert Api("client").delete(path).status_code == 403
        assert Api().delete(path).status_code == 401
        assert Api("manager").delete(path).status_code == 204
        assert Api("manager").delete(path).status_code == 404
        tasks.apply_scheduled_prices()
        assert not ScheduledPrice.objects.exists()

    def test_the_past_and_others_are_refused(self):
        car = make.product()
        with pytest.raises(InvalidInput):
            services.schedule_price(product_id=car.pk, price=Decimal(1), due_at=NOW, reason="", actor="x", now=NOW)
        for caller, status in ((Api(), 401), (Api("client"), 403)):
            for path in ("prices", "scheduled-prices"):
                assert caller.get(f"/products/{car.pk}/{path}").status_code == status
        assert Api("manager").get(f"/products/{uuid7()}/prices").status_code == 404
        assert Api("manager").post(f"/products/{car.pk}/scheduled-prices", {}).status_code == 400


def test_attributes_are_typed_by_the_category_and_those_above():
    cars = make.category("Cars")
    suv = make.category("SUV", cars)
    Attribute.objects.create(category=cars, key="seats", label="Seats", kind="number", is_required=True)
    Attribute.objects.create(category=suv, key="hitch", label="Hitch", kind="yes_no")
    Attribute.objects.create(category=suv, key="wheel", label="Wheel", kind="choice", choices=["left", "right"])
    for wrong in ({}, {"seats": "five"}, {"seats": 5, "hitch": "yes"}, {"seats": 5, "wheel": "middle"}):
        with pytest.raises(InvalidAttributes):
            make.product(category_id=suv.pk, attributes=wrong)
    assert make.product(category_id=suv.pk, attributes={"seats": 5, "hitch": True, "wheel": "left", "free": "x"})
