"""One version: the code, the API's document, the image, the changelog and the record of releases name the same."""

import json
import re
import subprocess
import sys
from dataclasses import asdict

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config import __version__
from config.databases import EVERYWHERE, STORES
from config.management.commands import record_release
from config.migrating.releases import changelog, digest, last_release, releases
from tests.product import ROOT

SEMANTIC = re.compile(r"(\d+)\.(\d+)\.(\d+)(-dev)?")


def order(version):
    return tuple(map(int, SEMANTIC.fullmatch(version).groups()[:3]))


def test_everything_that_tells_its_version_tells_the_same():
    label = re.search(r'org\.opencontainers\.image\.version="([^"]+)"', (ROOT / "Dockerfile").read_text())
    assert label[1] == settings.SPECTACULAR_SETTINGS["VERSION"] == settings.VERSION == __version__


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_the_command_line_tells_it(argument):
    told = subprocess.run([sys.executable, "manage.py", argument], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == f"autosalon {__version__}\n"


def test_the_changelog_names_the_releases_newest_first():
    recorded = [each.version for each in reversed(releases())]
    assert recorded == sorted(recorded, key=order, reverse=True)
    written = list(changelog())
    assert written[0] == "Unreleased"
    if __version__.endswith("-dev"):
        assert written[1:] == recorded
    else:  # the commit that a tag will name; the next one records it
        assert written[1:] in (recorded, [__version__, *recorded])


def test_the_version_is_ahead_of_the_last_release():
    assert SEMANTIC.fullmatch(__version__)
    if __version__ != last_release().version:
        assert order(__version__) > order(last_release().version)


def test_tags_name_the_commits_on_record():
    for release in releases():
        command = ["git", "rev-parse", "--verify", "--quiet", f"{release.tag}^{{commit}}"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
        assert found in ("", release.commit), "a clone without tags has the record alone"


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A copy of the record that a test may write."""
    file = tmp_path / "releases.json"
    file.write_text(json.dumps([asdict(each) for each in releases()]))
    monkeypatch.setattr(record_release, "FILE", file)
    return file


def test_a_release_is_recorded_once_it_is_tagged(record, monkeypatch):
    monkeypatch.setattr(record_release, "changelog", lambda: {"7.0.0": "7.0.0 – today\n"})
    with pytest.raises(CommandError, match=r"no tag v7\.0\.0"):
        call_command("record_release", "7.0.0")
    monkeypatch.setattr(record_release, "_commit", lambda version: "c0ffee")
    call_command("record_release", "7.0.0")
    *before, made = json.loads(record.read_text())
    assert before == [asdict(each) for each in releases()]
    assert (made["version"], made["commit"]) == ("7.0.0", "c0ffee")
    assert made["changelog"] == digest("7.0.0 – today")
    assert made["migrations"].keys() == {*STORES, *EVERYWHERE}
    assert all(made["migrations"][app] >= name for app, name in last_release().migrations.items())


def test_nothing_is_recorded_twice_or_without_a_word_to_the_dealer(record):
    with pytest.raises(CommandError, match="recorded already"):
        call_command("record_release", last_release().version)
    with pytest.raises(CommandError, match=r"no section 7\.0\.0"):
        call_command("record_release", "7.0.0")
