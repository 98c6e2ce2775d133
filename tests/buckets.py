"""A server of S3 for tests: moto's, which speaks the protocol over real connections and keeps files in memory."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config.declared.files import Files
from config.servers.files import picture_origins, storages

PICTURES, PRIVATE = "test-pictures", "test-private"
CLIENT = "the client of S3: pip install -r requirements-s3.txt"


@contextmanager
def server() -> Iterator[str]:
    """Start a server for this process; yield its address. Skips where it, or the client, is not installed."""
    pytest.importorskip("storages", reason=CLIENT)
    pytest.importorskip("boto3", reason=CLIENT)
    moto = pytest.importorskip("moto.server", reason="a server of S3: pip install 'moto[s3]' flask-cors")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    try:
        yield "http://{}:{}".format(*started.get_host_and_port())
    finally:
        started.stop()


def declared(endpoint: str, **more: str) -> dict[str, str]:
    """Name what an installation with buckets is given in its environment."""
    given = {"BUCKET": PICTURES, "PRIVATE_BUCKET": PRIVATE, "ENDPOINT": endpoint, "REGION": "us-east-1"}
    given |= {"KEY_ID": "test", "SECRET_KEY": "test", "ADDRESSING": "path"}
    return {f"AUTOSALON_S3_{name}": value for name, value in (given | more).items()}


def store_in_buckets(settings: Any, endpoint: str, **more: str) -> None:
    """Let uploaded files be kept in new, empty buckets of a server, as the settings of an installation would."""
    before = {name: os.environ.get(name) for name in declared(endpoint, **more)}
    os.environ.update(declared(endpoint, **more))
    try:
        settings.STORAGES = storages(settings.DATA_DIR)
        settings.S3_BUCKET, settings.S3_ENDPOINT = Files.S3_BUCKET, Files.S3_ENDPOINT
        settings.S3_PUBLIC_URL, settings.S3_SIGNED_SECONDS = Files.S3_PUBLIC_URL, Files.S3_SIGNED_SECONDS
        settings.PICTURE_ORIGINS = picture_origins()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def client(endpoint: str) -> Any:
    """Return a client that sees what lies in the buckets."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def names(seen: Any, bucket: str) -> list[str]:
    """Name what lies in a bucket."""
    return [found["Key"] for found in seen.list_objects_v2(Bucket=bucket).get("Contents", [])]
