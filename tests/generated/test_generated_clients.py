"""A car is bought in two languages by clients that were generated a moment ago, under strict checks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from django.conf import settings
from django.utils import timezone

import catalog.tests.make
from gateway.document import openapi
from messaging.testing import drain_outbox
from orders.models import Order
from orders.services import Actor, move_order
from payments.models import Payment
from payments.tests.conftest import running_sandbox, sandbox
from tests import node
from tests.live import Web

__all__ = ["running_sandbox", "sandbox"]

# Generating and checking takes half a minute, and minutes on a busy machine.
pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]
ALL = [alias for alias in settings.DATABASES if alias != "default"]
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCUMENT = openapi.get_document_path(openapi.LANGUAGE, "json")
MANAGER = Actor(UUID(int=1), frozenset({"manager"}))


@pytest.fixture(scope="module")
def shop(django_db_setup):
    with Web() as web:
        yield f"http://127.0.0.1:{web.port}"


@pytest.mark.usefixtures("sandbox")
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_a_python_client_buys_a_car(shop, tmp_path):
    generated = done("openapi-python-client", "generate", "--path", DOCUMENT, "--fail-on-warning", cwd=tmp_path)
    assert [line.partition(" ")[0] for line in generated.stdout.splitlines()] == ["Generating"]
    (tmp_path / "careless.py").write_text(
        "from autosalon_client.models import PaymentsPayment\n\n\n"
        "def minutes(payment: PaymentsPayment) -> int:\n    return payment.amount\n"
    )
    package = tmp_path / "autosalon-client"
    strict = ["--strict", "--config-file=", "--no-error-summary", "--cache-dir", os.devnull]
    checked = run(
        "mypy", *strict, package / "autosalon_client", HERE / "buy.py", "careless.py", cwd=tmp_path, MYPYPATH=package
    )
    assert re.findall(r"^(\S+):\d+: error: .*  \[(\S+)\]$", checked.stdout, re.M) == [("careless.py", "return-value")]
    assert len(checked.stdout.splitlines()) == 1, checked.stdout
    bought(shop, sys.executable, HERE / "buy.py", PYTHONPATH=package)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_a_typescript_client_buys_a_car(shop, tmp_path):
    served = f"{shop}/api/schema/?format=json"
    generated = node.run(
        "openapi-typescript", served, "--default-non-nullable=false", "--output", "api.ts", cwd=tmp_path
    )
    assert generated.returncode == 0, generated.stderr
    assert "⚠" not in generated.stdout + generated.stderr
    (tmp_path / "node_modules").symlink_to(node.modules())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "careless.ts").write_text(
        'import type { components } from "./api.js";\n\n'
        'export const minutes = (payment: components["schemas"]["PaymentsPayment"]): number => payment.amount;\n'
    )
    for name in ("buy.ts", "tsconfig.json"):
        shutil.copy(HERE / name, tmp_path)
    checked = node.run("tsc", "--project", "tsconfig.json", "--pretty", "false", cwd=tmp_path)
    assert re.findall(r"^(\S+)\(.*?\): error (\w+):", checked.stdout, re.M) == [("careless.ts", "TS2322")]
    assert len(checked.stdout.splitlines()) == 1, checked.stdout
    bought(shop, "node", tmp_path / "buy.js")


def test_the_page_for_integrators_names_what_was_tried():
    page = (ROOT / "docs" / "integrators.md").read_text()
    packages = json.loads((node.HERE / "package.json").read_text())["dependencies"]
    (generator,) = re.findall("^openapi-python-client==.*", (ROOT / "requirements-dev.in").read_text(), re.M)
    named = {generator, *(f"{name}@{packages[name]}" for name in ("openapi-fetch", "openapi-typescript", "typescript"))}
    assert named - set(page.split()) == set()


def run(program, *arguments, cwd, **environment):
    """Run a program of this Python's own folder; generators look for others beside them on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path} | {name: str(value) for name, value in environment.items()}
    command = [program, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=480)


def done(*command, **options):
    ended = run(*command, **options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def bought(shop, *command, **environment):
    """Let a program buy the only car there is, do the shop's part meanwhile, and look at what has come of it."""
    car = catalog.tests.make.product(stock=1, price="2000000.00")
    drain_outbox()
    environment = os.environ | {name: str(value) for name, value in environment.items()}
    command = [*map(str, command), shop]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as buying:
        while is_running(buying):
            drain_outbox()
            hand_over()
        said = buying.stdout.read()
    assert buying.returncode == 0, said
    order = Order.objects.get()
    assert (str(order.id), order.status) == (said.split()[-1], "completed")
    assert [(money.order_id, money.status, money.amount) for money in Payment.objects.all()] == [
        (order.id, "completed", order.total_amount)
    ]
    left = httpx2.get(f"{shop}/api/v1/products/{car.id}").json()
    assert (left["stock"], left["available"]) == (0, 0)


def is_running(program):
    try:
        return program.wait(timeout=0.1) is None
    except subprocess.TimeoutExpired:
        return True


def hand_over():
    for order_id in Order.objects.filter(status="paid").values_list("id", flat=True):
        for status in ("in_progress", "ready", "completed"):
            move_order(order_id=order_id, status=status, actor=MANAGER, now=timezone.now())
