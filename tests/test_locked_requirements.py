"""Install nothing but what was pinned: each locked file names every package with its version and its hashes."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from devtools.sbom import normalize
from tests.product import ROOT

SETS = sorted(path.stem for path in ROOT.glob("requirements*.in"))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(name):
    """Return every pin of a locked file, by its normal name, with the hashes that it is taken by."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / f"{name}.txt").read_text()).replace("\\\n", "")
    pins = {}
    for line in text.splitlines():
        wanted, *hashes = re.split(r"\s+(?=--hash)", line.strip())
        pin = Requirement(wanted)
        assert normalize(pin.name) not in pins, f"{pin.name} is pinned twice in {name}.txt"
        assert all(map(HASH.fullmatch, hashes)), line
        pins[normalize(pin.name)] = (pin, hashes)
    return pins


def asked(name):
    """Return what a set asks for by name, with what it takes over from other sets."""
    wanted = {}
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            wanted |= asked(line.removeprefix("-r ").removesuffix(".in"))
        else:
            pin = Requirement(line)
            wanted[normalize(pin.name)] = pin
    return wanted


def reachable(names, pins):
    """Return which packages those named need, as what is installed here says of itself; another's is not known."""
    found, ahead = set(), list(names)
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        ahead += [normalize(each.name) for each in needed(name, pins.get(name))]
    return found


def needed(name, pin):
    extras = pin[0].extras if pin else set()
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    wanted = [Requirement(line) for line in lines]
    return [
        each for each in wanted if not each.marker or any(each.marker.evaluate({"extra": x}) for x in {"", *extras})
    ]


def test_each_set_is_locked_and_nothing_else_is():
    assert sorted(path.stem for path in ROOT.glob("requirements*.txt")) == SETS
    assert "requirements" in SETS


@pytest.mark.parametrize("name", SETS)
def test_each_pin_has_its_version_and_its_hashes(name):
    pins = locked(name)
    assert {each for each, (_, hashes) in pins.items() if not hashes} == set()
    assert {each for each, (pin, _) in pins.items() if not re.fullmatch(r"==[^*,]+", str(pin.specifier))} == set()


@pytest.mark.parametrize("name", SETS)
def test_a_locked_file_says_what_is_asked_for(name):
    pins = locked(name)
    for each, wanted in asked(name).items():
        assert each in pins, f"{each} is not locked: make lock"
        assert (pins[each][0].specifier, pins[each][0].extras) == (wanted.specifier, wanted.extras), "run make lock"


@pytest.mark.parametrize("name", [each for each in SETS if each != "requirements-lock"])
def test_nothing_is_locked_that_nobody_asks_for(name):
    pins = locked(name)
    here = {each for each, (pin, _) in pins.items() if not pin.marker or pin.marker.evaluate()}
    assert here - reachable(asked(name), pins) == set(), "run make lock"


def test_no_two_sets_differ():
    for name in SETS:
        for each, (pin, hashes) in locked(name).items():
            widest = locked("requirements-dev").get(each, (pin, hashes))
            assert (widest[0].specifier, widest[1]) == (pin.specifier, hashes), each


@pytest.mark.parametrize("name", [each for each in SETS if each != "requirements-lock"])
def test_what_is_wanted_with_an_extra_is_pinned_with_it(name):
    """Old pips (that of Python 3.11.7 is one) take `coverage[toml]` for another package than a pinned `coverage`."""
    pins = locked(name)
    for each, pin in pins.items():
        for wanted in needed(each, pin):
            if wanted.extras and normalize(wanted.name) in pins:
                assert wanted.extras <= pins[normalize(wanted.name)][0].extras, f"{each} wants {wanted}"


@pytest.mark.parametrize("name", SETS)
def test_a_locked_file_names_no_registry(name):
    text = (ROOT / f"{name}.txt").read_text()
    assert "://" not in text
    assert re.findall(r"(?m)^\s*-(?!-hash=).*", text) == []


def test_whatever_installs_a_locked_file_asks_for_its_hashes():
    lines = [line for name in ("Makefile", "Dockerfile") for line in (ROOT / name).read_text().splitlines()]
    commands = [line for line in lines if "pip install" in line and "-r requirements" in line]
    assert len(commands) == 4
    assert [line for line in commands if "--require-hashes" not in line] == []


def test_one_command_locks_them_all():
    recipe = re.search(r"^lock:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)[1]
    assert {f"requirements{each}" for each in re.findall(r"requirements((?:-[a-z0-9]+)?)\b", recipe)} == set(SETS)
