"""Choose where uploaded files are kept: in the data folder, or in the buckets that the settings name."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.declared.files import Files
from config.declared.machine import Switches

_FOLDERS = "django.core.files.storage.FileSystemStorage"


def storages(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Every storage, by its alias; `core.files.kept` says what each holds. Ends the process that lacks the client."""
    manifest = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    static = {"BACKEND": manifest if Switches.STATIC_MANIFEST else plain}
    return (_in_buckets() if Files.S3_BUCKET else _in_folders(data_dir)) | {"staticfiles": static}


def _in_folders(data_dir: Path) -> dict[str, dict[str, Any]]:
    private = {
        "location": data_dir / "private",
        "base_url": None,
        "file_permissions_mode": 0o600,  # passports, licences, claims: for this user of the machine alone
        "directory_permissions_mode": 0o700,
    }
    return {
        "default": {"BACKEND": _FOLDERS},
        "pictures": {"BACKEND": _FOLDERS},
        "private": {"BACKEND": _FOLDERS, "OPTIONS": private},
    }


def _in_buckets() -> dict[str, dict[str, Any]]:
    if not (find_spec("storages") and find_spec("boto3")):
        raise SystemExit("autosalon: install requirements-s3.txt, or unset AUTOSALON_S3_BUCKET")
    server = {
        "endpoint_url": Files.S3_ENDPOINT or None,
        "region_name": Files.S3_REGION or None,
        "addressing_style": Files.S3_ADDRESSING,
    }
    if Files.S3_KEY_ID:
        server |= {"access_key": Files.S3_KEY_ID, "secret_key": Files.S3_SECRET_KEY}
    private = server | {"bucket_name": Files.S3_PRIVATE_BUCKET}
    folder = Files.S3_PRIVATE_PREFIX.strip("/")
    public = server | {"bucket_name": Files.S3_BUCKET, "location": Files.S3_PREFIX.strip("/")}
    backend = "core.files.buckets.Bucket"
    return {
        "default": {"BACKEND": backend, "OPTIONS": private | {"location": f"{folder}/media".lstrip("/")}},
        "pictures": {"BACKEND": "core.files.buckets.PictureBucket", "OPTIONS": public},
        "private": {"BACKEND": backend, "OPTIONS": private | {"location": f"{folder}/private".lstrip("/")}},
    }


def picture_origins() -> list[str]:
    """List the origins, other than the shop's own, that pages load pictures from."""
    if not Files.S3_BUCKET:
        return []
    if Files.S3_PUBLIC_URL:
        return [_origin(Files.S3_PUBLIC_URL)]
    if not Files.S3_SIGNED_SECONDS:
        return []
    amazon = "s3.amazonaws.com", f"s3.{Files.S3_REGION}.amazonaws.com"
    servers = [_origin(Files.S3_ENDPOINT)] if Files.S3_ENDPOINT else [f"https://{name}" for name in amazon]
    return [*servers, *(server.replace("://", f"://{Files.S3_BUCKET}.", 1) for server in servers)]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
