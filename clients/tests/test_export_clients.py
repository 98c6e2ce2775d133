import csv
import gzip
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients import services, tasks
from clients.models import Client, ClientExport, ClientImport
from clients.tests import make
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=["clients"])


def body(answer):
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def rows(answer):
    return list(csv.DictReader(io.StringIO(body(answer).decode())))


@pytest.fixture
def anna():
    card = make.client(
        name="Anna",
        type="person",
        phone="+79161112233",
        email="anna@example.com",
        description="=1+1",
        inn="500100732259",
    )
    make.contact(card, "+79160000002")
    make.consent(card)
    return card


def test_a_manager_gets_everybody_masked(anna):
    manager = Api("manager")
    (row,) = rows(manager.get("/clients/export/csv"))
    assert (row["name"], row["phone"], row["email"]) == ("Anna", "'+7***33", "a***@example.com")
    assert (row["other_phones"], row["inn"], row["description"], row["marketing_consent"]) == (
        "'+7***02", "50***59", "", "yes",
    )  # fmt: skip
    taken = ClientExport.objects.get()
    assert (taken.actor, taken.is_clear, taken.rows, taken.format) == (str(manager.user_id), False, 1, "csv")


def test_only_an_admin_gets_everything_and_it_is_written_down(anna):
    assert Api("manager").get("/clients/export/csv?clear=true").status_code == 403
    assert not ClientExport.objects.exists()
    admin = Api("admin")
    (row,) = rows(admin.get("/clients/export/csv?clear=true&type=person"))
    assert (row["phone"], row["email"], row["inn"]) == ("+79161112233", "anna@example.com", "500100732259")
    assert row["description"] == "'=1+1"  # no spreadsheet computes it
    taken = ClientExport.objects.get()
    assert (taken.actor, taken.is_clear, taken.filters) == (str(admin.user_id), True, {"type": "person"})


def test_each_format_says_the_same(anna):
    from openpyxl import load_workbook

    admin = Api("admin")
    plain = body(admin.get("/clients/export/csv?clear=true"))
    assert gzip.decompress(body(admin.get("/clients/export/csv-gz?clear=true"))) == plain
    book = load_workbook(io.BytesIO(body(admin.get("/clients/export/xlsx/?clear=true"))))
    header, row = book.active.iter_rows(values_only=True)
    (expected,) = csv.DictReader(io.StringIO(plain.decode()))
    assert {name: value or "" for name, value in zip(header, row, strict=True)} == expected


@pytest.mark.parametrize("kind", ["csv", "csv-gz", "xlsx"])
def test_what_went_out_comes_in_again_as_it_was(anna, settings, tmp_path, kind):
    settings.MEDIA_ROOT = tmp_path
    make.client(name="-Romashka", inn="7707083893", kpp="770301001", preferred_channel="sms", preferred_language="ru")
    admin = Api("admin")
    file = SimpleUploadedFile(
        f"clients.{kind.replace(chr(45), chr(46))}", body(admin.get(f"/clients/export/{kind}?clear=true"))
    )
    before = list(Client.objects.order_by("pk").values())
    fields = {"file": file, "overwrite": "true"}
    assert admin.client.post("/api/v1/clients/imports", fields, headers=admin.headers).status_code == 202
    tasks.resume_imports()
    run = ClientImport.objects.get()
    assert (run.status, run.rows_ok, run.unchanged) == ("completed", 2, 2), run.failure
    assert list(Client.objects.order_by("pk").values()) == before


def test_deleted_merged_and_erased_cards_stay_inside(anna):
    user = make.user_client()
    services.forget_user(user_id=user.user_id, now=timezone.now())
    other = make.client(name="Other", type="person", phone="+79160000009")
    make.contact(other, "+79160000010")
    make.merge(anna, other)
    (row,) = rows(Api("admin").get("/clients/export/csv?clear=true"))
    assert sorted(row["other_phones"].split("; ")) == ["+79160000002", "+79160000010"]


def test_many_cards_cost_no_more_queries_than_few(monkeypatch):
    costs = []
    for _ in range(2):
        for number in range(5):
            make.client(name=f"Firm {number}")
        with CaptureQueriesContext(connections["clients"]) as queries:
            rows(Api("manager").get("/clients/export/csv"))
        costs.append(len(queries))
    assert costs[0] == costs[1]
    monkeypatch.setattr("clients.services.exports.CHUNK", 3)
    assert len(rows(Api("manager").get("/clients/export/csv"))) == 10


@pytest.mark.parametrize("query", ["clear=perhaps", "color=red", "type=robot"])
def test_a_bad_query_is_400(query):
    assert Api("admin").get(f"/clients/export/csv?{query}").status_code == 400
    assert not ClientExport.objects.exists()


@pytest.mark.parametrize(("caller", "status"), [(Api, 401), (lambda: Api("client"), 403)])
@pytest.mark.parametrize("kind", ["csv", "csv-gz", "xlsx"])
def test_others_take_nothing(anna, caller, status, kind):
    assert caller().get(f"/clients/export/{kind}").status_code == status
    assert not ClientExport.objects.exists()


def test_there_is_no_other_format():
    assert Api("admin").get("/clients/export/pdf").status_code == 404


class TestCommand:
    @pytest.mark.parametrize("name", ["list.csv", "list.csv.gz", "LIST.XLSX"])
    def test_a_file_is_whole_private_and_comes_in_again_as_it_was(self, anna, tmp_path, capsys, name):
        path = tmp_path / name
        call_command("export_clients", path, "--clear", verbosity=0)
        assert "1 clients to" in capsys.readouterr().out
        assert path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in tmp_path.iterdir()] == [name]
        before = list(Client.objects.values())
        call_command("import_clients", path, "--overwrite", verbosity=0)
        assert "1 unchanged" in capsys.readouterr().out
        assert list(Client.objects.values()) == before

    def test_it_is_masked_unless_asked_and_written_down(self, anna, tmp_path, capsys):
        make.client(name="Romashka", inn="7707083893")
        path = tmp_path / "list.csv"
        call_command("export_clients", path, "--filter", "type=person")
        assert "masked" in capsys.readouterr().out
        (row,) = csv.DictReader(io.StringIO(path.read_text()))
        assert (row["name"], row["email"]) == ("Anna", "a***@example.com")
        taken = ClientExport.objects.get()
        assert (taken.is_clear, taken.rows, taken.format, taken.filters) == (False, 1, "csv", {"type": "person"})
        assert taken.actor.startswith("export_clients: ")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["list.pdf"], "must end with"),
            (["list.csv", "--filter", "color=red"], "--filter color: one of"),
            (["list.csv", "--filter", "type=robot"], "--filter type"),
            (["list.csv", "--filter", "type"], "write NAME=VALUE"),
            (["nowhere/list.csv"], "Nothing was written"),
        ],
    )
    def test_what_cannot_be_done_is_said(self, anna, tmp_path, monkeypatch, arguments, said):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CommandError, match=said):
            call_command("export_clients", *arguments, verbosity=0)
        assert list(tmp_path.iterdir()) == []

    def test_what_breaks_off_leaves_the_old_file(self, anna, tmp_path, monkeypatch):
        path = tmp_path / "list.csv"
        path.write_text("the list of yesterday")

        def torn(rows, kind):
            yield b"half"
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("clients.management.commands.export_clients.encode_table", torn)
        with pytest.raises(CommandError, match="No space left"):
            call_command("export_clients", path, verbosity=0)
        assert path.read_text() == "the list of yesterday"
        assert [file.name for file in tmp_path.iterdir()] == ["list.csv"]
