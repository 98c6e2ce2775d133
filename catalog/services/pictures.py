"""Pictures and their files: read safely, stripped of what cameras add, kept as one original."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from catalog.errors import InvalidImage, TooManyImages
from catalog.models import ProductImage
from catalog.models.images import ORIGINAL, ORIGINAL_WIDTH, WIDTHS
from core.db import on_commit
from core.files.kept import picture_files
from core.ids import uuid7
from messaging.delivery import wakeups

MAX_PIXELS = 60_000_000
MAX_IMAGES = 40
FORMATS = ("JPEG", "PNG", "WEBP")
RENDER_PICTURES = "catalog.render_pictures"
_DIGEST = 16


@contextmanager
def new_picture(*, product_id: UUID, file: IO[bytes], alt: str = "", now: datetime) -> Iterator[ProductImage]:
    """A picture whose original is written and whose row is not; it goes again if the block fails. Raises InvalidImage.

    Every width shows the original until a worker has made the renditions.
    """
    original, (width, height) = _read_original(file)
    image = ProductImage(
        id=uuid7(), product_id=product_id, alt=alt, width=width, height=height, renditions={}, created_at=now
    )
    path = store_file(image, original, "jpg")
    image.renditions = dict.fromkeys((ORIGINAL, *WIDTHS), path)
    image.queue_rendering(now=now)
    try:
        yield image
    except BaseException:
        forget_files([path])
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
    on_commit("catalog", lambda: wakeups.wake_work_queue(RENDER_PICTURES))


def drop_image(image: ProductImage) -> None:
    """Take a picture away, and its files once that is certain."""
    paths = list(image.renditions.values())
    image.delete()
    on_commit("catalog", lambda: forget_files(paths))


def store_file(image: ProductImage, data: bytes, extension: str) -> str:
    """Write a file of a picture at an address that only these bytes have; return its path.

    What lies there already was left half-written by a process that died.
    """
    name = f"{image.pk.hex[-12:]}-{sha256(data).hexdigest()[:_DIGEST]}.{extension}"
    path = f"products/{image.product_id}/{name}"
    picture_files().delete(path)
    return str(picture_files().save(path, ContentFile(data)))


def forget_files(paths: Iterable[str]) -> None:
    """Delete files of pictures; one that is gone is gone already."""
    for path in set(paths):
        picture_files().delete(path)


def _read_original(file: IO[bytes]) -> tuple[bytes, tuple[int, int]]:
    """The picture as one JPEG, turned upright, without its metadata."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    data = file.read(settings.PICTURE_MAX_BYTES + 1)
    if len(data) > settings.PICTURE_MAX_BYTES:
        raise InvalidImage(_("The picture is larger than 20 MB."))
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise InvalidImage(_("The picture has more than 60 million pixels."))
            upright = _on_white(ImageOps.exif_transpose(opened))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InvalidImage(_("Send a picture as JPEG, PNG or WebP.")) from error
    upright.thumbnail((ORIGINAL_WIDTH, ORIGINAL_WIDTH * 2))
    output = BytesIO()
    upright.save(output, "JPEG", quality=90)
    return output.getvalue(), upright.size


def _on_white(picture: Any) -> Any:
    """The picture in red, green and blue; what one could see through is white, as on a page."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
