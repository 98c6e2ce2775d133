"""Every app's database: from the environment, or embedded while debugging."""

from collections.abc import Collection, Sequence
from typing import Any

import environ

from config.databases import STORES
from config.declared.machine import Machine, Processes
from config.declared.servers import Replicas, database_url
from devtools.embedded import Embedded


def _session_limits() -> str:
    """A frozen process holds no shard and no lock for ever."""
    limits = {
        "statement_timeout": Processes.STATEMENT_TIMEOUT_MS,
        "lock_timeout": 5_000,
        "idle_in_transaction_session_timeout": 20_000,
    }
    return " ".join(f"-c {name}={milliseconds}" for name, milliseconds in limits.items())


def _session() -> dict[str, Any]:
    """Options of a session of our own. Behind a pooler there is none: its file sets the limits."""
    if Processes.DATABASE_POOLER:
        return {"prepare_threshold": None}
    return {"options": _session_limits(), "prepare_threshold": 5}


def _database(app: str, embedded: Embedded) -> dict[str, Any]:
    url = database_url(app)
    return _complete(
        app, environ.Env.db_url_config(url) if url else embedded.database_settings(f"autosalon_{app}"), _session()
    )


def _complete(app: str, settings: dict[str, Any], session: dict[str, Any]) -> dict[str, Any]:
    settings["ENGINE"] = "core.postgres"
    settings["CONN_MAX_AGE"] = None
    settings["CONN_HEALTH_CHECKS"] = Processes.DATABASE_HEALTH_CHECKS
    settings["DISABLE_SERVER_SIDE_CURSORS"] = Processes.DATABASE_POOLER
    settings["TEST"] = {"DEPENDENCIES": []}
    options = settings.get("OPTIONS", {})
    settings["HOST"] = options.pop("host", settings["HOST"])  # as libpq lets one name a folder of sockets: ?host=/run
    settings["OPTIONS"] = options | {
        "application_name": f"autosalon-{app}",
        "connect_timeout": 2,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        **session,
    }
    return settings


def databases(needed: Sequence[str], peers: Collection[str], embedded: Embedded) -> dict[str, dict[str, Any]]:
    """One database per app: those needed, those named, and in debug all but those that peers serve."""
    wanted = [app for app in STORES if app in needed or database_url(app) or (Machine.DEBUG and app not in peers)]
    return {"default": {}} | {app: _database(app, embedded) for app in wanted}


def replicas() -> dict[str, dict[str, Any]]:
    """Return the replicas that are given, by app; their sessions read only, whatever the server is."""
    given = {"catalog": Replicas.CATALOG_REPLICA_URL, "orders": Replicas.ORDERS_REPLICA_URL}
    session = _session()
    if "options" in session:
        session["options"] += " -c default_transaction_read_only=on"
    found = {}
    for app, url in given.items():
        if url:
            found[app] = _complete(f"{app}-replica", environ.Env.db_url_config(url), session)
    return found
