"""Render the declarations as documents: .env.example, docs/settings.md, and the lists of other programs' files."""

import textwrap
from functools import partial
from pathlib import Path

from config.declared import access, business, contracts, files, health, lists, machine, servers
from config.declared.setting import ROLES, Group, Setting
from config.environment import BASE_DIR, PREFIX

ENV_EXAMPLE, PAGE, COMPOSE = BASE_DIR / ".env.example", BASE_DIR / "docs/settings.md", BASE_DIR / "docker-compose.yml"
LISTS = {
    BASE_DIR / ".importlinter": lists.import_contracts,
    BASE_DIR / "deploy/kubernetes/base/workers.yaml": lists.workers,
    BASE_DIR / "deploy/kubernetes/production/secrets.env.example": lists.secrets,
    BASE_DIR / "deploy/pgbouncer.ini": lists.pools,
}
"""Files of which nothing but the lists of all apps is written."""
BEGIN, END = "# settings: made by `make settings`\n", "# settings: end\n"
EDGE = "172.30.117.2,172.30.117.3"
"""Addresses of the edge and of the proxy of contracts in the containers' network: they alone are believed."""
_PASSWORD = "${AUTOSALON_POSTGRES_PASSWORD:?set AUTOSALON_POSTGRES_PASSWORD in .env}"
_MUST = ("SECRET_KEY", "ALLOWED_HOSTS", "EMAIL_HOST")
_ENV_HEAD = """\
# Autosalon's settings, made from config/declared by `make settings`; docs/settings.md is the same as a page.
# `make up` copies this file to .env once; the real environment wins over .env. What is commented out shows the default
# or an example. A secret may also be given as a file: its name with _FILE.
"""
_PAGE_HEAD = """\
# Settings

Made from `config/declared` by `make settings`. Set them in the environment or in `.env`; the environment wins, and an
empty value is the default. Every process checks all of them when it starts, tells everything that is wrong at once,
and ends with code 1; a name that does not exist is wrong too. `none` empties a list whose default is not empty. What is
marked *secret* may be given as a file instead, for instance by `SECRET_KEY` with `_FILE` behind it; the end of its last
line does not count. The last column says which containers of [docker-compose.yml](../docker-compose.yml) get it.
"""


def documented() -> list[type[Group]]:
    """The groups an operator reads about, in the order of the pages."""
    modules = (machine, health, servers, files, access, business, contracts)
    order = {module.__name__: place for place, module in enumerate(modules)}
    return sorted((one for one in Group.every if not one.is_hidden), key=lambda one: order[one.__module__])


def env_example() -> str:
    """Every setting with what it means; all but AUTOSALON_DEBUG commented out."""
    blocks = [_ENV_HEAD]
    for group in documented():
        blocks.append(f"\n# --- {_title(group)} ".ljust(119, "-") + "\n")
        blocks += [_example(setting) for setting in group.settings()]
    return "".join(blocks)


def _title(group: type[Group]) -> str:
    return (group.__doc__ or "").strip().splitlines()[0]


def _example(setting: Setting[object]) -> str:
    words = setting.help + (f" Takes {setting.kind.expects}." if setting.kind.expects != "a text" else "")
    if setting.need:
        words += f" Required {setting.need.words}."
    if setting.shown:
        words += f" Default: {setting.shown}."
    lines = textwrap.wrap(words, 117, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    value = setting.example or ("" if setting.shown else setting.shown_default())
    line = f"{PREFIX}DEBUG=on" if setting.name == "DEBUG" else f"#{setting.variable}={value}"
    return "\n".join([*lines, line]) + "\n"


def page() -> str:
    """docs/settings.md: a table per group."""
    blocks = [_PAGE_HEAD]
    for group in documented():
        blocks.append(f"\n## {_title(group)}\n\n| Setting | What it is | Takes | Default | Containers |\n")
        blocks.append("| --- | --- | --- | --- | --- |\n")
        blocks += [_row(setting) for setting in group.settings()]
    return "".join(blocks)


def _row(setting: Setting[object]) -> str:
    marks = ["*secret*"] * setting.is_secret + ([f"required {setting.need.words}"] if setting.need else [])
    what = setting.help + "".join(f" ({mark})" for mark in marks)
    default = setting.shown or (f"`{found}`" if (found := setting.shown_default()) else "–")
    where = "all" if set(setting.roles) == set(ROLES) else ", ".join(setting.roles) or "–"
    cells = (f"`{setting.variable}`", what, setting.kind.expects, default, where)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def compose() -> str:
    """Render docker-compose.yml with its `x-settings` written anew, an anchor per role, and every app in its lists."""
    whole = COMPOSE.read_text()
    before, _, rest = whole.partition(BEGIN)
    _, _, after = rest.partition(END)
    return lists.containers(before + BEGIN + _anchors() + END + after)


def _anchors() -> str:
    common = [one for one in _passed() if set(one.roles) == set(ROLES)]
    lines = ["x-settings: &settings\n", *(_line(one) for one in common)]
    for role in ROLES:
        own = [one for one in _passed() if one not in common and role in one.roles]
        lines.append(f"\nx-settings-{role}: &settings-{role}\n  <<: *settings\n")
        lines += [_line(one) for one in own]
    return "".join(lines)


def _passed() -> list[Setting[object]]:
    return [setting for group in documented() for setting in group.settings() if setting.roles]


def _line(setting: Setting[object]) -> str:
    name = setting.variable
    fixed = _fixed(setting)
    if fixed:
        return f"  {name}: {fixed}\n"
    if setting.name in _MUST:
        return f"  {name}: ${{{name}:?set {name} in .env}}\n"
    return f"  {name}: ${{{name}:-}}\n"


def _fixed(setting: Setting[object]) -> str:
    """Return the value that the layout itself settles, or nothing."""
    if setting.group is servers.Databases:
        app = setting.name.removesuffix("_DATABASE_URL").lower()
        return f"postgres://autosalon:{_PASSWORD}@postgres-{app}:5432/autosalon_{app}"
    return {
        "REDIS_URL": "redis://valkey:6379",
        "JWT_PRIVATE_KEY_FILE": "/run/keys/jwt_private.pem",
        "BEHIND_TLS_PROXY": f"${{{PREFIX}BEHIND_TLS_PROXY:-on}}",
        "TRUSTED_PROXIES": f"{EDGE},${{{PREFIX}TRUSTED_PROXIES:-}}",
        "METRICS_DIR": "/dev/shm/metrics",
        "METRICS_PORT": f"${{{PREFIX}METRICS_PORT:-9100}}",
        "METRICS_ALLOW": f"127.0.0.0/8,::1,172.30.117.4,${{{PREFIX}METRICS_ALLOW:-}}",
    }.get(setting.name, "")


def _listed(path: Path) -> str:
    """Render a file with every app in its lists."""
    return LISTS[path](path.read_text())


DOCUMENTS = {ENV_EXAMPLE: env_example, PAGE: page, COMPOSE: compose} | {path: partial(_listed, path) for path in LISTS}
"""Each document, and what it should hold; a test compares."""


def write() -> list[Path]:
    """Write those that are not as they should be; return them."""
    stale = [path for path, render in DOCUMENTS.items() if not path.exists() or path.read_text() != render()]
    for path in stale:
        path.write_text(DOCUMENTS[path]())
    return stale
