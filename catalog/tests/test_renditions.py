"""Renditions are made once, by a worker, of what is kept of the upload; until then and without them that is shown."""

from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from catalog import operations, services
from catalog.models import ProductImage
from catalog.models.images import MOST_RENDERINGS
from catalog.public.pictures import covers, pictures
from catalog.services import renditions
from catalog.tests import make
from core.db import InsideTransaction, transaction
from core.files.kept import picture_files
from core.ids import uuid7
from messaging.delivery import wakeups
from messaging.delivery.work_queues import due_work_queues, run_work_queue

pytestmark = pytest.mark.django_db(databases=["catalog"])
ALL = {"original"} | {f"{name}{kind}" for name in ("small", "medium", "large") for kind in ("", ".avif", ".webp")}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def photograph(width=3000, height=2000, kind="JPEG", mode="RGB", **more):
    output = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(output, kind, **more)
    return BytesIO(output.getvalue())


def send(car=None, **more):
    return services.add_image(product_id=(car or make.product()).pk, file=photograph(**more), now=timezone.now())


def former_image():
    """A picture as it was kept before there were originals: three files of WebP."""
    image = ProductImage(id=uuid7(), product=make.product(), position=1, width=2400, height=1600)
    image.renditions = {
        name: picture_files().save(
            f"products/{image.product_id}/{image.pk}-{name}.webp",
            ContentFile(photograph(width, width * 2 // 3, "WEBP").getvalue()),
        )
        for name, width in (("small", 320), ("medium", 800), ("large", 1600))
    }
    image.created_at = timezone.now()
    image.save()
    return image


def work():
    while run_work_queue(services.RENDER_PICTURES):
        pass


def files():
    from django.conf import settings

    return sorted(str(path.relative_to(settings.MEDIA_ROOT)) for path in Path(settings.MEDIA_ROOT).rglob("*.*"))


def opened(path):
    return Image.open(picture_files().open(path))


def test_an_upload_is_one_file_and_every_width_shows_it_until_a_worker_has_come():
    image = send()
    (path,) = files()
    assert set(image.renditions.items()) == {(name, path) for name in ("original", "small", "medium", "large")}
    (shown,) = pictures(image.product_id)
    assert (shown.width, shown.height, shown.sources) == (2560, 1707, [])
    assert shown.original == shown.urls["medium"] == f"/media/{path}"


def test_the_worker_makes_every_width_in_every_format():
    image = send()
    assert due_work_queues("catalog") == [services.RENDER_PICTURES]
    work()
    assert due_work_queues("catalog") == []
    image.refresh_from_db()
    assert set(image.renditions) == ALL
    assert sorted(image.renditions.values()) == files()
    found = {name: opened(path) for name, path in image.renditions.items()}
    assert {name: (one.format, one.width) for name, one in found.items()} == {
        "original": ("JPEG", 2560),
        **{name: ("JPEG", width) for name, width in (("small", 320), ("medium", 800), ("large", 1600))},
        **{f"{name}.avif": ("AVIF", width) for name, width in (("small", 320), ("medium", 800), ("large", 1600))},
        **{f"{name}.webp": ("WEBP", width) for name, width in (("small", 320), ("medium", 800), ("large", 1600))},
    }
    cover = covers([image.product_id])[image.product_id]
    assert [source.content_type for source in cover.sources] == ["image/avif", "image/webp"]
    assert [part.split()[1] for part in cover.sources[0].srcset.split(", ")] == ["320w", "800w", "1600w"]
    assert [part.split()[1] for part in cover.card_sources[1].srcset.split(", ")] == ["320w", "800w"]


def test_an_address_is_that_of_its_bytes():
    car = make.product()
    first, same, other = send(car), send(car), send(car, height=1000)
    digest = [image.renditions["original"].rpartition("-")[2] for image in (first, same, other)]
    assert digest[0] == digest[1] != digest[2]
    assert len(files()) == 3, "two pictures share a file, and the deletion of one takes the other's"


def test_a_small_picture_is_not_made_larger():
    image = send(width=300, height=200)
    work()
    image.refresh_from_db()
    assert {opened(path).size for path in image.renditions.values()} == {(300, 200)}
    assert [source.srcset.count("300w") for source in pictures(image.product_id)[0].sources] == [1, 1]


def test_all_files_go_with_the_picture(django_capture_on_commit_callbacks):
    image = send()
    work()
    with django_capture_on_commit_callbacks(using="catalog", execute=True):
        services.delete_image(product_id=image.product_id, image_id=image.pk)
    assert files() == []


def test_a_picture_that_goes_while_it_is_rendered_leaves_no_file(django_capture_on_commit_callbacks):
    image = send()
    claimed = services.claim_rendering(now=timezone.now())
    made = services.make_renditions(claimed)
    with django_capture_on_commit_callbacks(using="catalog", execute=True):
        services.delete_image(product_id=image.product_id, image_id=image.pk)
    services.store_renditions(image=claimed, made=made)
    assert files() == []


def test_what_fails_half_way_leaves_the_original_alone(monkeypatch):
    image = send()
    claimed = services.claim_rendering(now=timezone.now())
    made = services.make_renditions(claimed)

    def full(_image, _data, extension):
        if extension == "webp":
            raise OSError("no space left")
        return keep(_image, _data, extension)

    keep = renditions.store_file
    monkeypatch.setattr(renditions, "store_file", full)
    with pytest.raises(OSError, match="no space"):
        services.store_renditions(image=claimed, made=made)
    assert files() == [image.renditions["original"]]


def test_one_that_cannot_be_rendered_is_tried_three_times_and_keeps_no_other_back():
    broken, whole = send(), send()
    Path(picture_files().path(broken.renditions["original"])).write_bytes(b"\xff\xd8\xff and no more")
    work()
    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (set(whole.renditions), broken.renderings) == (ALL, 1)
    now = timezone.now()
    for _ in range(MOST_RENDERINGS - 1):
        now += renditions.LEASE + timedelta(seconds=1)
        assert services.claim_rendering(now=now) == broken
    now += renditions.LEASE + timedelta(seconds=1)
    assert (services.claim_rendering(now=now), services.is_rendering_due(now=now)) == (None, False)
    assert pictures(broken.product_id)[0].urls["large"] == f"/media/{broken.renditions['original']}"


def test_a_claimed_picture_is_nobody_elses_until_its_lease_is_over():
    image, now = send(), timezone.now()
    assert services.claim_rendering(now=now) == image
    assert services.claim_rendering(now=now + renditions.LEASE - timedelta(seconds=1)) is None
    assert services.claim_rendering(now=now + renditions.LEASE) == image


def test_an_original_that_was_put_in_place_by_others_may_not_be_larger(monkeypatch):
    send()
    monkeypatch.setattr(renditions, "MOST_PIXELS", 1000)
    with pytest.raises(ValueError, match="larger than any original"):
        services.make_renditions(services.claim_rendering(now=timezone.now()))


def test_nothing_is_rendered_inside_a_transaction():
    send()
    with pytest.raises(InsideTransaction), transaction("catalog"):
        run_work_queue(services.RENDER_PICTURES)


def test_a_worker_is_woken_once_the_picture_is_there(monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    monkeypatch.setattr(wakeups, "wake_work_queue", woken.append)
    with django_capture_on_commit_callbacks(using="catalog", execute=True):
        send()
    assert woken == [services.RENDER_PICTURES]


def test_the_thread_that_renders_lets_others_go_first(monkeypatch):
    asked = []
    monkeypatch.setattr(operations.os, "setpriority", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(operations.sys, "platform", "linux")
    send()
    work()
    assert [niceness for _, _, niceness in asked] == [operations.BEHIND_OTHERS]


def test_the_command_makes_what_former_pictures_lack_and_keeps_their_files():
    image, known = former_image(), send()
    work()
    before = set(image.renditions.values())
    (shown,) = pictures(image.product_id)
    assert (shown.original, shown.sources) == (shown.urls["large"], [])
    said = StringIO()
    call_command("render_pictures", stdout=said)
    assert said.getvalue() == "1 pictures queued, 0 left\n"
    image.refresh_from_db()
    assert set(image.renditions) == ALL
    assert image.renditions["original"] == image.renditions["large.webp"]
    assert before <= set(image.renditions.values()) <= set(files())
    assert {opened(image.renditions[name]).format for name in ("small", "medium", "large")} == {"JPEG"}
    paths = known.renditions
    known.refresh_from_db()
    assert known.renditions["original"] == paths["original"]
    said = StringIO()
    call_command("render_pictures", stdout=said)
    assert said.getvalue() == "0 pictures queued, 0 left\n"


def test_what_one_can_see_through_is_white():
    image = services.add_image(
        product_id=make.product().pk,
        file=BytesIO(transparent()),
        now=timezone.now(),
    )
    assert opened(image.renditions["original"]).getpixel((5, 5)) == (255, 255, 255)


def transparent():
    output = BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(output, "PNG")
    return output.getvalue()
