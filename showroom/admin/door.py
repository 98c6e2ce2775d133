"""Let guests of an event in by the code that they show: typed, read by a scanner, or seen by the phone's camera."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from core.errors import DomainError
from core.screens.base import BusinessAdmin
from core.screens.forms import ScreenForm, show
from gateway.models import KnownPerson
from showroom import services
from showroom.errors import AlreadyCheckedIn
from showroom.models import Happening, Registration, RegistrationStatus

LATEST = 10
"""Guests whom the page names beneath the box, the last who came first."""


class CodeForm(ScreenForm):
    """Code of a guest."""

    code = forms.CharField(label=gettext_lazy("code of the guest"), max_length=40)


class DoorScreen(BusinessAdmin):
    """A screen of events with the page of their door."""

    @action(description=gettext_lazy("Let guests in"), url_path="door", permissions=["view"])
    def door(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a code, say whose it is and whether it was used before; scripts are answered in a few words."""
        happening: Happening | None = self.get_object(request, object_id)
        if happening is None:
            raise Http404
        form, said = CodeForm(request.POST or None), {}
        if request.method == "POST":
            said = _admit(happening, form.cleaned_data["code"]) if form.is_valid() else _refuse(_("Type the code."))
            if request.headers.get("Accept", "") == "application/json":
                return JsonResponse(said | {"came": _count_came(happening)})
        context = {
            "title": _("At the door: %(event)s") % {"event": happening.title},
            "happening": happening,
            "form": CodeForm(),
            "said": said,
            "came": _count_came(happening),
            "latest": _list_latest(happening),
        }
        return show(self, request, "showroom/door", context)


def _admit(happening: Happening, code: str) -> dict[str, Any]:
    """Let in who shows the code; a code that lets nobody in says why."""
    try:
        seat = services.check_in(happening_id=happening.pk, code=code, now=timezone.now())
    except AlreadyCheckedIn:
        seat = Registration.objects.get(happening=happening, check_in_code=code.strip().upper())
        named = {"guest": _name_guest(seat), "time": _name_time(seat)}
        return {"level": "warning", "said": _("%(guest)s came in by this code at %(time)s already.") % named}
    except DomainError as error:
        return _refuse(str(error.detail))
    return {"level": "good", "said": _("%(guest)s is in.") % {"guest": _name_guest(seat)}}


def _refuse(said: str) -> dict[str, Any]:
    return {"level": "bad", "said": said}


def _count_came(happening: Happening) -> str:
    """Return how many of those with a seat are in."""
    seats = Registration.objects.filter(happening=happening, status=RegistrationStatus.CONFIRMED)
    came, all_of_them = seats.filter(checked_in_at__isnull=False).count(), seats.count()
    return _("%(came)s of %(all)s guests are in.") % {"came": came, "all": all_of_them}


def _list_latest(happening: Happening) -> list[tuple[str, str]]:
    came = Registration.objects.filter(happening=happening, checked_in_at__isnull=False).order_by("-checked_in_at")
    seats = list(came[:LATEST])
    names = dict(
        KnownPerson.objects.using("showroom").filter(pk__in=[seat.user_id for seat in seats]).values_list("pk", "name")
    )
    return [(_name_time(seat), names.get(seat.user_id) or _("a guest without a name")) for seat in seats]


def _name_guest(seat: Registration) -> str:
    known = KnownPerson.objects.using("showroom").filter(pk=seat.user_id).values_list("name", flat=True).first()
    return known or _("A guest without a name")


def _name_time(seat: Registration) -> str:
    assert seat.checked_in_at is not None
    return formats.time_format(timezone.localtime(seat.checked_in_at), "TIME_FORMAT")
