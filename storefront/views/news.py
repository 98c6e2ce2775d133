"""One's own notifications: what one was told, and how one wants to be told."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import DomainError, NotFound
from core.ids import find_uuid
from notifications import public, services
from storefront.pages import page
from storefront.visitor import count, user_id

PAGE_SIZE = 20


class PreferencesForm(forms.Form):
    """Preferences for being told; which news comes by which way stands in the boxes of a table."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        max_length=64,
        help_text=gettext_lazy("Such as Europe/Moscow or Asia/Omsk."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "list": "zones"}),
    )
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from"), required=False, input_formats=["%H:%M", "%H:%M:%S"])
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet until"), required=False, input_formats=["%H:%M", "%H:%M:%S"]
    )
    digest = forms.BooleanField(label=gettext_lazy("One e-mail a day, but for what is urgent"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for name in ("quiet_from", "quiet_until"):
            self.fields[name].widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def clean_time_zone(self) -> str:
        """Refuse what no clock follows."""
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise forms.ValidationError(_("There is no such time zone."))
        return zone

    def clean(self) -> dict[str, Any]:
        """Quiet hours have both ends or neither, and a length."""
        found: dict[str, Any] = super().clean() or {}
        start, until = found.get("quiet_from"), found.get("quiet_until")
        if not {"quiet_from", "quiet_until"} & set(self.errors):
            if (start is None) != (until is None):
                self.add_error("quiet_from" if start is None else "quiet_until", _("Give both times, or neither."))
            elif start is not None and start == until:
                self.add_error("quiet_until", _("Quiet hours must end at another time than they begin."))
        return found

    def manner(self) -> services.Manner:
        """Return what is wanted whatever the news."""
        found = self.cleaned_data
        return services.Manner(
            language=found["language"],
            time_zone=found["time_zone"],
            quiet_from=found["quiet_from"],
            quiet_until=found["quiet_until"],
            is_digest_wanted=found["digest"],
        )


@never_cache
@require_GET
def news(request: HttpRequest) -> HttpResponse:
    """The page, or with `?part=live` the part of it that the live feed replaces."""
    is_part = request.GET.get("part") == "live"
    if not request.user.is_authenticated:
        return HttpResponse(status=401) if is_part else redirect_to_login(request.get_full_path())
    before, is_unread = find_uuid(request.GET.get("before", "")), request.GET.get("only") == "unread"
    found = public.list_news(user_id(request), before=before, limit=PAGE_SIZE + 1, is_unread=is_unread)
    shown = found[:PAGE_SIZE]
    unread = public.unread_count(user_id(request))
    query = ("&only=unread" if is_unread else "") + (f"&before={before}" if before else "")
    context = {
        "news": [(one, public.get_page(one)) for one in shown],
        "next_before": shown[-1].id if len(found) > PAGE_SIZE else None,
        "is_later": before is not None,
        "is_unread": is_unread,
        "unread": unread,
        "is_more_unread": unread >= public.MOST_COUNTED,
        "stamp": f"{unread}-" + "-".join(f"{one.id}.{one.read_at is not None}" for one in shown),
        "part_path": f"?part=live{query}",
    }
    return render(request, "storefront/parts/news_live.html" if is_part else "storefront/news.html", context)


@page
@require_POST
@login_required
def read_news(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    services.read_notification(notification_id=notification_id, user_id=user_id(request), now=timezone.now())
    return redirect("storefront:news")


@page
@require_POST
@login_required
def read_all_news(request: HttpRequest) -> HttpResponse:
    """Up to the newest that the page showed: what came since is news still."""
    until = find_uuid(request.POST.get("until", ""))
    if until is None:
        raise NotFound
    services.read_all(user_id=user_id(request), until=until, now=timezone.now())
    return redirect("storefront:news")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def news_preferences(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    known, kinds = public.read_preferences(user_id(request), is_staff=user.is_staff, is_admin=user.is_superuser)
    is_sent, ways = request.method == "POST", public.channels()
    wished = {
        wish.kind: {
            channel: f"{channel}:{wish.kind}" in request.POST if is_sent else getattr(wish, channel) for channel in ways
        }
        for wish in known.preferences
    }
    form = PreferencesForm(request.POST if is_sent else None, initial=_initial(known))
    if is_sent and form.is_valid():
        changed = [_wish(wish, wished[wish.kind]) for wish in known.preferences if _differs(wish, wished[wish.kind])]
        services.set_preferences(user_id=user_id(request), wishes=changed, manner=form.manner(), now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("storefront:news-preferences")
    context = {
        "form": form,
        "channels": ways,
        "rows": [
            (kind, name, [(channel, ways[channel], is_on) for channel, is_on in wished[kind].items()])
            for kind, name in kinds.items()
        ],
        "zones": sorted(zone for zone in available_timezones() if zone.partition("/")[0] in ("Europe", "Asia")),
    }
    return render(request, "storefront/news_preferences.html", context, status=400 if is_sent else 200)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest) -> HttpResponse:
    """End a kind of mail by its link. Mail programs post to it themselves (RFC 8058): they have no form of ours.

    Opening it alone ends nothing, since scanners open every link they see.
    """
    token = request.GET.get("token", "")
    context: dict[str, Any] = {"token": token}
    if request.method == "POST":
        try:
            count(request, "login")
            services.unsubscribe(token=token, now=timezone.now())
        except DomainError as error:
            return render(request, "storefront/unsubscribe.html", {"refusal": error.detail}, status=error.status)
        context = {"is_done": True}
    return render(request, "storefront/unsubscribe.html", context)


def _initial(known: public.Preferences) -> dict[str, Any]:
    quiet = known.quiet_hours
    return {
        "language": known.language,
        "time_zone": known.time_zone,
        "quiet_from": quiet.start if quiet else None,
        "quiet_until": quiet.until if quiet else None,
        "digest": known.digest,
    }


def _differs(wish: public.Wished, wanted: dict[str, bool]) -> bool:
    return any(getattr(wish, channel) != is_wanted for channel, is_wanted in wanted.items())


def _wish(wish: public.Wished, wanted: dict[str, bool]) -> services.Wish:
    """The new wish for one kind of news."""
    chosen = {channel: wanted.get(channel, getattr(wish, channel)) for channel in ("in_app", "email", "sms")}
    return services.Wish(kind=wish.kind, in_app=chosen["in_app"], email=chosen["email"], sms=chosen["sms"])
