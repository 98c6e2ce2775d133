"""Hand a test car out and take it back: licence, odometer, fuel, a signature drawn on the screen, damage."""

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.errors import DomainError, NotFound
from core.screens.base import ReadOnlyAdmin
from core.screens.forms import ScreenForm, blame, show
from core.screens.numbers import WholeField
from gateway.access.readings import Papers, hand_over
from gateway.people.screens import NamesPeople
from showroom import services
from showroom.models import FULL_TANK, MAX_ODOMETER, Drive, DriveStatus
from showroom.queries.signatures import read_signature

PICTURE = "data:image/png;base64,"
"""Beginning of a drawing as a canvas gives it."""
LONGEST_PICTURE = 300_000


class HandOutForm(ScreenForm):
    """Checks before a car leaves."""

    licence_last4 = forms.CharField(
        label=gettext_lazy("last four characters of the licence"),
        validators=[RegexValidator(r"^[0-9A-Za-zА-Яа-я]{4}$", gettext_lazy("Four letters or digits."))],
    )
    licence_valid_until = forms.DateField(label=gettext_lazy("licence valid until"))
    odometer = WholeField(label=gettext_lazy("odometer, km"), min_value=0, max_value=MAX_ODOMETER)
    fuel = WholeField(label=gettext_lazy("fuel or charge, %"), min_value=0, max_value=FULL_TANK, required=False)
    signature = forms.CharField(max_length=LONGEST_PICTURE, required=False, widget=forms.HiddenInput)
    waiver_signed = forms.BooleanField(label=gettext_lazy("signed on paper instead"), required=False)

    def clean_signature(self) -> bytes:
        """Return the picture itself. Raises ValidationError for what no canvas writes."""
        text = self.cleaned_data["signature"]
        if not text:
            return b""
        try:
            return b64decode(text.removeprefix(PICTURE), validate=True)
        except (NotBase64, ValueError):
            raise forms.ValidationError(_("The signature did not arrive whole. Draw it again.")) from None


class TakeBackForm(ScreenForm):
    """State in which a car comes back."""

    odometer = WholeField(label=gettext_lazy("odometer, km"), min_value=0, max_value=MAX_ODOMETER)
    fuel = WholeField(label=gettext_lazy("fuel or charge, %"), min_value=0, max_value=FULL_TANK, required=False)
    damage = forms.CharField(
        label=gettext_lazy("damage"),
        max_length=1000,
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("What was not there when it left; empty where there is none."),
    )
    note = forms.CharField(label=gettext_lazy("note"), max_length=1000, required=False, widget=forms.Textarea)


class KeysScreen(NamesPeople, ReadOnlyAdmin):
    """A screen of test drives with the pages on which the keys go out and come back."""

    people: ClassVar = {"guest": "user_id", "handler": "handed_over_by"}

    @action(
        description=gettext_lazy("Hand the car out"),
        url_path="hand-out",
        permissions=["hand_out"],
        variant=ActionVariant.PRIMARY,
    )
    def hand_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for licence, odometer, fuel and signature, then let the car leave."""
        drive = self._find_drive(request, object_id)
        form = HandOutForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                services.hand_over(
                    drive_id=drive.pk,
                    checked=services.HandOver(**form.cleaned_data),
                    by=cast(UUID, request.user.pk),
                    now=timezone.now(),
                    expected_version=read_seen(request),
                )
            except DomainError as error:
                blame(form, error)
            else:
                return self._done(request, drive, _("%(car)s is on the road.") % {"car": drive.car_name})
        return self._show_keys(request, "showroom/hand_out", drive, form)

    @action(
        description=gettext_lazy("Take the car back"),
        url_path="take-back",
        permissions=["take_back"],
        variant=ActionVariant.PRIMARY,
    )
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for odometer, fuel and damage, then take the car back."""
        drive = self._find_drive(request, object_id)
        form = TakeBackForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            seen = services.Return(**form.cleaned_data)
            try:
                services.take_back(
                    drive_id=drive.pk, seen=seen, now=timezone.now(), expected_version=read_seen(request)
                )
            except DomainError as error:
                blame(form, error)
            else:
                if seen.damage:
                    said = _("Damage is noted. Take the car out of service if nobody may drive it.")
                    self.message_user(request, said, messages.WARNING)
                return self._done(request, drive, _("%(car)s is back.") % {"car": drive.car_name})
        return self._show_keys(request, "showroom/take_back", drive, form)

    @action(description=gettext_lazy("Signature"), url_path="signature", permissions=["signature"])
    def signature(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with what the driver drew; who looks at it is noted."""
        drive = self._find_drive(request, object_id)
        try:
            content = read_signature(drive) if drive.signature_path else b""
        except NotFound as error:
            raise Http404 from error
        if not content:
            raise Http404
        papers = Papers("showroom", "signature", drive.pk, drive.user_id)
        return hand_over(request, papers, content, "image/png", {"X-Content-Type-Options": "nosniff"})

    def has_hand_out_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff may, while the car is booked and has not left."""
        return self._may(request, object_id, status=DriveStatus.CONFIRMED)

    def has_take_back_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff may, while the car is on the road."""
        return self._may(request, object_id, status=DriveStatus.OUT)

    def has_signature_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff may, where something was drawn."""
        return self._may(request, object_id, signature_path__gt="")

    def _may(self, request: HttpRequest, object_id: Any, **state: Any) -> bool:
        if not self.has_view_permission(request):
            return False
        return object_id is None or Drive.objects.filter(pk=object_id, **state).exists()

    def _find_drive(self, request: HttpRequest, object_id: str) -> Drive:
        drive: Drive | None = self.get_object(request, object_id)
        if drive is None:
            raise Http404
        return drive

    def _show_keys(self, request: HttpRequest, template: str, drive: Drive, form: forms.Form) -> HttpResponse:
        title = _("Hand out: %(car)s") if isinstance(form, HandOutForm) else _("Take back: %(car)s")
        facts = [(_("guest"), self.guest(drive)), *_read_facts(drive)]
        context = {"title": title % {"car": drive.car_name}, "drive": drive, "form": form, "facts": facts}
        return show(self, request, template, context, status=400 if form.errors else 200)

    def _done(self, request: HttpRequest, drive: Drive, said: str) -> HttpResponse:
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:showroom_drive_change", args=[drive.pk]))


def _read_facts(drive: Drive) -> list[tuple[str, str]]:
    span = formats.date_format(timezone.localtime(drive.starts_at), "SHORT_DATETIME_FORMAT")
    ends = formats.time_format(timezone.localtime(drive.ends_at), "TIME_FORMAT")
    facts = [(_("phone"), drive.phone), (_("when"), f"{span}–{ends}"), (_("status"), drive.get_status_display())]
    for name, value in (
        (_("odometer when it left, km"), drive.odometer_out),
        (_("fuel when it left, %"), drive.fuel_out),
    ):
        facts.append((name, "" if value is None else str(value)))
    return [(name, value) for name, value in facts if value]


def read_seen(request: HttpRequest) -> frozenset[int] | None:
    """Return the version of the object that the page showed."""
    seen = request.POST.get("seen", "")
    return frozenset({int(seen[:9])}) if seen.isdecimal() else None
