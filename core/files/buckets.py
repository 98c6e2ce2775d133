"""Storages in buckets of S3, and of what speaks as it does; loaded only where the settings name one.

The network is slow and fails: no bucket is asked inside a transaction, and one that does not answer is a dependency
that is down, which whoever asks is told to try again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import structlog
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage

from core.db import refuse_inside_transaction
from core.errors import Unavailable

IN_MEMORY = 4 << 20
"""Bytes of a file that is read which are kept in memory; a longer one lies in a temporary file meanwhile."""
RETRY_AFTER_S = 2
_OVERTAKEN = {"NoSuchKey", "404", "PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
"""What a bucket answers where a file went, or became another one, since it was read."""
log = structlog.get_logger(__name__)


class Bucket(S3Storage):  # type: ignore[misc]  # its package has no types
    """Files in a bucket that nobody but this installation reads. Raises Unavailable while it does not answer."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": options["addressing_style"]},
            signature_version="s3v4",
            request_checksum_calculation="when_required",  # other makes than Amazon's know none of the newer sums
            response_checksum_validation="when_required",
        )
        transfers = TransferConfig(use_threads=False)
        super().__init__(
            client_config=config,
            transfer_config=transfers,
            max_memory_size=IN_MEMORY,
            file_overwrite=False,
            default_acl=None,
            **options,
        )

    def url(self, name: str, *args: Any, **options: Any) -> str:
        """Refuse: what is private has no address. Raises ValueError."""
        raise ValueError("private files have no address: a service hands them over")

    def rewrite(self, name: str, change: Callable[[bytes], bytes | None]) -> bool:
        """Put what `change` makes of a file in its place, unless it is gone or another one by then; see `kept`."""
        place = {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}
        with _asking():
            try:
                held = self.connection.meta.client.get_object(**place)
                content = change(held["Body"].read())
                if content is None:
                    return False
                kind = self._get_write_parameters(place["Key"])
                self.connection.meta.client.put_object(**place, Body=content, IfMatch=held["ETag"], **kind)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _OVERTAKEN:
                    raise
                return False
        return True

    def _open(self, name: str, mode: str = "rb") -> Any:
        with _asking():
            try:
                opened = super()._open(name, mode)
            except FileNotFoundError:
                self.connection.meta.client.head_bucket(Bucket=self.bucket_name)  # no file, or no bucket at all
                raise
            _ = opened.file  # fetched here, where a failure is told from one of whoever reads
            return opened

    def _save(self, name: str, content: Any) -> str:
        with _asking():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone is gone already."""
        with _asking():
            self.connection.meta.client.delete_object(Bucket=self.bucket_name, Key=self._normalize_name(name))

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file."""
        with _asking():
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        """Name the folders and the files in a folder."""
        with _asking():
            folders, files = super().listdir(name)
            return folders, files

    def get_modified_time(self, name: str) -> datetime:
        """Return when a file was written. Raises FileNotFoundError."""
        with _asking():
            try:
                moment: datetime = super().get_modified_time(name)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _OVERTAKEN:
                    raise
                raise FileNotFoundError(name) from None
            return moment

    def size(self, name: str) -> int:
        """Return how many bytes a file has. Raises FileNotFoundError."""
        with _asking():
            return int(super().size(name))


class PictureBucket(Bucket):
    """Pictures of products: anybody may see them, at the bucket's own address or at one of the shop."""

    def __init__(self, **options: Any) -> None:
        kept = f"public, max-age={settings.PICTURE_KEPT_S}, immutable"
        super().__init__(object_parameters={"CacheControl": kept}, **options)
        self.file_overwrite = True  # an address has the digest of its bytes

    def url(self, name: str, *args: Any, **options: Any) -> str:
        """Return the address of a picture; it never changes, so that pages which hold it may be cached."""
        if not settings.S3_PUBLIC_URL:
            return f"{settings.MEDIA_URL}{quote(name)}"
        return f"{settings.S3_PUBLIC_URL}/{quote(self._normalize_name(name))}"

    def signed_url(self, name: str, *, seconds: int) -> str:
        """Return an address that opens a picture for so long, whoever has it; asks nobody."""
        place = {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}
        return str(self.connection.meta.client.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))


@contextmanager
def _asking() -> Iterator[None]:
    """Raise Unavailable where a bucket does not answer or lets us not in, InsideTransaction where none may be asked."""
    refuse_inside_transaction()
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        log.warning("bucket_away", error=f"{type(error).__name__}: {error}"[:300])
        raise Unavailable(retry_after=RETRY_AFTER_S) from error
