"""Find a Python that is new enough, whatever the system calls it; packages are locked for the oldest that is taken."""

import os
import re
import subprocess

import pytest

from tests.product import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
OLDEST = re.search(r"--python-version (\S+)", MAKEFILE)[1]
"""The oldest Python that packages are locked for."""


def found(folder, **pythons):
    """Let make choose among Pythons that say they are new enough (True) or not, and return what it took."""
    for name, new_enough in pythons.items():
        stub = folder / name.replace("_", ".")
        stub.write_text(f"#!/bin/bash\nexit {0 if new_enough else 1}\n")
        stub.chmod(0o755)
    (folder / "bash").symlink_to("/bin/bash")
    print_it = ["make", "-s", "--no-print-directory", "--eval", "chosen: ; @echo $(PYTHON)", "chosen"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"} | {"PATH": str(folder)}
    command = [subprocess.check_output(["which", "make"], text=True).strip(), *print_it[1:]]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_the_usual_one_is_taken_where_it_is_new_enough(tmp_path):
    assert found(tmp_path, python3=True, python3_14=True) == "python3"


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_one_of_another_name_is_found_where_the_usual_one_is_too_old(tmp_path, minor):
    assert found(tmp_path, python3=False, **{f"python3_{minor}": True}) == f"python3.{minor}"


def test_the_newest_of_several_is_taken(tmp_path):
    assert found(tmp_path, python3=False, python3_12=True, python3_14=True, python3_11=True) == "python3.14"


def test_none_is_taken_that_is_too_old(tmp_path):
    assert found(tmp_path, python3=False, python3_12=False) == ""


def test_tools_and_pages_agree_on_the_oldest():
    settings = (ROOT / "pyproject.toml").read_text()
    assert f'python_version = "{OLDEST}"' in settings
    assert f'target-version = "py{OLDEST.replace(".", "")}"' in settings
    assert f"ARG PYTHON={OLDEST}\n" in (ROOT / "Dockerfile").read_text()
    assert f"sys.version_info < ({OLDEST.replace('.', ', ')})" in MAKEFILE
    assert all(f"Python {OLDEST}" in (ROOT / page).read_text() for page in ("README.md", "README.ru.md", "Makefile"))
