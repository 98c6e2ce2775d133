"""The pins of Node's programs: exact, and free of the address of whoever served them."""

import json
import re

import pytest

from tests import node


def test_every_pin_is_exact_and_names_no_registry():
    asked = json.loads((node.HERE / "package.json").read_text())
    locked = json.loads((node.HERE / "package-lock.json").read_text())["packages"]
    pins = asked["dependencies"] | asked.get("devDependencies", {})
    assert [pin for pin in pins.values() if not re.fullmatch(r"\d+\.\d+\.\d+", pin)] == []
    assert [name for name, package in locked.items() if "resolved" in package] == []
    assert [name for name, package in locked.items() if name and "integrity" not in package] == []
    assert {name: locked[f"node_modules/{name}"]["version"] for name in pins} == pins


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_they_run_at_the_versions_that_are_pinned():
    pins = json.loads((node.HERE / "package.json").read_text())["dependencies"]
    said = node.run("redocly", "--version")
    assert said.stdout.strip() == pins["@redocly/cli"], said.stderr


def test_a_machine_without_node_skips_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="apt-get install nodejs npm"):
        node._require_node()
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "node").write_text("#!/bin/sh\necho v18.19.0\n")
    for name in ("node", "npm"):
        (tmp_path / name).chmod(0o755)
    with pytest.raises(pytest.skip.Exception, match="is older than"):
        node._require_node()
