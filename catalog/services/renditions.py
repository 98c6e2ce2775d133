"""Renditions of pictures: made once by a worker, outside requests and transactions, from what is kept of the upload."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from catalog.models import ProductImage
from catalog.models.images import FORMATS, ORIGINAL, ORIGINAL_WIDTH, WIDTHS
from catalog.queries.cache import forget_products
from catalog.services.pictures import forget_files, store_file
from core.db import transaction
from core.files.kept import picture_files

LEASE = timedelta(minutes=2)
MOST_PIXELS = ORIGINAL_WIDTH * ORIGINAL_WIDTH * 2
"""An original has no more; a file that was put in its place may not cost more either."""
AT_ONCE = 500
_JPEG: dict[str, Any] = {"quality": 80, "progressive": True, "optimize": True}
_SETTINGS: dict[str, dict[str, Any]] = {
    "avif": {"quality": 60, "speed": 8, "max_threads": 1},  # half of WebP's bytes for a fifth of a second
    "webp": {"quality": 80},
}
_KEYS = [f"{name}.{kind}" for name in WIDTHS for kind in FORMATS]


@dataclass(frozen=True)
class Rendition:
    """One file made of a picture: its name among the renditions, and its bytes."""

    name: str
    extension: str
    data: bytes


def is_rendering_due(*, now: datetime) -> bool:
    """Tell whether renditions of a picture may be made now."""
    return ProductImage.objects.filter(render_at__lte=now).exists()


def claim_rendering(*, now: datetime) -> ProductImage | None:
    """The picture that waits longest; nobody else gets it before its lease is over.

    One that was tried too often stays as it is.
    """
    due = ProductImage.objects.filter(render_at__lte=now).order_by("render_at", "id")
    while True:
        with transaction("catalog"):
            image: ProductImage | None = due.select_for_update(skip_locked=True).first()
            if image is None:
                return None
            is_ours = not image.is_tried_out
            if is_ours:
                image.lease_rendering(until=now + LEASE)
            else:
                image.end_rendering()
            image.save(update_fields=["render_at", "renderings"])
        if is_ours:
            return image


def make_renditions(image: ProductImage) -> list[Rendition]:
    """Make what a picture lacks; touches no database. Raises OSError, SyntaxError, ValueError for a broken original."""
    from PIL import Image

    with picture_files().open(image.source, "rb") as file, Image.open(file, formats=("JPEG", "WEBP")) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError("larger than any original")
        original = opened.convert("RGB")
    made = []
    for name, width in WIDTHS.items():
        smaller = original.copy()
        smaller.thumbnail((width, width * 2))
        present = image.renditions.get(name, image.source)
        if present == image.source or not present.endswith(".jpg"):
            made.append(Rendition(name, "jpg", _encode(smaller, "JPEG", _JPEG)))
        lacking = [kind for kind in FORMATS if f"{name}.{kind}" not in _with_former(image.renditions)]
        made += [Rendition(f"{name}.{kind}", kind, _encode(smaller, kind.upper(), _SETTINGS[kind])) for kind in lacking]
    return made


def store_renditions(*, image: ProductImage, made: Sequence[Rendition]) -> None:
    """Keep the renditions of a claimed picture; of one that was deleted meanwhile no file is left."""
    present = set(image.renditions.values())
    written: dict[str, str] = {}
    kept = None
    try:
        for rendition in made:
            written[rendition.name] = store_file(image, rendition.data, rendition.extension)
        with transaction("catalog"):
            kept = ProductImage.objects.select_for_update().filter(pk=image.pk).first()
            if kept is not None:
                kept.renditions = _with_former(kept.renditions) | written
                kept.end_rendering()
                kept.save(update_fields=["renditions", "render_at"])
    finally:
        if kept is None:
            forget_files(set(written.values()) - present)


def queue_renditions(*, now: datetime) -> int:
    """Have the renditions of pictures made that lack some; return of how many."""
    lacking = ProductImage.objects.select_for_update().exclude(renditions__has_keys=_KEYS)
    seen, last = 0, UUID(int=0)
    while True:
        with transaction("catalog"):
            portion = list(lacking.filter(pk__gt=last).order_by("pk")[:AT_ONCE])
            for image in portion:
                image.queue_rendering(now=now)
            ProductImage.objects.bulk_update(portion, ["render_at", "renderings"])
            forget_products()
        if not portion:
            return seen
        seen, last = seen + len(portion), portion[-1].pk


def _with_former(renditions: dict[str, str]) -> dict[str, str]:
    """The renditions under today's names: pictures were kept as WebP alone before, and those files go on serving."""
    former = {f"{name}.webp": renditions[name] for name in WIDTHS if renditions.get(name, "").endswith(".webp")}
    original = {ORIGINAL: former["large.webp"]} if "large.webp" in former else {}
    return original | former | renditions


def _encode(picture: Any, kind: str, settings: dict[str, Any]) -> bytes:
    output = BytesIO()
    picture.save(output, kind, **settings)
    return output.getvalue()
