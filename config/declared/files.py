"""Settings of where uploaded files are kept: on this machine, or in buckets that several machines share."""

from config.declared import kinds
from config.declared.setting import Group, Need, Setting, number, text

_BUCKET = kinds.text("a name of a bucket, such as autosalon-pictures", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = kinds.text("a folder in a bucket, such as shop or shop/pictures", r"[\w-][\w.-]*(/[\w-][\w.-]*)*/?")
_WORKING = ("web", "worker", "external")
"""Containers that read or write files."""


class Files(Group):
    """Uploaded files: in the data folder, or in S3 and what speaks as it does (MinIO, Ceph, Yandex Object Storage)"""

    S3_BUCKET = Setting(
        _BUCKET,
        "",
        "Bucket of pictures. With it no file is kept in the data folder. Needs the client: requirements-s3.txt.",
        shown="files are kept in the data folder",
        example="autosalon-pictures",
    )
    S3_PRIVATE_BUCKET = Setting(
        _BUCKET,
        "",
        "Bucket of papers, signatures and uploaded lists, which nobody but this installation may read.",
        example="autosalon-private",
        need=Need("with AUTOSALON_S3_BUCKET", lambda: bool(Files.S3_BUCKET)),
    )
    S3_PREFIX = Setting(_PREFIX, "", "Folder of the pictures in their bucket.", shown="none")
    S3_PRIVATE_PREFIX = Setting(_PREFIX, "", "Folder of the private files in their bucket.", shown="none")
    S3_ENDPOINT = Setting(
        kinds.ORIGIN,
        "",
        "Server of the buckets.",
        shown="Amazon's",
        example="https://storage.yandexcloud.net",
    )
    S3_REGION = text("", "Region of the buckets.", example="ru-central1")
    S3_KEY_ID = text(
        "",
        "Key that opens both buckets.",
        shown="what the machine's role gives, as Amazon's clients do",
        roles=_WORKING,
    )
    S3_SECRET_KEY = text(
        "",
        "Secret of that key.",
        secret=True,
        roles=_WORKING,
        need=Need("with AUTOSALON_S3_KEY_ID", lambda: bool(Files.S3_KEY_ID)),
    )
    S3_ADDRESSING = Setting(
        kinds.choice("auto", "path", "virtual"),
        "auto",
        "Place of a bucket's name in an address: path after the server's name, virtual before it.",
    )
    S3_PUBLIC_URL = Setting(
        kinds.url(("http", "https"), "https://pictures.autosalon.example"),
        "",
        "Where visitors read the pictures' bucket: a CDN, or the bucket itself if all the world may read it.",
        shown="the shop hands them on",
    )
    S3_SIGNED_SECONDS = number(
        0,
        "How long an address lives to which the shop sends who wants a picture, where the bucket is not public; 0: it "
        "hands pictures on itself. Private files have no addresses.",
        most=604_800,
        unit="seconds",
    )


def overlapping() -> bool:
    """Tell whether one of the two places of files lies in the other: what opens one to all would open the other."""
    if not Files.S3_BUCKET or Files.S3_BUCKET != Files.S3_PRIVATE_BUCKET:
        return False
    public, private = (f"{prefix.strip('/')}/".lstrip("/") for prefix in (Files.S3_PREFIX, Files.S3_PRIVATE_PREFIX))
    return public.startswith(private) or private.startswith(public)
