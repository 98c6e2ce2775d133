"""Pictures of products: read safely, stripped of what cameras add, kept in three widths."""

from datetime import datetime
from io import BytesIO
from typing import IO, Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from catalog.errors import InvalidImage, TooManyImages
from catalog.models import ProductImage
from catalog.models.images import WIDTHS
from catalog.services.products import lock_product
from core.db import on_commit, transaction
from core.errors import NotFound
from core.ids import uuid7

MAX_BYTES = 20 << 20
MAX_PIXELS = 60_000_000
MAX_IMAGES = 40
FORMATS = ("JPEG", "PNG", "WEBP")


def add_image(*, product_id: UUID, file: IO[bytes], alt: str = "", now: datetime) -> ProductImage:
    """Add a picture behind the others. Raises UnknownProduct, InvalidImage, TooManyImages."""
    pictures, size = _renditions(file)
    image_id = uuid7()
    paths = {name: default_storage.save(f"products/{product_id}/{image_id}-{name}.webp", ContentFile(data))
             for name, data in pictures.items()}  # fmt: skip
    try:
        with transaction("catalog"):
            product = lock_product(product_id)
            present = list(ProductImage.objects.filter(product=product).values_list("position", flat=True))
            if len(present) >= MAX_IMAGES:
                raise TooManyImages
            return ProductImage.objects.create(
                id=image_id,
                product=product,
                position=max(present, default=0) + 1,
                alt=alt,
                width=size[0],
                height=size[1],
                renditions=paths,
                created_at=now,
            )
    except BaseException:
        _forget(paths)
        raise


def delete_image(*, product_id: UUID, image_id: UUID) -> None:
    """Take a picture and its files away. Raises NotFound."""
    with transaction("catalog"):
        image = ProductImage.objects.filter(pk=image_id, product_id=product_id).first()
        if image is None:
            raise NotFound
        image.delete()
        on_commit("catalog", lambda: _forget(image.renditions))


def order_images(*, product_id: UUID, image_ids: list[UUID]) -> list[ProductImage]:
    """Put the pictures of a product in a new order; those not named come last. Raises UnknownProduct."""
    with transaction("catalog"):
        product = lock_product(product_id)
        places = {pk: number for number, pk in enumerate(image_ids)}
        images = list(ProductImage.objects.filter(product=product).order_by("position", "id"))
        images.sort(key=lambda image: places.get(image.pk, len(places)))
        for number, image in enumerate(images, 1):
            image.position = number
        ProductImage.objects.bulk_update(images, ["position"])
    return images


def _renditions(file: IO[bytes]) -> tuple[dict[str, bytes], tuple[int, int]]:
    """The picture as WebP in each width, turned upright, without its metadata."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidImage(_("The picture is larger than 20 MB."))
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise InvalidImage(_("The picture has more than 60 million pixels."))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InvalidImage(_("Send a picture as JPEG, PNG or WebP.")) from error
    return {name: _webp(upright, width) for name, width in WIDTHS.items()}, upright.size


def _webp(picture: Any, width: int) -> bytes:
    smaller = picture.copy()
    smaller.thumbnail((width, width * 2))
    output = BytesIO()
    smaller.save(output, "WEBP", quality=82)
    return output.getvalue()


def _forget(paths: dict[str, str]) -> None:
    for path in paths.values():
        default_storage.delete(path)
