"""The walk over one bare Debian in docs/operations.md, and the units it installs, checked without a Debian."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from config.databases import APPS
from config.declared.setting import ALL
from config.environment import PREFIX
from devtools.bare import PAGE, read_blocks
from messaging.delivery.queues import FORMER_EXTERNAL_QUEUE, external_queue, get_queue_name

ROOT = Path(settings.BASE_DIR)
UNITS = {path.stem: path for path in sorted((ROOT / "deploy" / "systemd").glob("*.service"))}
BLOCKS = read_blocks(PAGE.read_text())


def read_unit(name):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(UNITS[name])
    return {key: value for section in unit.sections() for key, value in unit[section].items()}


def read_command(name):
    return read_unit(name)["ExecStart"].removeprefix("/opt/autosalon/bin/").replace("%%", "%").split()


def test_whatever_runs_in_containers_is_a_unit_that_runs_the_same_program():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    contained = {
        tuple(word for word in service["command"] if word in PROGRAMS)
        for service in services.values()
        if service["image"].startswith("autosalon")
        and "profiles" not in service
        and "migrate_all" not in service.get("command", [])
        and "command" in service
    }
    ours = {tuple(word for word in read_command(name) if word in PROGRAMS) for name in UNITS}
    assert contained | {("granian",)} == ours


PROGRAMS = {"granian", "uvicorn", "celery", "worker", "beat", "relay"}


def test_every_queue_is_served_by_one_unit():
    served = [queue for name in UNITS for queue in read_queues(read_command(name))]
    assert sorted(served) == sorted([*map(get_queue_name, APPS), *map(external_queue, APPS), FORMER_EXTERNAL_QUEUE])


def read_queues(command):
    return command[command.index("-Q") + 1].split(",") if "-Q" in command else []


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_again_what_dies_as_nobody_special(name):
    unit = read_unit(name)
    assert (unit["User"], unit["Restart"], unit["NoNewPrivileges"]) == ("autosalon", "always", "yes")
    assert (unit["PartOf"], unit["WantedBy"]) == ("autosalon.target", "autosalon.target")
    assert any(name in block for block in BLOCKS), "the page enables it"


@pytest.mark.parametrize("at", range(len(BLOCKS)))
def test_each_block_of_the_page_is_shell_and_names_settings_that_there_are(at):
    done = subprocess.run(["bash", "-n"], input=BLOCKS[at], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    known = {f"{PREFIX}{name.removeprefix(PREFIX)}" for name in ALL} | {
        f"{PREFIX}ADMIN_EMAIL",
        f"{PREFIX}ADMIN_PASSWORD",
    }
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b(?!\$)", BLOCKS[at])) - {f"{PREFIX}"}
    assert named <= known


def test_a_page_without_the_walk_is_no_walk():
    with pytest.raises(ValueError, match="no commands"):
        read_blocks("# Operations\n\n## Elsewhere\n\n```sh\ntrue\n```\n")
