"""Pictures of products as pages show them."""

from dataclasses import dataclass
from uuid import UUID

from catalog.models import ProductImage
from catalog.models.images import FORMATS, ORIGINAL, WIDTHS
from core.files.kept import picture_files


@dataclass(frozen=True)
class Source:
    """Addresses of a picture in one format, with their widths, for a browser that knows the format to choose from."""

    content_type: str
    srcset: str


@dataclass(frozen=True)
class Picture:
    """A picture of `width` × `height` pixels; `urls` has the address of each rendition that there is.

    `small`, `medium` and `large` are always there, and something that every browser shows; where a rendition is still
    to be made, it is the original.
    """

    id: UUID
    alt: str
    width: int
    height: int
    urls: dict[str, str]

    @property
    def original(self) -> str:
        """The largest there is."""
        return self.urls.get(ORIGINAL) or self.urls["large"]

    @property
    def sources(self) -> list[Source]:
        """The picture in each of the better formats that it was made in, in three widths."""
        return self._sources(list(WIDTHS))

    @property
    def card_sources(self) -> list[Source]:
        """The same for a card, which is never as wide as a page."""
        return self._sources(["small", "medium"])

    @property
    def thumb_sources(self) -> list[Source]:
        """The same for a thumbnail."""
        return self._sources(["small"])

    def _sources(self, names: list[str]) -> list[Source]:
        found = []
        for kind in FORMATS:
            known = {self._width(WIDTHS[name]): self.urls.get(f"{name}.{kind}", "") for name in names}
            if all(known.values()):
                found.append(Source(f"image/{kind}", ", ".join(f"{url} {width}w" for width, url in known.items())))
        return found

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
    urls = {name: picture_files().url(path) for name, path in image.renditions.items()}
    return Picture(image.pk, image.alt, image.width, image.height, urls)
