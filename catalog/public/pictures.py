"""Pictures of products as pages show them."""

from dataclasses import dataclass
from uuid import UUID

from django.core.files.storage import default_storage

from catalog.models import ProductImage
from catalog.models.images import WIDTHS


@dataclass(frozen=True)
class Picture:
    """A picture of `width` × `height` pixels; `urls` has the address of each rendition: small, medium, large."""

    id: UUID
    alt: str
    width: int
    height: int
    urls: dict[str, str]

    @property
    def srcset(self) -> str:
        """The renditions with their real widths, for a browser to choose from."""
        return ", ".join(f"{url} {self._width(WIDTHS[name])}w" for name, url in self.urls.items())

    def _width(self, widest: int) -> int:
        return round(self.width * min(1.0, widest / self.width, 2 * widest / self.height))


def pictures(product_id: UUID) -> list[Picture]:
    """The pictures of a product in their order; the first is its cover."""
    return [_picture(image) for image in ProductImage.objects.filter(product=product_id).order_by("position", "id")]


def covers(product_ids: list[UUID]) -> dict[UUID, Picture]:
    """The cover of each product that has pictures."""
    if not product_ids:
        return {}
    images = ProductImage.objects.filter(product__in=product_ids).order_by("product", "position", "id")
    return {image.product_id: _picture(image) for image in images.distinct("product")}


def _picture(image: ProductImage) -> Picture:
    urls = {name: default_storage.url(path) for name, path in image.renditions.items() if name in WIDTHS}
    return Picture(image.pk, image.alt, image.width, image.height, urls)
