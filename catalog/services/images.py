"""Pictures of products, as managers add, order and delete them."""

from collections.abc import Mapping
from datetime import datetime
from typing import IO
from uuid import UUID

from django.utils.translation import gettext as _

from catalog.models import ProductImage
from catalog.queries.cache import forget_products
from catalog.services.pictures import drop_image, new_picture, place_image
from catalog.services.products import lock_product
from core.db import transaction
from core.errors import InvalidInput, NotFound


def add_image(*, product_id: UUID, file: IO[bytes], alt: str = "", now: datetime) -> ProductImage:
    """Add a picture behind the others. Raises UnknownProduct, InvalidImage, TooManyImages."""
    with new_picture(product_id=product_id, file=file, alt=alt, now=now) as image, transaction("catalog"):
        lock_product(product_id)
        place_image(image)
    return image


def delete_image(*, product_id: UUID, image_id: UUID) -> None:
    """Take a picture and its files away. Raises NotFound."""
    with transaction("catalog"):
        image = ProductImage.objects.filter(pk=image_id, product_id=product_id).first()
        if image is None:
            raise NotFound
        drop_image(image)


def order_images(*, product_id: UUID, image_ids: list[UUID]) -> list[ProductImage]:
    """Put the pictures of a product in a new order; those not named come last.

    Raises UnknownProduct, and InvalidInput for what is no picture of it.
    """
    with transaction("catalog"):
        product = lock_product(product_id)
        places = {pk: number for number, pk in enumerate(image_ids)}
        images = list(ProductImage.objects.filter(product=product).order_by("position", "id"))
        if strange := [places[pk] for pk in places.keys() - {image.pk for image in images}]:
            field = f"image_ids.{min(strange)}"
            raise InvalidInput(field, "unknown_picture", _("The product has no such picture."))
        images.sort(key=lambda image: places.get(image.pk, len(places)))
        for number, image in enumerate(images, 1):
            image.position = number
        ProductImage.objects.bulk_update(images, ["position"])
        forget_products()
    return images


def describe_images(*, product_id: UUID, texts: Mapping[UUID, str]) -> None:
    """Say in words what pictures of a product show, for who cannot see them; others keep their words.

    Raises UnknownProduct, and InvalidInput for more than 200 characters.
    """
    longest = ProductImage._meta.get_field("alt").max_length or 0
    with transaction("catalog"):
        images = list(ProductImage.objects.filter(product=lock_product(product_id), pk__in=texts))
        for image in images:
            image.alt = texts[image.pk].strip()
            if len(image.alt) > longest:
                raise InvalidInput(
                    "alt", "max_length", _("A description has at most %(most)s characters.") % {"most": longest}
                )
        ProductImage.objects.bulk_update(images, ["alt"])
        forget_products()
