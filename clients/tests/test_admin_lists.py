"""Lists of clients from the manager screens: sent, tried, watched, imported for real, and taken out."""

import csv
import io

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone

from clients import tasks
from clients.models import Client, ClientExport, ClientImport
from clients.services.imports import KEPT
from clients.tests import make
from messaging.people.endings import end_due

pytestmark = pytest.mark.django_db(databases=["clients", "accounts"])
IMPORTS, EXPORTS = "/admin/clients/clientimport/", "/admin/clients/clientexport/"
LIST = "Имя;Тел\nАнна;8 916 111-22-33\nНикто;\n".encode()


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def browser(*roles):
    client = Browser(headers={"Accept-Language": "en"})
    if roles:
        client.user = get_user_model().objects.create(email=f"{roles[0]}@example.com", roles=list(roles))
        client.force_login(client.user, backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def manager():
    return browser("manager")


def send(client, data=LIST, name="list.csv", **fields):
    return client.post(f"{IMPORTS}add/", {"is_dry_run": "on", "file": SimpleUploadedFile(name, data)} | fields)


def get_location(answer):
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def text(answer):
    return answer.content.decode()


class TestImports:
    def test_a_dry_run_is_watched_looked_at_and_imported_for_real(self, manager):
        assert "Import a list of clients" in text(manager.get(f"{IMPORTS}add/"))
        page = get_location(send(manager))
        assert "data-import=" in text(manager.get(page))
        progress = page.replace("change/", "progress/")
        assert manager.get(progress).json() == {"is_open": True, "status": "waiting", "progress": 0}
        tasks.resume_imports()
        assert manager.get(progress).json()["progress"] == 100
        shown = text(manager.get(page))
        assert "Neither a phone nor an e-mail nor an INN tells who this is." in shown
        assert "Import for real" in shown
        assert not Client.objects.exists()
        second = get_location(manager.post(page))
        tasks.resume_imports()
        assert "Import for real" not in text(manager.get(second))
        assert Client.objects.get().phone == "+79161112233"
        assert ClientImport.objects.get(is_dry_run=False).actor == str(manager.user.pk)
        assert manager.get(IMPORTS).status_code == 200

    def test_refused_rows_are_downloaded(self, manager):
        page = get_location(send(manager))
        tasks.resume_imports()
        answer = manager.get(page.replace("change/", "refused-rows/"))
        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert lines[1].startswith("2,3,,no_identity,")
        assert lines[1].endswith(",Никто,")

    def test_every_option_reaches_the_import(self, manager):
        make.client(name="Old name", type="organization", phone="+79161112233")
        data = b"Who,Tel\nRomashka,+79161112233\n"
        given = {"mapping": '{"Who": "name"}', "defaults": "type=organization", "overwrite": "on", "encoding": "utf-8"}
        send(manager, data, is_dry_run="", **given)
        tasks.resume_imports()
        assert Client.objects.get().name == "Romashka"

    @pytest.mark.parametrize(
        "fields", [{"name": "list.exe"}, {"data": b""}, {"mapping": "{"}, {"mapping": '{"a": "b"}'}, {"defaults": "=x"}]
    )
    def test_bad_input_keeps_the_form_and_starts_nothing(self, manager, fields):
        answer = send(manager, **fields)
        assert answer.status_code == 400
        assert "text-red-600" in text(answer)
        assert not ClientImport.objects.exists()

    def test_only_a_dry_run_whose_file_is_kept_is_started_for_real(self, manager):
        page = get_location(send(manager))
        assert manager.post(page)["Location"] == page
        tasks.resume_imports()
        end_due("clients", now=timezone.now() + KEPT * 2)
        assert "Import for real" not in text(manager.get(page))
        assert manager.post(page)["Location"] == page
        assert ClientImport.objects.count() == 1

    @pytest.mark.parametrize(("roles", "status"), [((), 302), (("client",), 302)])
    def test_others_send_and_see_nothing(self, manager, roles, status):
        page = get_location(send(manager))
        stranger = browser(*roles)
        paths = (page, page.replace("change/", "progress/"), page.replace("change/", "refused-rows/"))
        assert [stranger.get(path).status_code for path in paths] == [status] * 3
        assert send(stranger).status_code == status
        assert ClientImport.objects.count() == 1


class TestExports:
    def rows(self, answer):
        assert answer.status_code == 200, answer.content
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    @pytest.fixture(autouse=True)
    def _cards(self):
        make.client(name="Anna", type="person", phone="+79161112233")
        make.client(name="Romashka", type="organization", phone="+74957654321")

    def test_a_manager_takes_a_masked_list_and_it_is_written_down(self, manager):
        assert "is_clear" not in text(manager.get(f"{EXPORTS}add/"))
        answer = manager.post(f"{EXPORTS}add/", {"kind": "csv", "type": "person", "is_clear": "on"})
        (row,) = self.rows(answer)
        assert (row["name"], row["phone"]) == ("Anna", "'+7***33")
        assert answer["Content-Disposition"] == 'attachment; filename="clients.csv"'
        taken = ClientExport.objects.get()
        assert (taken.actor, taken.is_clear, taken.rows) == (str(manager.user.pk), False, 1)
        assert taken.filters == {"type": "person"}
        assert manager.get(EXPORTS).status_code == 200

    def test_an_administrator_may_have_it_in_full(self, screens):
        rows = self.rows(screens.post(f"{EXPORTS}add/", {"kind": "csv", "type": "", "is_clear": "on"}))
        assert {row["phone"] for row in rows} == {"+79161112233", "+74957654321"}
        assert ClientExport.objects.get().is_clear

    def test_bad_input_takes_nothing(self, manager):
        assert manager.post(f"{EXPORTS}add/", {"kind": "pdf"}).status_code == 400
        assert not ClientExport.objects.exists()

    @pytest.mark.parametrize("roles", [(), ("client",)])
    def test_others_take_nothing(self, roles):
        assert browser(*roles).post(f"{EXPORTS}add/", {"kind": "csv"}).status_code == 302
        assert not ClientExport.objects.exists()
