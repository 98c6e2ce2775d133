"""The environment as settings read it: `.env` in the checkout fills what the real environment leaves out."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
PREFIX = "AUTOSALON_"
env = environ.Env()
if env.str(PREFIX + "TEST_RUN", default="off") != "on":
    environ.Env.read_env(BASE_DIR / ".env")


def text(name: str, default: str = "") -> str:
    """A text setting, without the prefix."""
    return str(env.str(PREFIX + name, default=default))


def flag(name: str, default: bool = False) -> bool:
    """A yes/no setting: on/off, true/false, 1/0."""
    value = text(name, "on" if default else "off").strip().lower()
    if value in {"on", "true", "yes", "1"}:
        return True
    if value in {"off", "false", "no", "0", ""}:
        return False
    raise ValueError(f"{PREFIX}{name} must be on or off, not {value!r}")


def number(name: str, default: int) -> int:
    """A whole-number setting."""
    return int(text(name, str(default)))


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list setting."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


DEBUG = flag("DEBUG")
DATA_DIR = Path(text("DATA_DIR") or BASE_DIR / ".data").resolve()
