"""Files that no row names go after a day, and only where files and rows belong together."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import FileField
from django.utils import timezone

import financing.tests.make as lending
from core.files import orphans
from core.files.papers import stored_papers
from financing import services
from messaging.tasks import run_orphans
from tests import buckets

JPEG = b"\xff\xd8\xff a photograph"
DAY_S = 24 * 3600


@pytest.fixture
def private(settings, tmp_path):
    declared = settings.STORAGES["private"]
    moved = declared | {"OPTIONS": declared["OPTIONS"] | {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"private": moved}
    return tmp_path


@pytest.fixture
def paper(private):
    """A paper that a row names, as old as the orphans."""
    lending.programme(required_documents=["passport"])
    found = services.add_document(
        application_id=lending.application().pk, kind="passport", name="a.jpg", content=JPEG,
        actor_id=lending.application().customer_id, now=timezone.now(),
    )  # fmt: skip
    return grow_old(private / found.path)


def leave(folder: Path, name: str) -> Path:
    return folder / storages["private"].save(name, ContentFile(b"of nobody"))


def grow_old(path: Path) -> Path:
    os.utime(path, (time.time() - DAY_S - 60,) * 2)
    return path


@pytest.mark.django_db(databases=["financing"])
class TestOrphans:
    def test_one_that_no_row_has_named_for_a_day_goes(self, private, paper):
        old, fresh = leave(private, "applications/1/old.jpg"), leave(private, "applications/1/fresh.jpg")
        others = grow_old(leave(private, "claims/1/of-insurance.jpg"))
        run_orphans("financing")
        assert old.exists()
        grow_old(old)
        run_orphans("financing")
        assert [path.exists() for path in (old, fresh, others, paper)] == [False, True, True, True]

    def test_files_of_another_database_are_left_alone(self, private):
        strangers = [grow_old(leave(private, f"applications/1/{number}.jpg")) for number in range(orphans.FEW + 1)]
        assert orphans.delete_orphans("financing", now=timezone.now()) == 0
        assert all(path.exists() for path in strangers)

    def test_in_a_bucket_as_well(self, settings):
        with buckets.server() as address:
            for bucket in (buckets.PICTURES, buckets.PRIVATE):
                buckets.client(address).create_bucket(Bucket=bucket)
            buckets.store_in_buckets(settings, address)
            storages["private"].save("applications/1/old.jpg", ContentFile(b"of nobody"))
            assert orphans.delete_orphans("financing", now=timezone.now()) == 0
            assert orphans.delete_orphans("financing", now=timezone.now() + timedelta(days=2)) == 1
            assert list(stored_papers()) == []
            with pytest.raises(FileNotFoundError):
                storages["private"].get_modified_time("applications/1/old.jpg")


def test_every_column_of_uploads_is_declared():
    fields = (field for model in apps.get_models() for field in model._meta.fields)
    assert {field.model._meta.app_label for field in fields if isinstance(field, FileField)} == {"catalog", "clients"}
    declared = {(app, folder.name) for app, folders in orphans._folders.items() for folder in folders}
    assert declared == {
        ("catalog", "imports"), ("clients", "client-imports"), ("financing", "applications"), ("insurance", "claims"),
        ("showroom", "test-drives"),
    }  # fmt: skip
