"""Photos from elsewhere, noted with the product that names them; a worker fetches them later."""

from collections.abc import Sequence
from datetime import datetime

from catalog.models import OutsidePhoto, PhotoHost, PhotoState, Product
from catalog.providers.photos import parse_host
from catalog.services.pictures import drop_image

AT_ONCE = 500


def queue_photos(products: Sequence[Product], *, now: datetime) -> None:
    """Note that the photos of these products are to be fetched; the address of each is new to us.

    Called in the transaction that writes the products. An address without a host is refused at once.
    """
    named = [(product, parse_host(product.image_url)) for product in products if product.image_url]
    if not named:
        return
    hosts = sorted({host for _, host in named if host})
    PhotoHost.objects.bulk_create([PhotoHost(host=host, next_at=now) for host in hosts], ignore_conflicts=True)
    photos = []
    for product, host in named:
        photo = OutsidePhoto(product=product, address=product.image_url, host=host, asked_at=now)
        photo.renew(now=now)
        if not host:
            photo.record_refused("This is not a URL.", now=now)
        photos.append(photo)
    OutsidePhoto.objects.bulk_create(
        photos,
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["product"],
        update_fields=["address", "host", "state", "attempts", "next_at", "error", "asked_at", "finished_at"],
    )


def follow_photo(product: Product, *, now: datetime) -> None:
    """The address of a locked product's photo was changed, or taken away, and then its picture goes with it."""
    if product.image_url:
        queue_photos([product], now=now)
        return
    photo = OutsidePhoto.objects.select_for_update().filter(product=product).first()
    if photo is not None:
        photo.delete()
        if photo.image is not None:
            drop_image(photo.image)


def forget_waiting_photo(product: Product) -> None:
    """A product that left the catalogue needs no photo any more."""
    OutsidePhoto.objects.filter(product=product, state=PhotoState.WAITING).delete()
