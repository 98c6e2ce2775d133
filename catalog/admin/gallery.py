"""Manager screen of a product's own photographs: sent, put in order, described and taken away."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from catalog import services
from catalog.models import Product, ProductImage
from catalog.services.pictures import FORMATS, MAX_IMAGES
from core.errors import DomainError, NotFound
from core.files.kept import picture_files
from core.ids import find_uuid
from core.screens.base import BusinessAdmin
from core.screens.forms import show

AT_ONCE = 10
"""Photographs that one form sends; `settings.UPLOADS` makes room for as many."""
STEPS = {"up": -1, "down": 1}


class GalleryScreen(BusinessAdmin):
    """A product's screen with a page of its photographs; scripts send them one by one, a plain form all together."""

    @action(
        description=gettext_lazy("Photographs"), url_path="photos", permissions=["change"], icon="add_photo_alternate"
    )
    def photos(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the photographs, or do with them what one of the page's forms asks for."""
        product = self.get_object(request, object_id)
        if product is None:
            raise Http404
        if request.method != "POST":
            return self._show_photos(request, product)
        if request.FILES:
            return self._add_photos(request, product)
        asked, _colon, which = request.POST.get("do", "").partition(":")
        try:
            self._change_photos(request, product, asked, find_uuid(which))
        except DomainError as error:
            if _wants_json(request):
                return JsonResponse({"detail": str(error.detail)}, status=error.status)
            self.message_user(request, error.detail, messages.ERROR)
        if _wants_json(request):
            return JsonResponse({"detail": _("The order is saved.")})
        focus = f"?at={asked}:{which}" if asked in STEPS else ""
        return HttpResponseRedirect(f"{request.path}{focus}")

    def _add_photos(self, request: HttpRequest, product: Product) -> HttpResponse:
        """Add what was sent, each by itself: one that is refused is named and keeps no other back."""
        added, refused = 0, []
        files = request.FILES.getlist("photos")
        for file in files[:AT_ONCE]:
            try:
                services.add_image(product_id=product.pk, file=file, now=timezone.now())
                added += 1
            except DomainError as error:
                refused.append(f"{file.name}: {error.detail}")
        if len(files) > AT_ONCE:
            refused.append(_("At most %(number)s at once: send the others now.") % {"number": AT_ONCE})
        if _wants_json(request):
            return JsonResponse({"added": added, "refused": refused}, status=201 if added else 400)
        for said in refused:
            self.message_user(request, said, messages.ERROR)
        if added:
            self.message_user(request, _("Photographs added: %(number)s.") % {"number": added}, messages.SUCCESS)
        return HttpResponseRedirect(request.path)

    def _change_photos(self, request: HttpRequest, product: Product, asked: str, image_id: UUID | None) -> None:
        """Do one of the small steps. Raises DomainError."""
        order = list(_photographs(product).values_list("pk", flat=True))
        match asked:
            case "up" | "down" | "cover" if image_id in order:
                place = order.index(image_id)
                order.insert(0 if asked == "cover" else max(place + STEPS[asked], 0), order.pop(place))
                services.order_images(product_id=product.pk, image_ids=order)
            case "order":
                given = [find_uuid(one) for one in request.POST.getlist("image")]
                services.order_images(product_id=product.pk, image_ids=[one for one in given if one])
            case "describe":
                texts = {pk: request.POST.get(f"alt-{pk}", "") for pk in order if f"alt-{pk}" in request.POST}
                services.describe_images(product_id=product.pk, texts=texts)
                self.message_user(request, _("The descriptions are saved."), messages.SUCCESS)
            case "delete" if image_id:
                services.delete_image(product_id=product.pk, image_id=image_id)
                self.message_user(request, _("The photograph is deleted."), messages.SUCCESS)
            case _:
                raise NotFound

    def _show_photos(self, request: HttpRequest, product: Product) -> HttpResponse:
        leaving = find_uuid(request.GET.get("delete", ""))
        photographs = [(image, picture_files().url(image.renditions["small"])) for image in _photographs(product)]
        context: dict[str, Any] = {
            "title": _("Photographs of %(product)s") % {"product": product.name},
            "product": product,
            "photographs": photographs,
            "leaving": next((each for each in photographs if each[0].pk == leaving), None),
            "at": request.GET.get("at", ""),
            "accept": ",".join(f"image/{kind.lower()}" for kind in FORMATS),
            "at_once": AT_ONCE,
            "most": MAX_IMAGES,
        }
        return show(self, request, "catalog/photos", context)


def _photographs(product: Product) -> Any:
    return ProductImage.objects.filter(product=product).order_by("position", "id")


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"
