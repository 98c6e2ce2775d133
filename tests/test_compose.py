"""docker-compose.yml and the Dockerfile, checked without an engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from config.databases import APPS

ROOT = Path(settings.BASE_DIR)
COMPOSE = ROOT / "docker-compose.yml"
REQUIRED = {
    "AUTOSALON_SECRET_KEY": "x",
    "AUTOSALON_ALLOWED_HOSTS": "shop.example",
    "AUTOSALON_POSTGRES_PASSWORD": "x",
}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_it_follows_the_compose_specification():
    command = [
        str(Path(sys.executable).parent / "check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_itself_accepts_it():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker compose plugin is not installed here")
    done = subprocess.run(
        [docker, "compose", "-f", str(COMPOSE), "config", "--quiet"],
        capture_output=True, text=True, check=False, env=os.environ | REQUIRED,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_app_has_a_postgres_of_its_own(services):
    for app in APPS:
        assert f"postgres-{app}" in services
        url = services["web"]["environment"][f"AUTOSALON_{app.upper()}_DATABASE_URL"]
        assert url.endswith(f"@postgres-{app}:5432/autosalon_{app}")


def test_every_queue_has_exactly_one_worker_group(services):
    drained = [
        queue
        for name, service in services.items()
        if name.startswith("worker-")
        for queue in service["command"][service["command"].index("-Q") + 1].split(",")
    ]
    assert sorted(drained) == sorted([*(f"q.{app}" for app in APPS), "q.external"])


def test_everything_that_runs_is_watched_and_unprivileged(services):
    for name, service in services.items():
        assert "healthcheck" in service or name == "migrate", name
        if service["image"].startswith("autosalon"):
            assert service["user"] == "10001:10001", name
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name


def test_no_secret_has_a_default(services):
    for name, value in services["web"]["environment"].items():
        if "SECRET" in name or "PASSWORD" in str(value):
            assert ":?" in value, name


def test_the_image_runs_as_nobody_special_and_is_built_in_stages():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert "USER autosalon" in lines
