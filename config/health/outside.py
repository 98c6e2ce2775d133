"""Checks of what all apps share: Valkey, the mail server, disks and providers."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from smtplib import SMTPException
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.core.mail import get_connection
from django.db import OperationalError, connections

from config import checks
from config.health.checks import Subject, check, limit
from config.management.commands.migrate_all import is_current
from core.db import limit_session
from core.errors import Unavailable
from core.files.kept import KEPT, PAPERS, picture_files
from gateway.guards import breakers, guard
from messaging.upkeep import replicas

MEGABYTE = 1_000_000
MAIL_TIMEOUT_S = 3


@check(
    "valkey",
    looks_at="Valkey takes a write, and answers for the broker, the cache and the live feed",
    remedy="start Valkey, or give it memory and disk: everything in it rebuilds itself",
    shared="valkey",
)
def valkey(subject: Subject) -> Iterator[str]:
    """A server that is full or read-only answers a ping and is of no use."""
    try:
        guard.client().set(f"{settings.REDIS_PREFIX}:health", str(time.time()), ex=60)
    except redis.RedisError as error:
        where = urlsplit(settings.REDIS.url(3))
        address = where.path if where.scheme == "unix" else f"{where.hostname}:{where.port or 6379}"
        yield f"{address} does not take a write: {type(error).__name__}"


@check(
    "contracts",
    looks_at="the database of contracts answers, and has every migration, where contracts are switched on",
    remedy="start its PostgreSQL or mend AUTOSALON_CONTRACTS_DATABASE_URL, then run `manage.py migrate_all`",
    shared="contracts",
    every_s=10.0,
)
def contracts(subject: Subject) -> Iterator[str]:
    """It keeps numbers for ids: without it calls of other systems and what they are told wait."""
    if not settings.CONTRACTS:
        return
    with connections["contracts"].cursor() as cursor:
        limit_session(cursor, 1000 * limit("answer_s"))
    if not is_current("contracts"):
        yield "migrations are pending"


@check(
    "settings",
    looks_at="settings that are valid and hardly meant, as `manage.py check --deploy` finds them",
    remedy="change the setting that is named; docs/settings.md says what it takes",
    shared="settings",
)
def odd_settings(subject: Subject) -> Iterator[str]:
    """Wrong ones let no process start; these let it sell for nothing, or tell a password to the network."""
    for found in (*checks.money_is_real(None), *checks.mail_is_private(None), *checks.files_are_private(None)):
        yield f"{found.msg} {found.hint}"


@check(
    "mail",
    looks_at="the mail server takes our connection, encryption and password",
    remedy="mend the mail server or its settings: messages wait and are sent again for half an hour",
    shared="mail",
    every_s=10.0,
)
def mail(subject: Subject) -> Iterator[str]:
    """Opens a connection as sending a message would, and sends nothing."""
    if not {"notifications", "accounts"} & set(settings.SERVICES):
        return
    connection = get_connection()
    if hasattr(connection, "timeout"):
        connection.timeout = MAIL_TIMEOUT_S
    try:
        connection.open()
        connection.close()
    except (OSError, SMTPException) as error:
        yield f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} cannot be used: {' '.join(str(error).split())[:120]}"


def folders() -> dict[str, Path]:
    """List where this process writes: by what it keeps there."""
    kept = {"pictures": picture_files(), "private files": storages[PAPERS]}
    here = {kind: Path(storage.location) for kind, storage in kept.items() if isinstance(storage, FileSystemStorage)}
    return {"data": Path(settings.DATA_DIR)} | here


@check(
    "disk",
    looks_at="free space (in MB) and the right to write where data, pictures and private files lie",
    remedy="free space, or grow the volume: until then uploads and documents are refused",
    shared="disk",
    limit="disk_mb",
)
def disk(subject: Subject) -> Iterator[str]:
    """Looks where a missing folder will be made. A full disk of a database shows as a silent relay."""
    told: set[str] = set()
    for kind, folder in folders().items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free // MEGABYTE
        fault = ""
        if free < limit("disk_mb"):
            fault = f"only {free} MB are free"
        elif not os.access(there, os.W_OK):
            fault = "it cannot be written to"
        if fault and fault not in told:
            told.add(fault)
            yield f"{there} ({kind}): {fault}"


@check(
    "buckets",
    looks_at="the buckets of uploaded files take a file and let go of it, where the settings name them",
    remedy="mend the buckets, their keys or their policy: until then pictures, papers and imports are refused or wait",
    shared="buckets",
    every_s=30.0,
)
def buckets(subject: Subject) -> Iterator[str]:
    """One that is full or read-only lists its files and is of no use."""
    for kind in KEPT if settings.S3_BUCKET else ():
        try:
            storages[kind].delete(storages[kind].save("health/mark", ContentFile(b"")))
        except Unavailable as error:
            yield f"{kind}: {error.__cause__}"


@check(
    "replicas",
    looks_at="replicas of databases answer, and are no further behind than the settings let them be",
    remedy="mend the replica or its address: until then the database itself is read, as without one",
    shared="replicas",
    every_s=10.0,
)
def away_replicas(subject: Subject) -> Iterator[str]:
    """One of a database whose relay is silent has no age that anybody knows."""
    for app in settings.REPLICAS:
        try:
            behind_s = replicas.read_lag(app)
        except OperationalError as error:
            yield f"the replica of {app} is away: {type(error).__name__}"
        else:
            if behind_s is None:
                yield f"nobody knows how far the replica of {app} is behind: no relay has beaten there"
            elif behind_s > settings.REPLICA_LAG_S:
                yield f"the replica of {app} is behind by {behind_s:.0f} s"


@check(
    "providers",
    looks_at="circuit breakers of providers: open ones spare a provider that failed too often",
    remedy="see whether the provider can be reached; the first call that it answers closes the breaker",
    shared="providers",
)
def providers(subject: Subject) -> Iterator[str]:
    """Receivers of webhooks have breakers too; those are told of by `webhooks`."""
    for row in breakers.standing():
        if row["kind"] == "provider" and row["state"] != "closed":
            yield f"{row['name']} is spared after {row['failures']} failures (breaker {row['state']})"
