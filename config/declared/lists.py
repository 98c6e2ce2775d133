"""Write the lists of all apps that other programs' files need: contracts of imports, containers, clusters, poolers."""

import re

from config.databases import APPS, STORES

_NAME = "|".join(APPS)


def import_contracts(text: str) -> str:
    """Name every app in `.importlinter`, wherever all of them are named."""
    first = APPS[0]
    text = re.sub(rf"    {first}\n(?:    (?:{_NAME})\n)*", "".join(f"    {app}\n" for app in APPS), text)
    return re.sub(rf"    {first} : (?:{_NAME})(?: : (?:{_NAME}))*\n", f"    {' : '.join(APPS)}\n", text)


def containers(text: str) -> str:
    """Give every app its database and its queues in `docker-compose.yml`."""
    text = _queues(text)
    text = re.sub(
        r"(?:  postgres-[a-z]+:\n    <<: \*postgres\n(?:    .+\n)+\n)+", "".join(map(_database, STORES)), text
    )
    text = re.sub(
        r"(?:      postgres-[a-z]+: \{condition: service_healthy\}\n)+",
        "".join(f"      postgres-{app}: {{condition: service_healthy}}\n" for app in STORES),
        text,
    )
    return re.sub(r"(?:  postgres-[a-z]+:\n)+\Z", "".join(f"  postgres-{app}:\n" for app in STORES), text)


def workers(text: str) -> str:
    """Give every app its queues in the workers of Kubernetes, which grow with the age of what waits there."""
    text, first = _queues(text), APPS[0]
    measured = {app for apps in re.findall(r"values: \[(.*?)\]", text) for app in apps.split(", ")}
    rest = "".join(f", {app}" for app in APPS if app not in measured)
    return re.sub(rf"values: \[{first}((?:, [a-z]+)*)\]", rf"values: [{first}\g<1>{rest}]", text)


def secrets(text: str) -> str:
    """Give every app's database an address in the example of Kubernetes' secrets."""
    address = "AUTOSALON_{}_DATABASE_URL=postgres://autosalon:password@postgres-{}.example:5432/autosalon_{}\n"
    lines = "".join(address.format(app.upper(), app, app) for app in APPS)
    return re.sub(r"(?:AUTOSALON_[A-Z]+_DATABASE_URL=.*\n)+", lines, text)


def pools(text: str) -> str:
    """Give every database its line in `pgbouncer.ini`, with the limits of the last."""
    line = r"(?m)(?:^autosalon_[a-z]+ = host=postgres-[a-z]+ (.*)\n)+"
    return re.sub(
        line, lambda found: "".join(f"autosalon_{app} = host=postgres-{app} {found[1]}\n" for app in STORES), text
    )


def _queues(text: str) -> str:
    """Have every app's queues served: an app's that nobody serves yet by the worker that serves the first app's."""
    served = {
        app for queues in re.findall(r'"(q\.[^"]*)"', text) for app in re.findall(r"\bq\.([a-z]+)\b(?!\.)", queues)
    }
    first = APPS[0]
    text = re.sub(
        rf'"q\.{first}((?:,q\.[a-z]+)*)"',
        lambda found: f'"q.{first}{found[1]}{"".join(f",q.{app}" for app in APPS if app not in served)}"',
        text,
    )
    return re.sub(r"q\.external\.[a-z]+(?:,q\.external\.[a-z]+)*", ",".join(f"q.external.{app}" for app in APPS), text)


def _database(app: str) -> str:
    return (
        f"  postgres-{app}:\n    <<: *postgres\n"
        f"    environment: {{<<: *postgres-environment, POSTGRES_DB: autosalon_{app}}}\n"
        f'    volumes: ["postgres-{app}:/var/lib/postgresql"]\n\n'
    )
