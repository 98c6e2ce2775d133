"""List what the image is made of: every pinned package once, with its licence, the same each time."""

import re

import pytest
from packaging.requirements import Requirement

from config import __version__
from devtools import sbom


@pytest.fixture(scope="module")
def pins():
    return sbom.read_pins(sbom.ROOT / name for name in sbom.FILES)


def test_it_lists_what_the_image_installs_and_nothing_else(pins):
    installed = re.findall(r"-r (requirements\S*\.txt)", (sbom.ROOT / "Dockerfile").read_text())
    assert tuple(dict.fromkeys(installed)) == sbom.FILES
    lines = [line for name in sbom.FILES for line in (sbom.ROOT / name).read_text().splitlines()]
    named = [Requirement(line.rstrip(" \\")) for line in lines if line[0].isalpha()]
    assert {sbom.normalize(each.name) for each in named if not each.marker or each.marker.evaluate()} == set(pins)
    made = sbom.make_sbom(__version__, pins)
    assert [(one["name"], one["version"]) for one in made["components"]] == sorted(pins.items())
    assert made["metadata"]["component"]["version"] == __version__
    assert {one["purl"] for one in made["components"]} == {f"pkg:pypi/{name}@{pins[name]}" for name in pins}
    assert made == sbom.make_sbom(__version__, pins)


def test_nearly_everything_says_its_licence(pins):
    silent = [one["name"] for one in sbom.make_sbom(__version__, pins)["components"] if "licenses" not in one]
    assert len(silent) < len(pins) / 10, silent


def test_another_version_is_another_document(pins):
    assert sbom.make_sbom("1", pins)["serialNumber"] != sbom.make_sbom("2", pins)["serialNumber"]


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        ("no-such-package", "1", "no-such-package==1 is not installed"),
        ("django", "0.9", r"django is [\d.]+ here, and 0.9 is pinned"),
    ],
)
def test_nothing_is_said_of_what_is_not_here(name, version, reason):
    with pytest.raises(sbom.NotInstalled, match=reason):
        sbom.describe(name, version)


def test_nothing_is_said_of_what_other_systems_install(tmp_path):
    (tmp_path / "some.txt").write_text(
        "here==1 ; sys_platform != 'win32' \\\n    --hash=sha256:0\nthere[x]==2 ; python_version < '3'\n"
    )
    assert sbom.read_pins([tmp_path / "some.txt"]) == {"here": "1"}
