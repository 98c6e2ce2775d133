"""A bench of its own: data folder, servers, migrated databases and settings, apart from the running product."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from devtools.embedded import Embedded  # noqa: E402

DATA_DIR = ROOT / ".data" / "bench"
SETTINGS = {
    "AUTOSALON_DEBUG": "on",
    "AUTOSALON_DATA_DIR": str(DATA_DIR),
    "AUTOSALON_REDIS_URL": "",
    "AUTOSALON_LOG_LEVEL": "ERROR",
    "AUTOSALON_RATE_LIMIT_DEFAULT": "100000000/60",
    "AUTOSALON_RATE_LIMIT_ORDER_CREATE": "100000000/60",
    "AUTOSALON_RATE_LIMIT_LOGIN": "100000000/60",
    "AUTOSALON_RATE_LIMITS": "on",
    "AUTOSALON_HOLDS_WITHOUT_DEPOSIT": "1000000",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}
"""Every guard is on; only the numbers of the limits are out of reach, since one machine plays all the clients."""


def start(apps: tuple[str, ...]) -> Embedded:
    """Start the servers, migrate the databases of `apps`, set Django up."""
    os.environ.update(SETTINGS)
    for name in [name for name in os.environ if name.startswith("AUTOSALON_") and name.endswith("_DATABASE_URL")]:
        os.environ[name] = ""
    servers = Embedded(DATA_DIR)
    servers.start()
    from config.databases import STORES

    servers.create_databases([f"autosalon_{app}" for app in STORES])
    import django

    django.setup()
    from config.management.commands.migrate_all import aliases, migrate_databases

    list(migrate_databases([alias for alias in aliases() if alias in apps]))
    return servers
