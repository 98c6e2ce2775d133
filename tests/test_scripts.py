"""Scripts of the shell: what stops them is a fault, and never who read faster than whom."""

import re
import subprocess

import pytest

from tests.product import ROOT

IMPATIENT = re.compile(r"\|\s*(head\b|grep\s+-\w*q|sed\s+[^|]*\bq\b)")
"""Readers that leave before the end: under `pipefail` the writer then dies of SIGPIPE, and the script with it."""


def scripts():
    named = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    files = (ROOT / name for name in named)
    return [file for file in files if file.is_file() and not file.suffix and b"pipefail" in file.read_bytes()]


@pytest.mark.parametrize("script", scripts(), ids=lambda script: str(script.relative_to(ROOT)))
def test_no_reader_of_a_pipe_leaves_before_its_end(script):
    lines = script.read_text().splitlines()
    assert [f"{number}: {line}" for number, line in enumerate(lines, 1) if IMPATIENT.search(line)] == []


def test_the_build_is_among_them():
    assert ROOT / ".ci" / "run" in scripts()
    assert IMPATIENT.search("make --version | head -n 1")
