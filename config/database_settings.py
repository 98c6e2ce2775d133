"""Every app's database: from the environment, or embedded while debugging."""

from collections.abc import Sequence
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config.databases import APPS
from config.embedded import Embedded
from config.environment import DEBUG, flag, number, text

_SESSION_LIMITS = " ".join(
    f"-c {name}={milliseconds}"
    for name, milliseconds in {
        "statement_timeout": number("STATEMENT_TIMEOUT_MS", 10_000),
        "lock_timeout": 5_000,
        "idle_in_transaction_session_timeout": 20_000,
    }.items()
)
"""A frozen process holds no lane and no lock for ever."""


def _database(app: str, embedded: Embedded) -> dict[str, Any]:
    settings: dict[str, Any]
    url = text(f"{app.upper()}_DATABASE_URL")
    if url:
        settings = environ.Env.db_url_config(url)
    elif DEBUG:
        settings = embedded.database_settings(f"autosalon_{app}")
    else:
        raise ImproperlyConfigured(f"AUTOSALON_{app.upper()}_DATABASE_URL is required outside debug")
    settings["ENGINE"] = "core.postgres"
    settings["CONN_MAX_AGE"] = None
    settings["CONN_HEALTH_CHECKS"] = flag("DATABASE_HEALTH_CHECKS")
    settings["DISABLE_SERVER_SIDE_CURSORS"] = False
    settings["TEST"] = {"DEPENDENCIES": []}
    settings["OPTIONS"] = settings.get("OPTIONS", {}) | {
        "application_name": f"autosalon-{app}",
        "connect_timeout": 2,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "options": _SESSION_LIMITS,
        "prepare_threshold": 5,
    }
    return settings


def databases(services: Sequence[str], embedded: Embedded) -> dict[str, dict[str, Any]]:
    """One database per app; a split service knows only its own (and accounts, when it serves the admin)."""
    wanted = [app for app in APPS if app in services or text(f"{app.upper()}_DATABASE_URL") or DEBUG]
    return {"default": {}} | {app: _database(app, embedded) for app in wanted}
