"""The OpenAPI document against the running product, as each role: no 5xx, and no answer outside the document.

AUTOSALON_FUZZ_EXAMPLES (default 2) says how many requests each operation gets; from 20 on the boundary cases of every
parameter come too. AUTOSALON_FUZZ_SEED repeats a run.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import User
from contracts.spoken import LETTERS
from core.ids import uuid7
from core.testing import token_for
from tests.live import Web

pytestmark = pytest.mark.proof

ALL = [alias for alias in settings.DATABASES if alias != "default"]
EXAMPLES = int(os.environ.get("AUTOSALON_FUZZ_EXAMPLES", "2"))
SEED = os.environ.get("AUTOSALON_FUZZ_SEED", "20261121")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ROLES = {"anonymous": (), "client": ("client",), "manager": ("manager",), "admin": ("admin",)}
SPOKEN = ("client", "manager", "admin")
"""Whom the documents of contracts are tried as."""
JSON = "application/vnd.oai.openapi+json"
PHASES = "examples,coverage,fuzzing" if EXAMPLES >= 20 else "fuzzing"


@pytest.mark.timeout(3600)
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_every_answer_is_in_the_document(tmp_path):
    for roles in filter(None, ROLES.values()):
        User.objects.create(id=uuid7(), email=f"{roles[0]}@example.com", password="!", roles=list(roles))
    with Web() as web:
        document = web.http.get(f"{get_root_url(web)}/api/schema/", headers={"Accept": JSON}, timeout=120)
        (tmp_path / "openapi.json").write_bytes(document.content)
        runs = {role: fuzz(web, role, tmp_path / role) for role in ROLES}
        failed = {role: told(run, tmp_path / role) for role, run in runs.items() if run.wait() != 0}
        assert not failed, web.log.read_text()[-3000:] + "\n".join(
            f"as {role}:\n{text}" for role, text in failed.items()
        )


@pytest.mark.timeout(1800)
@pytest.mark.django_db(databases=ALL, transaction=True)
@pytest.mark.parametrize("letter", LETTERS)
def test_every_answer_of_a_contract_is_in_its_document(letter, tmp_path):
    for role in SPOKEN:
        User.objects.create(id=uuid7(), email=f"{role}@example.com", password="!", roles=[role])
    with Web() as web:
        base = f"{get_root_url(web)}/contracts/{letter}"
        (tmp_path / "openapi.json").write_bytes(web.http.get(f"{base}/openapi.json", timeout=120).content)
        runs = {role: fuzz(web, role, tmp_path / role, base) for role in SPOKEN}
        failed = {role: told(run, tmp_path / role) for role, run in runs.items() if run.wait() != 0}
        assert not failed, web.log.read_text()[-3000:] + "\n".join(
            f"as {role}:\n{text}" for role, text in failed.items()
        )


def get_root_url(web: Web) -> str:
    return f"http://127.0.0.1:{web.port}"


def fuzz(web: Web, role: str, folder: Path, base: str = "") -> "subprocess.Popen[bytes]":
    """Start schemathesis in a folder of its own, against the product or what stands under `base`."""
    folder.mkdir()
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", "../openapi.json", "--url", base or get_root_url(web),
        "--checks", CHECKS, "--phases", PHASES, "--max-examples", str(EXAMPLES), "--seed", SEED,
        "--generation-database", "none", "--generation-with-security-parameters", "false", "--no-shrink",
        "--no-color", "--warnings", "off", "--request-timeout", "20", "--suppress-health-check", "all",
    ]  # fmt: skip
    if ROLES[role]:
        user = User.objects.get(email=f"{role}@example.com")
        command += ["--header", f"Authorization: Bearer {token_for(user.id, role, exp=2_000_000_000)}"]
    output = (folder / "output.txt").open("wb")
    return subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)


def told(run: "subprocess.Popen[bytes]", folder: Path) -> str:
    """The end of what a run printed."""
    return (folder / "output.txt").read_text()[-20_000:]
