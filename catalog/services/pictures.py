"""Pictures and their files: read safely, stripped of what cameras add, kept in three widths."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from catalog.errors import InvalidImage, TooManyImages
from catalog.models import ProductImage
from catalog.models.images import WIDTHS
from core.db import on_commit
from core.ids import uuid7

MAX_PIXELS = 60_000_000
MAX_IMAGES = 40
FORMATS = ("JPEG", "PNG", "WEBP")


@contextmanager
def new_picture(*, product_id: UUID, file: IO[bytes], alt: str = "", now: datetime) -> Iterator[ProductImage]:
    """A picture whose files are written and whose row is not; they go again if the block fails. Raises InvalidImage."""
    pictures, size = _renditions(file)
    image_id = uuid7()
    paths = {name: default_storage.save(f"products/{product_id}/{image_id}-{name}.webp", ContentFile(data))
             for name, data in pictures.items()}  # fmt: skip
    try:
        yield ProductImage(
            id=image_id,
            product_id=product_id,
            alt=alt,
            width=size[0],
            height=size[1],
            renditions=paths,
            created_at=now,
        )
    except BaseException:
        _forget(paths)
        raise


def place_image(image: ProductImage, *, instead_of: ProductImage | None = None) -> None:
    """Save a new picture of a locked product: behind the others, or in the place of one that goes.

    Raises TooManyImages.
    """
    if instead_of is not None:
        image.position = instead_of.position
        drop_image(instead_of)
    else:
        present = list(ProductImage.objects.filter(product=image.product_id).values_list("position", flat=True))
        if len(present) >= MAX_IMAGES:
            raise TooManyImages
        image.position = max(present, default=0) + 1
    image.save(force_insert=True)


def drop_image(image: ProductImage) -> None:
    """Take a picture away, and its files once that is certain."""
    paths = dict(image.renditions)
    image.delete()
    on_commit("catalog", lambda: _forget(paths))


def _renditions(file: IO[bytes]) -> tuple[dict[str, bytes], tuple[int, int]]:
    """The picture as WebP in each width, turned upright, without its metadata."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    data = file.read(settings.PICTURE_MAX_BYTES + 1)
    if len(data) > settings.PICTURE_MAX_BYTES:
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
