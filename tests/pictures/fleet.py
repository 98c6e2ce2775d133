"""The whole product with a year of demo data, kept in a folder of its own from one run to the next."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from config.processes.running import running_address
from tests.product import Product

HOST = "autosalon.example"
"""Name by which the browser calls the fleet: pictures tell no machine's name."""
MADE = "demo-made"
SETTINGS = {"AUTOSALON_PUBLIC_URL": f"http://{HOST}", "AUTOSALON_ALLOWED_HOSTS": f"{HOST},127.0.0.1"}


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """Yield the port of the fleet: of the one that runs in the folder, or of one that is started and stopped again."""
    known = urlsplit(running_address(folder)).port
    if known:
        yield known
        return
    product = Product(folder)
    product.env |= SETTINGS
    if not (folder / MADE).exists():
        _make(product)
    try:
        product.start()
        yield product.port
    finally:
        _end(product)


def _make(product: Product) -> None:
    """Fill the folder anew: databases, a year of deals, photographs of the cars."""
    product.clear()
    product.folder.mkdir(parents=True)
    for command in (["services", "start"], ["migrate_all"], ["load_demo"], ["photograph_demo"]):
        done = product.manage(*command, timeout=3600)
        if done.returncode:
            shutil.rmtree(product.folder / "run", ignore_errors=True)
            raise RuntimeError(f"{command}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    (product.folder / MADE).touch()


def _end(product: Product) -> None:
    """Stop the processes and the servers; the data stay."""
    product.http.close()
    if product.process is not None and product.process.poll() is None:
        product.process.terminate()
        product.process.wait(timeout=60)
