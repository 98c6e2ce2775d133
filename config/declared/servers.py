"""Settings of the servers underneath: a given address is used, a missing one is embedded in debug."""

from config.databases import APPS
from config.declared import kinds
from config.declared.machine import OUTSIDE_DEBUG, Machine, layout
from config.declared.setting import NOWHERE, Group, Need, Setting, declare, number, text


class Databases(Group):
    """Databases: a given address is used, a missing one is embedded (debug only)"""


def _is_needed(app: str) -> bool:
    return not Machine.DEBUG and app in layout().databases


def _declare_database(app: str) -> None:
    setting = Setting(
        kinds.DATABASE,
        "",
        f"PostgreSQL of {app}.",
        example=f"postgres://autosalon:secret@localhost:5432/autosalon_{app}",
        secret=True,
        need=Need(f"outside debug, to serve {app}, the storefront or the admin", lambda: _is_needed(app)),
    )
    declare(Databases, f"{app.upper()}_DATABASE_URL", setting)


for _app in APPS:
    _declare_database(_app)


class Servers(Group):
    """Valkey and RabbitMQ"""

    REDIS_URL = Setting(
        kinds.REDIS,
        "",
        "Valkey or Redis; several of its databases are used.",
        example="redis://localhost:6379",
        secret=True,
        need=OUTSIDE_DEBUG,
    )
    VALKEY_PATIENCE_MS = number(
        500,
        "How long a request waits for an answer of Valkey before it goes without, or is asked to come again.",
        least=1,
        unit="milliseconds",
    )
    REDIS_PREFIX = text("autosalon", "Prefix of keys and channels, where two installations share one server.")
    STREAM_URL = Setting(
        kinds.STREAM,
        "",
        "RabbitMQ that the relay tells every public event: exchange `autosalon`, routing key = type.",
        shown="nobody is told",
        example="amqp://autosalon:secret@localhost:5672/",
        secret=True,
        roles=("relay", "external"),
    )
    POSTGRES_PASSWORD = text(
        "",
        "Read by docker-compose.yml alone: the password of its PostgreSQL servers, of letters and digits.",
        secret=True,
        roles=NOWHERE,
    )


def database_url(app: str) -> str:
    """Return where the database of an app is; empty when the environment does not say."""
    url: str = getattr(Databases, f"{app.upper()}_DATABASE_URL")
    return url
