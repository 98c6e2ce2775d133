"""Open the checkout in a container: it holds what README and the build ask for, and its commands are make's."""

import json
import re

import pytest

from tests.product import ROOT

FOLDER = ROOT / ".devcontainer"
DECLARED = json.loads((FOLDER / "devcontainer.json").read_text())
IMAGE = (FOLDER / "Dockerfile").read_text()
KNOWN = {
    "name", "build", "remoteUser", "updateRemoteUserUID", "forwardPorts", "portsAttributes", "onCreateCommand",
    "waitFor", "hostRequirements", "customizations",
}  # fmt: skip
"""Properties that the published schema of devcontainer.json knows; another is looked up there first."""
MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = ("onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand", "postAttachCommand")


def test_only_known_properties_are_declared():
    assert DECLARED.keys() <= KNOWN
    assert (FOLDER / DECLARED["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", [each for each in COMMANDS if each in DECLARED])
def test_each_command_is_one_of_make(name):
    program, *targets = DECLARED[name].split()
    assert program == "make"
    made = {target for line in re.findall(r"^([^\s#:=][^:=\n]*):(?!=)", MAKEFILE, re.M) for target in line.split()}
    assert targets
    assert set(targets) <= made, "the Makefile has no such target"


def test_who_works_in_it_is_made_in_the_image_and_is_not_root():
    made = re.findall(r"useradd .*?(\S+)$", IMAGE, re.M)
    assert made == [DECLARED["remoteUser"]] == re.findall(r"^USER (\S+)$", IMAGE, re.M)


def test_the_port_of_the_product_is_forwarded():
    port = re.search(r"http://127\.0\.0\.1:(\d+)", MAKEFILE)[1]
    assert DECLARED["forwardPorts"] == [int(port)]
    assert list(DECLARED["portsAttributes"]) == [port]


def test_it_has_what_readme_and_the_build_machine_ask_for():
    installed = set(re.search(r"apt-get install .*?\\\n(.*?) && ", IMAGE, re.S)[1].split())
    build = (ROOT / ".ci" / "run").read_text()
    wanted = {each for line in re.findall(r"--no-install-recommends ([^\n)]+)\)", build) for each in line.split()}
    assert len(wanted) > 5
    assert {"make", "git", "curl", *wanted} <= installed


def test_its_python_is_the_one_that_packages_are_locked_for():
    oldest = re.search(r"--python-version (\S+)", MAKEFILE)[1]
    assert re.findall(r"^FROM python:(\S+?)-", IMAGE, re.M) == [oldest]
