"""Write the lists of all apps that other programs' files need: the contracts of imports, and the containers."""

import re

from config.databases import APPS, STORES

_NAME = "|".join(APPS)


def import_contracts(text: str) -> str:
    """Name every app in `.importlinter`, wherever all of them are named."""
    first = APPS[0]
    text = re.sub(rf"    {first}\n(?:    (?:{_NAME})\n)*", "".join(f"    {app}\n" for app in APPS), text)
    return re.sub(rf"    {first} : (?:{_NAME})(?: : (?:{_NAME}))*\n", f"    {' : '.join(APPS)}\n", text)


def containers(text: str) -> str:
    """Give every app its database and its queues in `docker-compose.yml`.

    An app whose queue nobody serves yet joins the worker that serves the first app's.
    """
    served = {
        app for queues in re.findall(r'"(q\.[^"]*)"', text) for app in re.findall(r"\bq\.([a-z]+)\b(?!\.)", queues)
    }
    first = APPS[0]
    text = re.sub(
        rf'"q\.{first}((?:,q\.[a-z]+)*)"',
        lambda found: f'"q.{first}{found[1]}{"".join(f",q.{app}" for app in APPS if app not in served)}"',
        text,
    )
    text = re.sub(r"q\.external\.[a-z]+(?:,q\.external\.[a-z]+)*", ",".join(f"q.external.{app}" for app in APPS), text)
    text = re.sub(
        r"(?:  postgres-[a-z]+:\n    <<: \*postgres\n(?:    .+\n)+\n)+", "".join(map(_database, STORES)), text
    )
    text = re.sub(
        r"(?:      postgres-[a-z]+: \{condition: service_healthy\}\n)+",
        "".join(f"      postgres-{app}: {{condition: service_healthy}}\n" for app in STORES),
        text,
    )
    return re.sub(r"(?:  postgres-[a-z]+:\n)+\Z", "".join(f"  postgres-{app}:\n" for app in STORES), text)


def _database(app: str) -> str:
    return (
        f"  postgres-{app}:\n    <<: *postgres\n"
        f"    environment: {{<<: *postgres-environment, POSTGRES_DB: autosalon_{app}}}\n"
        f'    volumes: ["postgres-{app}:/var/lib/postgresql"]\n\n'
    )
