"""`GET /health/ready`: may this process be sent visitors, and, for those inside, what is wrong and what to do."""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.health.declared import all_checks
from config.health.examination import Report, Trouble, latest
from gateway.guards import breakers
from messaging.upkeep.metrics import is_allowed

SHARED_VALKEY = ("broker", "cache", "channel_layer")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 503 only when no app of this process can serve anybody, so that a fault elsewhere takes no web away.

    The names of what is inside are for the addresses in AUTOSALON_METRICS_ALLOW; others are told the word.
    """
    report = latest()
    body: dict[str, Any] = {"status": report.status}
    if is_allowed(request.META):
        body |= _details(report)
    status = 503 if report.status == "down" else 200
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")


def _details(report: Report) -> dict[str, Any]:
    standing = breakers.standing()
    return {
        "services": _services(report, standing),
        "breakers": standing,
        "checks": {name: _state(name, report) for name in report.checks},
    }


def _services(report: Report, standing: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what this process stands on, `ok` or `down`: databases, the three uses of Valkey, and providers."""
    found: dict[str, dict[str, Any]] = {}
    for alias in settings.LAYOUT.databases:
        found[alias] = {"status": "down" if alias in report.down else "ok"}
    for name in SHARED_VALKEY:
        found[name] = {"status": "down" if report.of("valkey") else "ok"}
    for row in standing:
        status = {"status": "ok" if row["state"] == "closed" else "down"} if row["kind"] == "provider" else {}
        found[row["name"]] = found.get(row["name"], {}) | status | {"breaker": row["state"]}
    return found


def _state(name: str, report: Report) -> dict[str, Any]:
    troubles: list[Trouble] = [one for one in report.troubles if one.check == name]
    if not troubles:
        return {"status": "ok"}
    told = [{"where": one.where, "what": one.text} for one in troubles]
    return {"status": "failed", "troubles": told, "remedy": all_checks()[name].remedy}
