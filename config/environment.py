"""The environment as the process was given it: `.env` in the checkout fills what the real environment leaves out."""

import os
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
PREFIX = "AUTOSALON_"
FILE = "_FILE"
"""What ends the name of a variable that says which file holds a secret, instead of the secret itself."""
if os.environ.get(PREFIX + "TEST_RUN") != "on":
    environ.Env.read_env(BASE_DIR / ".env")


def given(name: str) -> str:
    """Return what a variable holds, by its name without the prefix; empty and absent are the same: the default."""
    return os.environ.get(PREFIX + name, "").strip()


def names() -> list[str]:
    """Every variable of ours that is there, without the prefix."""
    return sorted(name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX))
