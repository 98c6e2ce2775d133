"""Uploaded files in buckets: the same services and pages, no address for what is private, and a bucket that is away."""

import re
from io import BytesIO
from pathlib import Path

import pytest
import requests
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from PIL import Image

import catalog.tests.make as goods
import clients.services as people
import financing.tests.make as lending
from catalog import services, tasks
from catalog.models import Import, ProductImage
from catalog.public.pictures import covers
from catalog.queries import read_refused_rows
from clients.models import ClientImport
from config.servers import files
from core.db import InsideTransaction, transaction
from core.errors import NotFound, Unavailable
from core.files.kept import names_in, picture_files, rewrite
from core.files.papers import destroy_papers, examine, read_paper, seal_paper, stored_papers
from core.testing import Api
from financing.models import ApplicationDocument
from messaging.delivery.work_queues import run_work_queue
from tests import buckets
from tests.buckets import PICTURES, PRIVATE
from tests.product import free_port
from tests.test_architecture import PACKAGES, sources

JPEG = b"\xff\xd8\xff\xe0 a photograph"
ROOT = Path(django_settings.BASE_DIR)
LIST = "make,model,year,price,mileage\nLada,Vesta,2021,1000000,10\n,X,2021,1,1\n"


@pytest.fixture(scope="module")
def endpoint():
    with buckets.server() as address:
        yield address


@pytest.fixture
def seen(settings, endpoint):
    """What lies in the buckets, as somebody sees who holds their key."""
    found = buckets.client(endpoint)
    for bucket in (PICTURES, PRIVATE):
        found.create_bucket(Bucket=bucket)
    buckets.store_in_buckets(settings, endpoint)
    yield found
    for bucket in (PICTURES, PRIVATE):
        for name in buckets.names(found, bucket):
            found.delete_object(Bucket=bucket, Key=name)
        found.delete_bucket(Bucket=bucket)


@pytest.fixture(params=["no server", "no bucket"])
def away(settings, endpoint, request):
    """Buckets that are not there."""
    address = endpoint if request.param == "no bucket" else f"http://127.0.0.1:{free_port()}"
    buckets.store_in_buckets(settings, address, BUCKET="no-such-one", PRIVATE_BUCKET="nor-this-one")


def store(content=JPEG):
    with examine(name="passport.jpg", content=content, max_bytes=1000).stored("claims") as kept:
        return kept.take()


# Papers ---------------------------------------------------------------------------------------------------------------
def test_a_paper_is_sealed_in_the_private_bucket_and_has_no_address(seen):
    path = store()
    (key,) = buckets.names(seen, PRIVATE)
    assert (key, buckets.names(seen, PICTURES)) == (f"private/{path}", [])
    assert b"photograph" not in seen.get_object(Bucket=PRIVATE, Key=key)["Body"].read()
    assert (read_paper(path), list(stored_papers())) == (JPEG, [path])
    for private in ("private", "default"):
        with pytest.raises(ValueError, match="no address"):
            storages[private].url(path)
    destroy_papers([path])
    with pytest.raises(NotFound):
        read_paper(path)


def test_papers_follow_the_key(seen, settings):
    path, old = store(), storages["private"].save("claims/old.jpg", ContentFile(JPEG))
    settings.SEALING_KEYS = ["new", *settings.SEALING_KEYS]
    assert (seal_paper(path), seal_paper(old)) == (False, True)
    call_command("seal_papers", again=True)
    settings.SEALING_KEYS = ["new"]
    assert [read_paper(one) for one in (path, old)] == [JPEG, JPEG]
    settings.SEALING_KEYS = ["another"]
    with pytest.raises(CommandError, match=path):
        call_command("seal_papers", again=True)


@pytest.mark.parametrize("meanwhile", ["destroyed", "changed"])
def test_what_happens_to_a_paper_while_it_is_sealed_again_is_not_undone(seen, meanwhile):
    path = store()

    def change(kept):
        destroy_papers([path])
        if meanwhile == "changed":
            seen.put_object(Bucket=PRIVATE, Key=f"private/{path}", Body=b"another")
        return b"late"

    assert rewrite(storages["private"], path, change) is False
    found = [seen.get_object(Bucket=PRIVATE, Key=key)["Body"].read() for key in buckets.names(seen, PRIVATE)]
    assert found == ([] if meanwhile == "destroyed" else [b"another"])


def test_no_bucket_is_asked_inside_a_transaction(seen, db_of_financing):
    path = store()
    storage = storages["private"]
    for ask in (store, lambda: read_paper(path), lambda: storage.delete(path), lambda: storage.listdir("")):
        with transaction("financing"), pytest.raises(InsideTransaction):
            ask()
    assert read_paper(path) == JPEG


@pytest.fixture
def db_of_financing(request):
    request.applymarker(pytest.mark.django_db(databases=["financing"]))
    request.getfixturevalue("db")


def upload(caller, application, content=JPEG, kind="passport"):
    data = {"file": SimpleUploadedFile("scan.jpg", content), "kind": kind}
    path = f"/api/v1/financing/applications/{application.id}/documents"
    return caller.client.post(path, data, headers=caller.headers)


@pytest.mark.django_db(databases=["financing"])
class TestPapersOfAnApplication:
    def test_a_paper_is_taken_once_and_given_back(self, seen):
        lending.programme(required_documents=["passport"])
        application = lending.application()
        owner = Api("client", user_id=application.customer_id)
        shown = upload(owner, application).json()
        assert upload(owner, application).json()["id"] == shown["id"]
        assert len(buckets.names(seen, PRIVATE)) == 1
        found = owner.get(f"/financing/applications/{application.id}/documents/{shown['id']}")
        assert (found.status_code, found.content) == (200, JPEG)
        assert upload(Api("client"), application).status_code == 404
        assert len(buckets.names(seen, PRIVATE)) == 1

    def test_one_that_is_refused_leaves_no_file(self, seen, monkeypatch):
        lending.programme(required_documents=["passport"])
        application = lending.application()
        monkeypatch.setattr("financing.services.papers.MAX_PAPERS", 0)
        answer = upload(Api("client", user_id=application.customer_id), application)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "too_many")
        assert (buckets.names(seen, PRIVATE), ApplicationDocument.objects.count()) == ([], 0)

    def test_a_bucket_that_is_away_is_told_so_and_nothing_changes(self, away):
        lending.programme(required_documents=["passport"])
        application = lending.application()
        owner = Api("client", user_id=application.customer_id)
        answer = upload(owner, application)
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "2")
        assert not ApplicationDocument.objects.exists()


# Pictures -------------------------------------------------------------------------------------------------------------
def picture():
    output = BytesIO()
    Image.new("RGB", (640, 480), "red").save(output, "JPEG")
    return BytesIO(output.getvalue())


def render(car):
    image = services.add_image(product_id=car.pk, file=picture(), now=timezone.now())
    while run_work_queue(services.RENDER_PICTURES):
        pass
    return ProductImage.objects.get(pk=image.pk)


@pytest.mark.django_db(databases=["catalog"])
class TestPictures:
    def test_they_are_made_served_and_deleted(self, seen, django_capture_on_commit_callbacks):
        car = goods.product()
        image = render(car)
        assert {f"products/{car.pk}"} == {name.rpartition("/")[0] for name in buckets.names(seen, PICTURES)}
        assert len(image.renditions) == 10
        address = covers([car.pk])[car.pk].urls["small.webp"]
        answer = Client().get(address)
        assert Image.open(BytesIO(answer.getvalue())).size == (320, 240)
        assert (answer["Content-Type"], "immutable" in answer["Cache-Control"]) == ("image/webp", True)
        assert Client().get("/media/products/none.webp").status_code == 404
        with django_capture_on_commit_callbacks(using="catalog", execute=True):
            services.delete_image(product_id=car.pk, image_id=image.pk)
        assert buckets.names(seen, PICTURES) == []

    def test_no_path_leads_out_of_the_pictures(self, seen):
        storages["default"].save("client-imports/list.csv", ContentFile(b"phones"))
        for path in ("../client-imports/list.csv", "..%2fclient-imports/list.csv", "../../test-private/media/x"):
            assert Client().get(f"/media/products/{path}").status_code in (400, 404)

    def test_a_public_bucket_is_read_past_the_shop(self, settings, seen, endpoint):
        buckets.store_in_buckets(settings, endpoint, PREFIX="shop/", PUBLIC_URL="https://pictures.example/cdn")
        car = goods.product()
        image = render(car)
        path = image.renditions["small"]
        assert covers([car.pk])[car.pk].urls["small"] == f"https://pictures.example/cdn/shop/{path}"
        assert settings.PICTURE_ORIGINS == ["https://pictures.example"]
        assert f"shop/{path}" in buckets.names(seen, PICTURES)

    def test_a_private_one_is_opened_for_a_time(self, settings, seen, endpoint):
        buckets.store_in_buckets(settings, endpoint, SIGNED_SECONDS="60")
        image = render(goods.product())
        answer = Client().get(picture_files().url(image.renditions["small"]))
        assert (answer.status_code, answer["Cache-Control"]) == (302, "private, max-age=30")
        assert answer["Location"].startswith(f"{endpoint}/{PICTURES}/products/")
        assert "X-Amz-Expires=60" in answer["Location"]
        assert endpoint in settings.PICTURE_ORIGINS
        assert Image.open(BytesIO(requests.get(answer["Location"]).content)).format == "JPEG"

    def test_while_the_bucket_is_away_pictures_wait_and_none_is_lost(self, settings, seen, endpoint):
        image = services.add_image(product_id=goods.product().pk, file=picture(), now=timezone.now())
        buckets.store_in_buckets(settings, endpoint, BUCKET="no-such-one")
        with pytest.raises(Unavailable):
            run_work_queue(services.RENDER_PICTURES)
        assert Client(raise_request_exception=False).get(picture_files().url(image.source)).status_code == 503
        assert ProductImage.objects.get().render_at is not None


# Uploaded lists -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(databases=["catalog"])
class TestImports:
    def send(self, **fields):
        file = SimpleUploadedFile("list.csv", LIST.encode())
        api = Api("manager")
        return api.client.post("/api/v1/imports", {"file": file, **fields}, headers=api.headers)

    def test_a_list_is_read_and_its_refused_rows_given_back(self, seen):
        run = self.send().json()
        assert buckets.names(seen, PRIVATE) == [f"media/imports/{run['id']}.csv"]
        tasks.run_import(run["id"])
        assert Import.objects.get().status == "completed_with_errors"
        (_header, refused) = read_refused_rows(import_id=run["id"])
        assert refused[2:4] == ["make", "required"]
        assert buckets.names(seen, PICTURES) == []

    def test_a_dry_run_is_repeated_for_real(self, seen):
        tried = self.send(dry_run="true").json()
        tasks.run_import(tried["id"])
        real = services.repeat_import(import_id=tried["id"], actor="anna", now=timezone.now())
        tasks.run_import(str(real.pk))
        assert Import.objects.get(pk=real.pk).created == 1

    def test_while_the_bucket_is_away_an_import_stays_open(self, settings, seen, endpoint):
        run = self.send().json()
        buckets.store_in_buckets(settings, endpoint, PRIVATE_BUCKET="nor-this-one")
        with pytest.raises(Unavailable):
            tasks.run_import(run["id"])
        assert Import.objects.get().status == "running"
        assert self.send().status_code == 503
        buckets.store_in_buckets(settings, endpoint)
        tasks.resume_imports()
        assert Import.objects.get().status == "completed_with_errors"


@pytest.mark.django_db(databases=["clients"])
def test_a_list_of_clients_is_dropped_after_the_commit(seen, django_capture_on_commit_callbacks):
    options = people.ImportOptions()
    file = SimpleUploadedFile("people.csv", b"name,phone\nAnna,+79161234567\n")
    people.start_import(file=file, options=options, actor_id=Api().user_id, now=timezone.now())
    (key,) = buckets.names(seen, PRIVATE)
    assert key.startswith("media/client-imports/")
    with django_capture_on_commit_callbacks(using="clients", execute=True), transaction("clients"):
        people.drop_files(ClientImport.objects.all())
    assert (ClientImport.objects.get().file.name, buckets.names(seen, PRIVATE)) == ("", [])


# Settings -------------------------------------------------------------------------------------------------------------
def test_without_its_client_no_process_starts(monkeypatch):
    for name, value in buckets.declared("https://s3.example").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="install requirements-s3"):
        files.storages(Path("/nowhere"))


def test_files_lie_in_the_data_folder_unless_a_bucket_is_named(settings, tmp_path):
    found = files.storages(tmp_path)
    assert set(found) == {"default", "pictures", "private", "staticfiles"}
    assert found["private"]["OPTIONS"]["location"] == tmp_path / "private"
    assert files.picture_origins() == []


def test_folders_and_buckets_name_the_same_files(seen):
    for path in ("a/one.csv", "a/b/two.csv", "three.csv"):
        storages["default"].save(path, ContentFile(b"x"))
    assert list(names_in(storages["default"])) == ["three.csv", "a/one.csv", "a/b/two.csv"]
    assert list(names_in(storages["default"], "a")) == ["a/one.csv", "a/b/two.csv"]


# Moving ---------------------------------------------------------------------------------------------------------------
def test_files_move_out_of_a_data_folder_into_buckets_and_back(settings, seen, tmp_path, endpoint, capsys):
    kept = {
        "media/products/1/a.jpg": b"picture",
        "media/imports/one.csv": b"list",
        "private/claims/1/b.jpg": b"sealed",
    }
    for name, content in kept.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(content)
    (tmp_path / "data" / "private" / "claims" / "1" / "c.jpg.part").write_bytes(b"half")
    for copied in (1, 0):
        call_command("copy_files", source=tmp_path / "data")
        assert capsys.readouterr().out.splitlines() == [
            f"{kind}: {copied} of 1 files copied" for kind in ("pictures", "default", "private")
        ]
    assert buckets.names(seen, PICTURES) == ["products/1/a.jpg"]
    assert buckets.names(seen, PRIVATE) == ["media/imports/one.csv", "private/claims/1/b.jpg"]
    seen.put_object(Bucket=PICTURES, Key="products/1/a.jpg", Body=b"another picture")
    for copied in (1, 0):
        call_command("copy_files", to=tmp_path / "copy")
        assert capsys.readouterr().out.splitlines()[0] == f"pictures: {copied} of 1 files copied"
    kept["media/products/1/a.jpg"] = b"another picture"
    found = {path: path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "copy")): content for path, content in found.items()} == kept
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_copied_is_said(away, tmp_path):
    with pytest.raises(CommandError, match="is no folder"):
        call_command("copy_files", source=tmp_path / "none")
    with pytest.raises(CommandError, match="a bucket does not answer"):
        call_command("copy_files", to=tmp_path / "copy")


# How code may ask -----------------------------------------------------------------------------------------------------
PATHS = re.compile(
    r"(storages?(\[[^]]*\])?|picture_files\(\))\.(path|location)\b|\bfile\.path\b|\bMEDIA_ROOT\b|default_storage"
)
"""What only files in folders have, and the storage whose name does not say that it is private."""


def test_only_what_knows_folders_from_buckets_asks_for_a_path():
    found = {name: text for name, text in texts() if PATHS.search(text)}
    asking = {"core/files/kept.py", "config/health/outside.py", "gateway/responses/pictures.py", "config/settings.py"}
    assert set(found) == asking, "use core.files.kept: a bucket has no paths"
    assert all("FileSystemStorage)" in text for name, text in found.items() if name != "config/settings.py")


def texts():
    for package in PACKAGES:
        for path in sources(package):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ('open(storages["private"].path(name))', True), ("Path(run.file.path)", True), ("default_storage.url(x)", True),
        ("picture_files().path(name)", True), ("settings.MEDIA_ROOT / name", True), ("storage.location", True),
        ("request.path", False), ("picture_files().url(path)", False), ("storage.open(path)", False),
    ],
)  # fmt: skip
def test_that_rule_finds_what_it_is_for(code, is_found):
    assert bool(PATHS.search(code)) is is_found
