"""Settings of the servers underneath: a given address is used, a missing one is embedded in debug."""

from config.databases import STORES
from config.declared import kinds
from config.declared.access import Addresses
from config.declared.contracts import Contracts
from config.declared.machine import OUTSIDE_DEBUG, Machine, layout
from config.declared.setting import NOWHERE, Group, Need, Setting, declare, listed, number, seconds, text


class Databases(Group):
    """Databases: a given address is used, a missing one is embedded (debug only)"""


def _is_needed(app: str) -> bool:
    """Tell whether a process of this layout reads it; that of `contracts` only where one is spoken."""
    is_spoken = app != "contracts" or bool(Contracts.CONTRACTS)
    return not Machine.DEBUG and app in layout().stores and is_spoken


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


for _app in STORES:
    _declare_database(_app)


class Replicas(Group):
    """Replicas: servers that follow a database, and take its heaviest reads"""

    CATALOG_REPLICA_URL = Setting(
        kinds.DATABASE,
        "",
        "Replica of catalog's PostgreSQL: the shop's lists, searches and their counts read from it.",
        shown="the database itself is read",
        example="postgres://autosalon:secret@replica:5432/autosalon_catalog",
        secret=True,
        roles=("web",),
    )
    ORDERS_REPLICA_URL = Setting(
        kinds.DATABASE,
        "",
        "Replica of orders' PostgreSQL: the sales figures read from it.",
        shown="the database itself is read",
        example="postgres://autosalon:secret@replica:5432/autosalon_orders",
        secret=True,
        roles=("web",),
    )
    REPLICA_LAG_S = seconds(
        10,
        "How far a replica may be behind; beyond it, and for somewhat longer by whoever wrote, the database itself is "
        "read.",
        least=1,
        roles=("web",),
    )


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
    KAFKA_SERVERS = Setting(
        kinds.text("host:port; several are separated by commas", r"[^\s,:]+:\d+(,[^\s,:]+:\d+)*"),
        "",
        "Kafka that the relay tells every public event: topics `autosalon.<app>-events`, keyed by what they are about. "
        "Needs the client: requirements-kafka.txt.",
        shown="nobody is told",
        example="localhost:9092",
        roles=("relay", "external"),
    )
    KAFKA_OPTIONS = Setting(
        kinds.listed(kinds.text("name=value, as librdkafka calls its settings", r"[a-z0-9._]+=[^\s,]+")),
        list,
        "Further settings of Kafka's client, such as `security.protocol=SASL_SSL`, `sasl.username=…`.",
        shown="none",
        secret=True,
        roles=("relay", "external"),
    )
    COMMANDS = listed(
        kinds.text("a command such as order.place", r"[a-z_]+\.[a-z_]+"),
        "Commands of partners that `manage.py consume_stream` takes from brokers; docs/integrators.md lists them.",
        shown="none",
        roles=("relay",),
    )
    COMMANDS_API = Setting(
        kinds.url(("http", "https"), "http://web:8000"),
        lambda: Addresses.PUBLIC_URL,
        "Where `consume_stream` calls the API.",
        shown="the address visitors use",
        roles=("relay",),
    )
    BROKER_PASSWORD = text(
        "",
        "Read by docker-compose.yml alone: the password of its RabbitMQ (profile `stream`), of letters and digits.",
        secret=True,
        roles=NOWHERE,
    )
    WATCH_PASSWORD = text(
        "",
        "Read by docker-compose.yml alone: the password of its Grafana's `admin` (profile `watch`).",
        secret=True,
        roles=NOWHERE,
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
