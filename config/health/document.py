"""The checks as a page shows them, and as the OpenAPI document describes the answers about them."""

import copy
from pathlib import Path
from typing import Any

from django.conf import settings

from config.health.checks import Check
from config.health.declared import all_checks

PAGE = Path(settings.BASE_DIR) / "docs" / "operations.md"
BEGIN, END = "<!-- checks: written by `manage.py doctor --write-table` -->", "<!-- end of checks -->"
_UNITS = {"s": "s", "mb": "MB"}


def table() -> str:
    """One row per check: its name, what it looks at, its limit and the setting that changes it, what to do."""
    rows = [
        "| Check | Looks at | Red from | What to do |",
        "| --- | --- | --- | --- |",
        *(f"| `{one.name}` | {one.looks_at} | {_limit(one)} | {one.remedy} |" for one in all_checks().values()),
    ]
    return "\n".join(rows)


def _limit(one: Check) -> str:
    if not one.limit:
        return "the first"
    unit = _UNITS.get(one.limit.rpartition("_")[2], "")
    return " ".join(f"{settings.HEALTH[one.limit]} {unit} (`AUTOSALON_HEALTH_{one.limit.upper()}`)".split())


def shown() -> str:
    """The table as the page has it now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}")


_TEXT = {"type": "string"}
_COMPONENTS: dict[str, Any] = {
    "Life": {
        "type": "object",
        "required": ["status", "version"],
        "properties": {"status": {"type": "string", "const": "ok"}, "version": _TEXT},
    },
    "Readiness": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "string", "enum": ["ok", "degraded", "down"]},
            "services": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/ServiceHealth"}},
            "breakers": {"type": "array", "items": {"type": "object"}},
            "checks": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/CheckHealth"}},
        },
    },
    "ServiceHealth": {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "down"]},
            "breaker": {"type": "string", "enum": ["closed", "half_open", "open"]},
        },
    },
    "CheckHealth": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "string", "enum": ["ok", "failed"]},
            "troubles": {"type": "array", "items": {"$ref": "#/components/schemas/CheckTrouble"}},
            "remedy": _TEXT,
        },
    },
    "CheckTrouble": {
        "type": "object",
        "required": ["where", "what"],
        "properties": {"where": _TEXT, "what": _TEXT},
    },
}


def _answer(description: str, name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def describe_health(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the operations that no app has: is the process alive, and may it be sent visitors."""
    ready = {
        "operationId": "health_ready",
        "summary": "Whether this process may be sent visitors",
        "description": (
            "`ok`: every check is green. `degraded`: something is wrong and somebody has to look, but visitors are "
            "served; the status stays 200, so that a load balancer takes no web away for a mail server. `down`: no "
            "app of this process can serve anybody; 503. Only addresses in AUTOSALON_METRICS_ALLOW are told more than "
            "`status`. The answer may be three seconds old."
        ),
        "tags": ["health"],
        "security": [],
        "responses": {
            "200": _answer("`ok` or `degraded`", "Readiness"),
            "503": _answer("`down`", "Readiness"),
        },
    }
    live = {
        "operationId": "health",
        "summary": "Whether this process answers",
        "description": "Asks nothing of anything else: a process whose databases are away is alive.",
        "tags": ["health"],
        "security": [],
        "responses": {"200": _answer("It does.", "Life")},
    }
    result.setdefault("components", {}).setdefault("schemas", {}).update(copy.deepcopy(_COMPONENTS))
    result["paths"] |= {"/health": {"get": live}, "/health/ready": {"get": ready}}
    return result
