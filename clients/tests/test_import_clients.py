import gzip
import json
import os
import resource
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from clients import queries, services, tasks
from clients.models import Client, ClientImport, ClientKey, ClientRowError, Consent, Contact, Duplicate
from clients.rules.importing.columns import find_columns
from clients.rules.importing.rows import Person, RowParser
from clients.services import ImportOptions, import_file, incoming
from clients.services.imports import KEPT, Reached
from clients.tests import make
from core.importing.limits import Row
from core.importing.problems import RowProblem, UnreadableFile
from core.money.requisites import is_inn
from core.testing import Api
from messaging.tasks import run_endings
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["clients"])
HEADER = "ФИО;Телефон;Эл. почта;ИНН;Комментарий"
GOOD = (
    "Иванова Анна;8 (916) 111-22-33;anna@example.com;;любит синий",
    "ООО «Ромашка»;+7 495 765 43 21;;7707083893;",
    "Пётр;;petr@example.com;;",
)
ROWS = int(os.environ.get("CLIENT_IMPORT_ROWS", "2000"))


def listing(folder: Path, *lines: str, header: str = HEADER, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes("\n".join([header, *lines]).encode("cp1251" if name.startswith("1251") else "utf-8"))
    return path


def run(path, *, dry_run=False, refuse=lambda problems: None, **options):
    chosen = ImportOptions(**options)
    done = import_file(path, options=chosen, now=timezone.now(), dry_run=dry_run, refuse=refuse)
    return (done.rows_ok, done.rows_failed, done.created, done.updated, done.unchanged, done.repeated)


def state():
    return [list(model.objects.order_by("pk").values()) for model in (Client, Contact, ClientKey, Duplicate, Consent)]


@pytest.mark.parametrize("name", ["list.csv", "1251.csv"])
def test_a_list_becomes_cards_and_again_changes_nothing(tmp_path, name):
    path = listing(tmp_path, *GOOD, name=name)
    with capture_events("clients") as told:
        assert run(path) == (3, 0, 3, 0, 0, 0)
    assert told == ["client.created"] * 3
    cards = {card.name: card for card in Client.objects.all()}
    anna, firm = cards["Иванова Анна"], cards["ООО «Ромашка»"]
    assert (anna.type, anna.phone, anna.email, anna.description) == (
        "person", "+79161112233", "anna@example.com", "любит синий",
    )  # fmt: skip
    assert (firm.type, firm.inn, firm.phone) == ("organization", "7707083893", "+74957654321")
    assert ClientKey.objects.count() == 5
    before = state()
    with capture_events("clients") as told:
        assert run(path) == (3, 0, 0, 0, 3, 0)
        assert run(path, overwrite=True) == (3, 0, 0, 0, 3, 0)
    assert (told, state()) == ([], before)


def test_a_client_is_known_by_phone_email_or_inn_however_written(tmp_path):
    by_phone = make.client(name="Anna", type="person", phone="+7 916 111-22-33")
    by_email = make.client(name="Petr", type="person", email="Petr@Example.com")
    by_inn = make.client(name="Romashka", inn="7707083893")
    with_contact = make.client(name="Vera", type="person")
    make.contact(with_contact, "+7 999 000-00-00")
    lines = [*GOOD, "Вера;8-999-000-00-00;;;"]
    with capture_events("clients") as told:
        assert run(listing(tmp_path, *lines)) == (4, 0, 0, 3, 1, 0)
    assert set(told) == {"client.updated"}
    for card in (by_phone, by_email, by_inn, with_contact):
        card.refresh_from_db()
    assert (by_phone.name, by_phone.email, by_phone.description) == ("Anna", "anna@example.com", "любит синий")
    assert (by_inn.phone, with_contact.phone) == ("+74957654321", "+79990000000")
    assert Client.objects.count() == 4
    assert run(listing(tmp_path, *lines)) == (4, 0, 0, 0, 4, 0)


def test_nothing_is_lost_unless_asked_for(tmp_path):
    card = make.client(name="Anna", type="person", phone="+79160000001", email="anna@example.com")
    path = listing(tmp_path, "Анна Иванова;+7 916 000-00-02;anna@example.com;;")
    with capture_events("clients") as told:
        assert run(path) == (1, 0, 0, 1, 0, 0)
    card.refresh_from_db()
    assert (card.name, card.phone, told) == ("Anna", "+79160000001", ["client.contact.added"])
    assert Contact.objects.values_list("kind", "value").get() == ("phone", "+79160000002")
    assert run(path, overwrite=True) == (1, 0, 0, 1, 0, 0)
    card.refresh_from_db()
    assert (card.name, card.phone) == ("Анна Иванова", "+79160000002")
    before = state()
    assert (run(path, overwrite=True), state() == before) == ((1, 0, 0, 0, 1, 0), True)


def test_the_profile_of_a_registered_user_is_not_overwritten(tmp_path):
    card = make.user_client()
    assert run(listing(tmp_path, "Чужое имя;+79991234567;;;важный"), overwrite=True) == (1, 0, 0, 1, 0, 0)
    card.refresh_from_db()
    assert (card.name, card.email, card.description) == ("Anna Ivanova", "anna@example.com", "важный")


def test_rows_of_one_client_are_one_card_and_the_first_decides(tmp_path):
    lines = ["Анна;+79161112233;;;", "Аня;89161112233;anna@example.com;;", "Анечка;;ANNA@example.com;;"]
    path = listing(tmp_path, *lines)
    assert run(path, dry_run=True) == (3, 0, 1, 0, 0, 2)
    assert not Client.objects.exists()
    assert run(path, overwrite=True) == (3, 0, 1, 0, 0, 2)
    assert Client.objects.values_list("name", "email").get() == ("Анна", "anna@example.com")
    before = state()
    assert (run(path, overwrite=True), state() == before) == ((3, 0, 0, 0, 1, 2), True)


def test_a_firm_and_a_person_with_one_phone_are_two_and_shown_as_a_pair_only_with_their_like(tmp_path):
    firm = make.client(name="Romashka", phone="+74957654321", inn="7707083893")
    path = listing(tmp_path, "Анна;+74957654321;;;", "ООО Другое;+74957654321;;7736050003;")
    assert run(path) == (2, 0, 2, 0, 0, 0)
    assert Duplicate.objects.filter(first=firm).count() == 2
    assert run(path) == (2, 0, 0, 0, 2, 0)


def test_a_row_that_points_at_two_clients_is_refused_and_nothing_of_it_written(tmp_path):
    make.client(name="Anna", type="person", phone="+79161112233")
    make.client(name="Petr", type="person", email="petr@example.com")
    before, problems = state(), []
    path = listing(tmp_path, "Анна;+79161112233;petr@example.com;;", GOOD[1])
    assert run(path, refuse=problems.extend) == (1, 1, 1, 0, 0, 0)
    assert [(problem.line, problem.code) for problem in problems] == [(2, "several_clients")]
    assert state()[0][: len(before[0])] == before[0]


def test_deleted_and_merged_cards(tmp_path):
    kept = make.client(name="A", type="person")
    other = make.client(name="B", type="person", phone="+79161112233")
    make.merge(kept, other)
    gone = make.client(name="Petr", type="person", email="petr@example.com")
    services.delete_client(client_id=gone.id, now=timezone.now())
    assert run(listing(tmp_path, GOOD[0], GOOD[2])) == (2, 0, 1, 1, 0, 0)
    kept.refresh_from_db()
    assert kept.email == "anna@example.com"


def test_consents_are_written_once_and_withdrawn(tmp_path):
    header = "name,phone,consent,marketing"
    assert run(listing(tmp_path, "Anna,+79161112233,да,yes", header=header)) == (1, 0, 1, 0, 0, 0)
    run(listing(tmp_path, "Anna,+79161112233,да,yes", header=header))
    assert sorted(Consent.objects.values_list("kind", "is_given", "source")) == [
        ("marketing", True, "import"), ("personal_data", True, "import"),
    ]  # fmt: skip
    run(listing(tmp_path, "Anna,+79161112233,,нет", header=header))
    assert queries.read_consents(Client.objects.get()) == {"marketing": False, "personal_data": True}
    assert published("clients").count("client.consent.recorded") == 3


PARSED = [
    ({"name": "Анна", "phone": "8(916)1112233, +7 916 111 22 34"}, {"phone": "+79161112233"}, ("+79161112234",)),
    ({"surname": "Иванова", "given_name": "Анна", "email": "A@X.ru"}, {"name": "Иванова Анна", "email": "a@x.ru"}, ()),
    ({"name": "Ozon", "inn": "7704217370", "kpp": "770301001"}, {"type": "organization", "kpp": "770301001"}, ()),
    ({"name": "'=SUM(A1)", "phone": "+79161112233"}, {"name": "=SUM(A1)"}, ()),
    ({"name": "Anna", "phone": "79161112233.0", "type": "физлицо"}, {"phone": "+79161112233", "type": "person"}, ()),
]
REFUSED = [
    ({"phone": "+79161112233"}, "name", "required"),
    ({"name": "Anna"}, "", "no_identity"),
    ({"name": "Anna", "phone": "12"}, "phone", "invalid"),
    ({"name": "Anna", "email": "anna@"}, "email", "invalid"),
    ({"name": "Anna", "inn": "7707083894"}, "inn", "invalid"),
    ({"name": "Anna", "type": "person", "inn": "7707083893"}, "inn", "invalid"),
    ({"name": "Anna", "type": "person", "kpp": "770301001", "phone": "+79161112233"}, "kpp", "invalid"),
    ({"name": "Firm", "kpp": "7x", "inn": "7707083893", "type": "organization"}, "kpp", "invalid"),
    ({"name": "Anna", "ogrn": "1", "phone": "+79161112233"}, "ogrn", "invalid"),
    ({"name": "Anna", "type": "robot", "phone": "+79161112233"}, "type", "invalid"),
    ({"name": "Anna", "personal_data_consent": "maybe", "phone": "+79161112233"}, "personal_data_consent", "invalid"),
    ({"name": "A" * 256, "phone": "+79161112233"}, "name", "too_long"),
    ({"name": "A", "industry": "x" * 101, "phone": "+79161112233"}, "industry", "too_long"),
]


def parse(cells):
    header = [*dict.fromkeys([*cells, "name", "phone"])]
    return RowParser(find_columns(header)).parse(Row(1, 2, [cells.get(name, "") for name in header]))


@pytest.mark.parametrize(("cells", "expected", "phones"), PARSED)
def test_rows_are_read_as_people_write_them(cells, expected, phones):
    parsed = parse(cells)
    assert isinstance(parsed, Person), parsed
    assert expected.items() <= parsed.fields.items()
    assert parsed.phones == phones


@pytest.mark.parametrize(("cells", "field", "code"), REFUSED)
def test_wrong_rows_are_refused_by_line_field_and_reason(cells, field, code):
    parsed = parse(cells)
    assert isinstance(parsed, RowProblem), parsed
    assert (parsed.row, parsed.line, parsed.field, parsed.code) == (1, 2, field, code)


def test_zeros_that_a_spreadsheet_took_are_put_back():
    inn = next(text for text in (f"{number:010d}" for number in range(323000020, 323000099)) if is_inn(text))
    assert parse({"name": "Firm", "inn": inn.lstrip("0")}).fields["inn"] == inn


@pytest.mark.parametrize("header", ["phone;email", "name;comment", ""])
def test_a_list_without_what_is_needed_writes_nothing(tmp_path, header):
    with pytest.raises(UnreadableFile):
        run(listing(tmp_path, "x;y", header=header))
    assert not Client.objects.exists()


def test_a_file_that_breaks_off_writes_nothing(tmp_path):
    path = tmp_path / "list.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *GOOD * 2000]).encode())[:-20])
    with pytest.raises(UnreadableFile):
        run(path)
    assert not Client.objects.exists()


def test_an_import_goes_on_where_its_worker_died(tmp_path, monkeypatch):
    monkeypatch.setattr("clients.services.imports.CHUNK", 2)
    lines = [f"Client {number};+7916000{number:04d};;;" for number in range(6)] + ["Anna;+79160000000;x@example.com;;"]
    path, reached = listing(tmp_path, *lines), Reached()
    stops = iter([None, None, RuntimeError])

    def store(_):
        if (stop := next(stops)) is not None:
            raise stop

    with pytest.raises(RuntimeError):
        import_file(path, options=ImportOptions(), now=timezone.now(), reached=reached, store=store)
    assert Client.objects.count() == 4
    reached.row, reached.counts = 4, {"created": 4, "rows_ok": 0, "rows_failed": 0}
    done = import_file(path, options=ImportOptions(), now=timezone.now(), reached=reached)
    assert (done.rows_total, done.created, done.repeated, Client.objects.count()) == (7, 6, 1, 6)


def test_a_card_opened_meanwhile_is_found(tmp_path, monkeypatch):
    lock, opened = incoming.lock_keys, []

    def lock_later(keys):
        if not opened:
            opened.append(make.client(name="Anna", type="person", phone="+79161112233"))
        lock(keys)

    monkeypatch.setattr(incoming, "lock_keys", lock_later)
    # the other's card is of our own transaction here, so it goes with the first try and is opened anew
    run(listing(tmp_path, GOOD[0]))
    assert Client.objects.count() == 1


def test_a_long_list_needs_few_queries_and_no_more_memory(tmp_path, django_assert_max_num_queries):
    lines = [f"Client {number};+7{9160000000 + number};c{number}@example.com;;" for number in range(ROWS)]
    path = listing(tmp_path, *lines)
    with django_assert_max_num_queries(20 * (ROWS // 200), using="clients"):
        assert run(path) == (ROWS, 0, ROWS, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run(path) == (ROWS, 0, 0, 0, ROWS, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


class TestCommand:
    def test_it_prints_counts_and_writes_refused_rows_that_can_be_mended(self, tmp_path, capsys):
        path, errors = listing(tmp_path, *GOOD, "Вера;12;;;"), tmp_path / "errors.csv"
        call_command("import_clients", str(path), "--errors", str(errors))
        said = capsys.readouterr().out
        assert "3 good, 1 refused of 4 rows" in said
        assert "3 created, 0 updated, 0 unchanged, 0 repeated in the file" in said
        assert "refused row 4 (line 5), phone: invalid." in said
        mended = errors.read_text().replace(",12,", ",+79165556677,")
        errors.write_text(mended)
        call_command("import_clients", str(errors), verbosity=0)
        assert Client.objects.filter(name="Вера", phone="+79165556677").exists()

    def test_a_dry_run_and_a_mapping(self, tmp_path, capsys):
        path = listing(tmp_path, "Anna,+79161112233", header="who,how")
        mapping = tmp_path / "mapping.json"
        mapping.write_text(json.dumps({"who": "name", "phone": ["how"]}))
        options = ["--mapping", str(mapping), "--default", "industry=taxi"]
        call_command("import_clients", str(path), *options, "--dry-run")
        assert ("1 would be created" in capsys.readouterr().out, Client.objects.count()) == (True, 0)
        call_command("import_clients", str(path), *options)
        assert Client.objects.get().industry == "taxi"

    def test_what_cannot_be_read_is_said(self, tmp_path):
        with pytest.raises(CommandError, match=r"Nothing was imported\."):
            call_command("import_clients", str(tmp_path / "missing.csv"), verbosity=0)


class TestOverHttp:
    @pytest.fixture(autouse=True)
    def _media(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path / "media"

    def send(self, caller, data, name="list.csv", **fields):
        file = SimpleUploadedFile(name, data)
        return caller.client.post("/api/v1/clients/imports", {"file": file, **fields}, headers=caller.headers)

    def test_an_upload_is_carried_out_in_the_background(self):
        api = Api("manager")
        sent = self.send(api, "\n".join([HEADER, *GOOD, "Вера;12;;;"]).encode())
        assert (sent.status_code, sent.json()["status"], sent.json()["progress"]) == (202, "pending", 0)
        assert sent["Location"] == f"/api/v1/clients/imports/{sent.json()['id']}"
        tasks.run_import(sent.json()["id"])
        path = f"/clients/imports/{sent.json()['id']}"
        done = api.get(path).json()
        assert (done["status"], done["progress"], done["created"]) == ("completed_with_errors", 100, 3)
        assert (done["rows_total"], done["rows_ok"], done["rows_failed"]) == (4, 3, 1)
        (row,) = api.get(f"{path}/errors").json()["results"]
        assert (row["row"], row["line"], row["field"], row["code"]) == (4, 5, "phone", "invalid")
        refused = b"".join(api.get(f"{path}/refused-rows").streaming_content).decode().splitlines()
        assert refused[1].startswith("4,5,phone,invalid,")
        assert refused[1].endswith(",Вера,12,,,")
        assert [run["id"] for run in api.get("/clients/imports").json()["results"]] == [done["id"]]

    def test_what_a_dead_worker_left_is_done_once(self):
        self.send(Api("manager"), "\n".join([HEADER, *GOOD]).encode(), overwrite="true")
        ClientImport.objects.update(status="running", progress=40)
        tasks.resume_imports()
        tasks.resume_imports()
        assert (ClientImport.objects.get().status, published("clients")) == ("completed", ["client.created"] * 3)

    def test_files_are_forgotten_after_a_month(self, django_capture_on_commit_callbacks):
        self.send(Api("manager"), "\n".join([HEADER, "Вера;12;;;"]).encode())
        tasks.resume_imports()
        run = ClientImport.objects.get()
        path = Path(run.file.path)
        run_endings("clients")
        assert path.exists()
        ClientImport.objects.update(finished_at=timezone.now() - KEPT)
        with django_capture_on_commit_callbacks(using="clients", execute=True):
            run_endings("clients")
        assert (path.exists(), ClientRowError.objects.count(), ClientImport.objects.count()) == (False, 0, 1)
        answer = Api("manager").get(f"/clients/imports/{run.id}/refused-rows")
        assert len(b"".join(answer.streaming_content).splitlines()) == 1

    def test_a_file_that_cannot_be_read_fails_with_a_reason(self):
        self.send(Api("manager"), b"name,comment\nAnna,x\n")
        tasks.resume_imports()
        run = ClientImport.objects.get()
        assert (run.status, run.failure["code"], Client.objects.count()) == ("failed", "missing_column", 0)

    @pytest.mark.parametrize(
        ("name", "data", "fields"),
        [
            ("list.exe", b"x", {}),
            ("list.csv", b"", {}),
            ("list.csv", b"x", {"mapping": "{"}),
            ("list.csv", b"x", {"mapping": '{"a": "b"}'}),
            ("list.csv", b"x", {"defaults": "[]"}),
        ],
    )
    def test_bad_input_is_refused(self, name, data, fields):
        assert self.send(Api("manager"), data, name, **fields).status_code == 400
        assert not ClientImport.objects.exists()

    @pytest.mark.parametrize(("caller", "status"), [(Api, 401), (lambda: Api("client"), 403)])
    def test_others_import_nothing(self, caller, status):
        assert self.send(caller(), b"x").status_code == status
        known = self.send(Api("manager"), b"x").json()["id"]
        for tail in ("", f"/{known}", f"/{known}/errors", f"/{known}/refused-rows"):
            assert caller().get(f"/clients/imports{tail}").status_code == status
        assert ClientImport.objects.count() == 1

    @pytest.mark.parametrize("tail", ["", "/errors", "/refused-rows"])
    def test_a_missing_import_is_404(self, tail):
        path = f"/clients/imports/01900000-0000-7000-8000-000000000000{tail}"
        assert Api("manager").get(path).status_code == 404
