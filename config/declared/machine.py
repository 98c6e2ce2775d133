"""Settings of the machine and of its processes."""

from config.databases import APPS
from config.declared import kinds
from config.declared.setting import NOWHERE, Group, Need, Setting, flag, listed, number, port, text
from config.environment import BASE_DIR
from config.layout import ROLES, Layout, read_layout


class Machine(Group):
    """This machine"""

    DEBUG = flag(
        False,
        "Debug: missing servers are embedded, missing secrets made and kept in the data folder. Off, every secret is "
        "required.",
        roles=NOWHERE,
    )
    DEBUG_TOOLBAR = flag(
        False,
        "Statements, templates, cache and headers of each page beside it, for whoever opens it on this machine "
        "(django-debug-toolbar); debug only. Needs requirements-dev.txt.",
        roles=NOWHERE,
    )
    PORT = port(8000, "Web port; a second checkout on the same machine needs another one.", roles=NOWHERE)
    DATA_DIR = Setting(
        kinds.PATH,
        lambda: BASE_DIR / ".data",
        "Everything the checkout keeps: embedded servers, keys, logs, mail, uploaded files.",
        shown=".data in the checkout",
        roles=NOWHERE,
    )
    POSTGRES_BIN = text(
        "",
        "Folder with the PostgreSQL programs to embed.",
        shown="the installed wheel, else the newest on the system",
        roles=NOWHERE,
    )
    LOG_LEVEL = Setting(kinds.choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "The least that is logged.")
    ACCESS_LOG = flag(
        lambda: not Machine.DEBUG,
        "One line per HTTP request: method, path without its query, status, milliseconds.",
        shown="on outside debug",
        roles=("web", "live"),
    )


OUTSIDE_DEBUG = Need("outside debug", lambda: not Machine.DEBUG)


class Processes(Group):
    """Processes"""

    SERVICES = listed(
        kinds.text(),
        "Apps this process serves: API, events, handlers, queues. `storefront` (pages, admin and the API of all) and "
        "`admin` need every database.",
        known=(*APPS, *ROLES),
        shown="everything",
        roles=NOWHERE,
    )
    RELAY_MODE = Setting(
        kinds.choice("process", "task"),
        "process",
        "process: `manage.py relay` moves events. task: Celery beat does, every two seconds.",
    )
    STATEMENT_TIMEOUT_MS = number(10_000, "Longest statement of a request.", least=1, unit="milliseconds")
    DATABASE_POOLER = flag(
        False,
        "The databases' addresses lead to PgBouncer in transaction mode: for web and live, which need no session.",
        roles=("web", "live"),
    )
    DATABASE_HEALTH_CHECKS = flag(False, "Ask a connection whether it still lives before each request.")
    METRICS_DIR = text(
        "",
        "Folder in which processes of one machine put their counts together, so that one scrape of /metrics tells of "
        "all; emptied before they start. Without it each process tells its own.",
    )
    METRICS_PORT = number(
        0,
        "Port at which a process without pages (relay, worker, clock) answers /metrics; 0 for none. Whoever reaches "
        "it may read it.",
        most=65_535,
        unit="port",
        roles=("relay", "worker", "external", "beat"),
    )
    SLOW_STATEMENT_MS = number(
        500, "From when on a statement is counted as slow, and logged without its values.", least=1, unit="milliseconds"
    )
    METRICS_ALLOW = listed(
        kinds.NETWORK,
        "Who may read /metrics, which to all others does not exist, and the details of /health/ready.",
        default=[kinds.NETWORK.read("127.0.0.0/8"), kinds.NETWORK.read("::1")],
        roles=("web", "live"),
    )


class Telemetry(Group):
    """Traces and errors"""

    TRACES_URL = Setting(
        kinds.url(("http", "https"), "http://collector:4318/v1/traces"),
        "",
        "Collector that spans are sent to by OTLP over HTTP. Needs requirements-watch.txt.",
        shown="none are made",
        roles=("web", "live", "relay", "worker", "external"),
    )
    TRACES_SHARE = Setting(
        kinds.share(),
        "1",
        "Part of the requests that are traced; who sends a traceparent decides for its own.",
        roles=("web", "live", "relay", "worker", "external"),
    )
    ERRORS_DSN = Setting(
        kinds.url(("http", "https"), "https://key@errors.example/7"),
        "",
        "Where errors are reported by Sentry's protocol (Sentry, GlitchTip). Needs requirements-watch.txt.",
        shown="they stay in the log",
    )


class Peers(Group):
    """Services on other machines"""

    PEERS = listed(
        kinds.peer(APPS),
        "Where apps answer whose databases are not here, such as `orders=http://10.0.0.5:8000`.",
        roles=NOWHERE,
    )
    PEER_SECRET = listed(
        kinds.text("32 characters or more, such as `openssl rand -hex 32` prints", r".{32,}"),
        "What services on different machines sign with when they ask each other, the same everywhere, newest first.",
        secret=True,
        need=Need("with AUTOSALON_PEERS", lambda: bool(Peers.PEERS)),
        roles=NOWHERE,
    )


class Switches(Group):
    """Switches"""

    is_hidden = True

    TEST_RUN = flag(False, "Tests: leave .env alone.", roles=NOWHERE)
    STATIC_MANIFEST = flag(
        lambda: not Machine.DEBUG, "The image's build: name static files by their content.", roles=NOWHERE
    )
    FAILPOINTS = text("", "Faults for tests to meet, as place=fault; debug only.", roles=NOWHERE)
    SUPERVISED = text("", "The supervisor's mark on its children.", roles=NOWHERE)
    CHAOS_SEED = number(0, "Which storm `make chaos` raises.", unit="seed", roles=NOWHERE)
    CHAOS_KILLS = number(0, "How many faults it has.", unit="faults", roles=NOWHERE)
    CHAOS_SECONDS = number(0, "How long everything is rolled while buyers buy.", unit="seconds", roles=NOWHERE)
    DEAL_RUNS = number(0, "Deals of `make deals`.", unit="deals", roles=NOWHERE)
    EXAMPLES_DIR = text("", "Where tests keep what `make examples` chooses from.", roles=NOWHERE)
    FAULT_PAYMENTS = number(0, "Payments of `make faults`.", unit="payments", roles=NOWHERE)
    FAULT_SEED = number(0, "Which bad day they meet.", unit="seed", roles=NOWHERE)
    FUZZ_EXAMPLES = number(0, "Requests that each operation of the API is fuzzed with.", unit="requests", roles=NOWHERE)
    FUZZ_SEED = number(0, "Which requests.", unit="seed", roles=NOWHERE)
    FEED_DISCONNECTS = number(0, "Disconnects that the live feed has to survive.", unit="disconnects", roles=NOWHERE)
    SHUFFLES = number(0, "Orders in which webhooks arrive.", unit="orders", roles=NOWHERE)
    FACET_STEPS = number(0, "Changes that the facets are compared after.", unit="changes", roles=NOWHERE)
    UPGRADE_FROM = text("", "The release that today's code is mixed with, instead of the last one.", roles=NOWHERE)
    UPGRADE_ORDERS = number(0, "Orders of each mixture of `make upgrade-test`.", unit="orders", roles=NOWHERE)
    LAYOUT_SECONDS = number(0, "How long buyers buy in production's topology at least.", unit="seconds", roles=NOWHERE)
    LAST_CAR_BUYERS = number(0, "Buyers who want the last car.", unit="buyers", roles=NOWHERE)


def layout() -> Layout:
    """Return which part of the product this process is; all of it by default."""
    return read_layout(Processes.SERVICES)
