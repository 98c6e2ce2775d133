"""Fetching photos from elsewhere: claimed by host, each host at its pace, and kept as pictures of our own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery

from catalog.errors import InvalidImage, TooManyImages, UnknownProduct
from catalog.models import OutsidePhoto, PhotoHost, PhotoState
from catalog.providers.photos import TIMEOUT_S
from catalog.services.pictures import new_picture, place_image
from catalog.services.products import lock_product
from core.db import transaction
from core.errors import NotFound

FETCH_PHOTOS = "catalog.fetch_photos"
LEASE = timedelta(seconds=2 * TIMEOUT_S)


@dataclass(frozen=True)
class Wanted:
    """A photo that is ours to fetch now."""

    photo_id: UUID
    address: str
    host: str


class _Overtaken(Exception):
    """The product names another photo by now, or none."""


def is_photo_due(*, now: datetime) -> bool:
    """Tell whether a photo may be fetched now."""
    return settings.PHOTOS_PER_MINUTE > 0 and _ready(now).exists()


def claim_photos(*, limit: int, busy: Collection[str] = (), now: datetime) -> list[Wanted]:
    """Photos to be fetched now, one of each host that is not busy; nobody else gets them before their lease is over.

    One that no worker survived so often that its tries are used up is parked.
    """
    if limit <= 0 or settings.PHOTOS_PER_MINUTE <= 0:
        return []
    claimed = []
    pause = timedelta(seconds=60 / settings.PHOTOS_PER_MINUTE)
    with transaction("catalog"):
        ready = _ready(now).exclude(host__in=busy).order_by("next_at", "host")
        for host in ready.select_for_update(skip_locked=True, of=("self",))[:limit]:
            photo = OutsidePhoto.objects.select_for_update().get(pk=host.photo_id)  # type: ignore[attr-defined]
            if photo.is_tried_out:
                photo.park("No worker survived it.", now=now)
            else:
                photo.lease(until=now + LEASE)
                claimed.append(Wanted(photo.pk, photo.address, photo.host))
            photo.save()
            host.next_at = now + pause
            host.save(update_fields=["next_at"])
    return claimed


def _ready(now: datetime) -> QuerySet[PhotoHost]:
    """Hosts that may be asked, each with the photo that waits longest as `photo_id`."""
    waiting = OutsidePhoto.objects.filter(host=OuterRef("host"), state=PhotoState.WAITING, next_at__lte=now)
    first = Subquery(waiting.order_by("next_at").values("pk")[:1])
    return PhotoHost.objects.filter(next_at__lte=now).annotate(photo_id=first).filter(photo_id__isnull=False)


def store_photo(*, wanted: Wanted, data: bytes, now: datetime) -> None:
    """A photo has come: it becomes a picture of its product, in the place of the one it follows.

    What came for an address that the product does not name any more is thrown away. Bytes that are no picture, or
    one too many, refuse the photo.
    """
    photo = OutsidePhoto.objects.filter(pk=wanted.photo_id).first()
    if photo is None:
        return
    try:
        with new_picture(product_id=photo.product_id, file=BytesIO(data), now=now) as image, transaction("catalog"):
            lock_product(photo.product_id)
            photo = _waiting(wanted)
            if photo is None:
                raise _Overtaken
            place_image(image, instead_of=photo.image)
            photo.record_fetched(image.pk, now=now)
            photo.save()
            _record_answer(wanted.host)
    except (_Overtaken, UnknownProduct):
        return
    except (InvalidImage, TooManyImages) as error:
        refuse_photo(wanted=wanted, error=str(error.detail), now=now)


def refuse_photo(*, wanted: Wanted, error: str, now: datetime) -> None:
    """The host has no photo for us at this address."""
    with transaction("catalog"):
        photo = _waiting(wanted)
        if photo is not None:
            photo.record_refused(error, now=now)
            photo.save()
        _record_answer(wanted.host)


def postpone_photo(*, wanted: Wanted, error: str, wait_s: float | None, now: datetime) -> None:
    """The host did not serve us: the photo is tried later, or parked, and the host left alone for a while."""
    with transaction("catalog"):
        photo = _waiting(wanted)
        if photo is not None:
            photo.record_silence(error, now=now)
            photo.save()
        host = PhotoHost.objects.select_for_update().get(pk=wanted.host)
        host.record_silence(wait_s=wait_s, now=now)
        host.save()


def fetch_again(*, photo_id: UUID, now: datetime) -> OutsidePhoto:
    """Fetch a photo anew, whatever became of it; its picture is replaced once it has come. Raises NotFound."""
    with transaction("catalog"):
        photo: OutsidePhoto | None = OutsidePhoto.objects.select_for_update().filter(pk=photo_id).first()
        if photo is None or not photo.host:
            raise NotFound
        photo.renew(now=now)
        photo.save()
    return photo


def _waiting(wanted: Wanted) -> OutsidePhoto | None:
    """The photo, locked, if it is still the one that was fetched."""
    photo: OutsidePhoto | None = (
        OutsidePhoto.objects.select_for_update(of=("self",))
        .select_related("image")
        .filter(pk=wanted.photo_id, address=wanted.address, state=PhotoState.WAITING)
        .first()
    )
    return photo


def _record_answer(host: str) -> None:
    PhotoHost.objects.filter(pk=host, failures__gt=0).update(failures=0)
