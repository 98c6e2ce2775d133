import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.events import UserDeleted
from accounts.models import User
from accounts.tests import make as people
from clients import services
from clients.models import Client, Lead
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["clients"])
LEAD = {"name": "Vera", "phone": "8 916 111-22-33", "source": "website", "note": "A red one"}
STAGES = ("new", "contacted", "qualified", "won", "lost")
MOVES = {("new", "contacted"), ("contacted", "qualified"), ("qualified", "won")} | {
    (stage, "lost") for stage in ("new", "contacted", "qualified")
}
PATHS = [
    ("get", "/leads"),
    ("post", "/leads"),
    ("get", "/leads/{id}"),
    ("patch", "/leads/{id}"),
    ("post", "/leads/{id}/reply"),
    ("post", "/leads/{id}/move"),
]


def lead_at(stage: str) -> Lead:
    lead = make.lead()
    way = ("lost",) if stage == "lost" else STAGES[1 : STAGES.index(stage) + 1]
    for step in way:
        lead = move(lead, step)
    return lead


def move(lead: Lead, stage: str) -> Lead:
    reason = "Bought elsewhere" if stage == "lost" else ""
    return services.move_lead(lead_id=lead.id, stage=stage, lost_reason=reason, now=timezone.now())


def overdue_lead(**fields) -> Lead:
    return services.open_lead(
        fields={"name": "Late", "phone": "+79160000000", "source": "phone", **fields},
        now=timezone.now() - timedelta(minutes=31),
    )


def test_a_lead_is_opened_once_and_its_clock_runs(settings):
    settings.LEAD_REPLY_MINUTES = 45
    manager = Api("manager")
    first = manager.post("/leads", LEAD, Idempotency_Key="k1")
    again = manager.post("/leads", LEAD, Idempotency_Key="k1")
    assert (first.status_code, again.json()["id"], first["ETag"]) == (201, first.json()["id"], '"1"')
    lead = Lead.objects.get()
    assert (lead.phone, lead.stage, lead.first_replied_at) == ("+79161112233", "new", None)
    assert lead.reply_due_at - lead.created_at == timedelta(minutes=45)
    assert published("clients") == ["lead.opened"]
    assert manager.get(f"/leads/{lead.id}").json() == first.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"phone": "call me"}, "phone"),
        ({"phone": ""}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"source": "moon"}, "source"),
        ({"owner_id": "me"}, "owner_id"),
        ({"next_action_at": "2030-01-01T10:00:00Z"}, "next_action"),
    ],
)
def test_bad_leads_are_refused(change, field):
    lead = make.lead()
    with capture_events("clients") as told:
        opened = Api("manager").post("/leads", LEAD | change)
        changed = Api("manager").patch(f"/leads/{lead.id}", change)
    assert (opened.status_code, changed.status_code) == (400, 400)
    assert opened.json()["errors"][0]["field"] == changed.json()["errors"][0]["field"] == field
    assert (Lead.objects.get().version, told) == (1, [])


def test_a_lead_of_an_unknown_client_is_refused():
    assert Api("manager").post("/leads", LEAD | {"client_id": str(uuid7())}).status_code == 404
    assert not Lead.objects.exists()


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_only_managers_come_near(who, status, method, path):
    lead = make.lead()
    with capture_events("clients") as told:
        answer = who.request(method, path.format(id=lead.id), None if method == "get" else LEAD)
    assert (answer.status_code, told, Lead.objects.get().version) == (status, [], 1)


@pytest.mark.parametrize(("method", "path"), PATHS[2:])
@pytest.mark.parametrize("missing", [str(uuid7()), "-" * 36])
def test_a_missing_lead_is_404(method, path, missing):
    body = {"get": None, "patch": {"name": "Anna"}, "post": {"stage": "contacted"}}[method]
    assert Api("manager").request(method, path.format(id=missing), body).status_code == 404


@pytest.mark.parametrize("source", STAGES)
@pytest.mark.parametrize("target", STAGES)
def test_the_table_of_stages(source, target):
    lead = lead_at(source)
    body = {"stage": target} | ({"lost_reason": "Too dear"} if target == "lost" else {})
    with capture_events("clients") as told:
        answer = Api("manager").post(f"/leads/{lead.id}/move", body)
    if (source, target) in MOVES:
        assert (answer.status_code, answer.json()["stage"]) == (200, target)
        assert [event for event in told if event.startswith("lead.")] == ["lead.changed"]
        return
    problem = answer.json()
    allowed = [stage for stage in STAGES if (source, stage) in MOVES]
    assert (answer.status_code, problem["code"], problem["allowed"]) == (409, "wrong_transition", allowed)
    lead.refresh_from_db()
    assert (lead.stage, told) == (source, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"stage": "sold"},
        {"stage": "lost"},
        {"stage": "lost", "lost_reason": ""},
        {"stage": "contacted", "lost_reason": "Why not"},
        {"stage": "contacted", "client_id": str(uuid7())},
    ],
)
def test_bad_moves_are_refused(body):
    lead = make.lead()
    assert Api("manager").post(f"/leads/{lead.id}/move", body).status_code == 400
    assert Lead.objects.get().version == 1


def test_a_won_lead_becomes_the_client_with_its_phone_or_a_new_one():
    known = make.client(phone="+79161112233")
    assert move(lead_at("qualified"), "won").client == known
    stranger = make.lead(phone="", email="New@Example.com")
    for stage in ("contacted", "qualified", "won"):
        stranger = move(stranger, stage)
    assert (stranger.client.name, stranger.client.email, stranger.client.type) == ("Vera", "new@example.com", "person")
    assert Client.objects.count() == 2
    chosen = make.client()
    answer = Api("manager").post(
        f"/leads/{lead_at('qualified').id}/move", {"stage": "won", "client_id": str(chosen.id)}
    )
    assert answer.json()["client_id"] == str(chosen.id)


def test_the_first_reply_stops_the_clock_and_the_next_action_starts_it():
    lead, manager = overdue_lead(), Api("manager")
    assert manager.get(f"/leads/{lead.id}").json()["is_overdue"] is True
    with capture_events("clients") as told:
        first = manager.post(f"/leads/{lead.id}/reply").json()
        second = Api("manager").post(f"/leads/{lead.id}/reply").json()
    assert (first["stage"], first["owner_id"], first["is_overdue"]) == ("contacted", str(manager.user_id), False)
    assert (second, told) == (first, ["lead.changed"])
    late = {"next_action": "Call back", "next_action_at": (timezone.now() - timedelta(minutes=1)).isoformat()}
    assert manager.patch(f"/leads/{lead.id}", late).json()["is_overdue"] is True
    move(lead, "lost")
    assert manager.get(f"/leads/{lead.id}").json()["is_overdue"] is False
    assert manager.post(f"/leads/{lead.id}/reply").json()["code"] == "wrong_transition"


@pytest.mark.django_db(databases=["clients", "accounts"])
def test_lists_are_filtered_and_strict():
    manager, owner = Api("manager"), people.user("manager").id
    late, fresh, mine = overdue_lead(), make.lead(), make.lead(owner_id=owner)
    move(mine, "contacted")

    def ids(query):
        return [row["id"] for row in manager.get(f"/leads?{query}").json()["results"]]

    assert ids("overdue=true") == [str(late.id)]
    assert ids("overdue=false") == [str(mine.id), str(fresh.id)]
    assert ids(f"owner_id={owner}") == ids("stage=contacted") == [str(mine.id)]
    assert ids("ordering=reply_due_at") == [str(late.id), str(fresh.id), str(mine.id)]
    for query in ("ordering=name", "stage=sold", "colour=red", "owner_id=me"):
        assert manager.get(f"/leads?{query}").status_code == 400


@pytest.mark.django_db(databases=["clients", "accounts"])
def test_a_lead_belongs_to_a_colleague():
    gone = people.user("manager")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    for person in (people.user(), gone):
        answer = Api("manager").post("/leads", LEAD | {"owner_id": str(person.id)})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_colleague")
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "", {"name": "Anna"}),
        ("post", "/reply", {}),
        ("post", "/move", {"stage": "contacted"}),
    ],
)
def test_a_stale_version_is_refused(method, path, body):
    lead = make.lead()
    with capture_events("clients") as told:
        answer = Api("manager").request(method, f"/leads/{lead.id}{path}", body, If_Match='"9"')
        assert (answer.status_code, told) == (412, [])
        answer = Api("manager").request(method, f"/leads/{lead.id}{path}", body, If_Match='"1"')
    assert (answer.status_code, answer["ETag"], told) == (200, '"2"', ["lead.changed"])


def test_a_move_is_repeated_by_its_key_and_a_change_of_nothing_tells_nothing():
    lead, manager = make.lead(), Api("manager")
    with capture_events("clients") as told:
        for _ in range(2):
            answer = manager.post(
                f"/leads/{lead.id}/move", {"stage": "contacted"}, Idempotency_Key="m1", If_Match='"1"'
            )
            assert (answer.status_code, answer.json()["version"]) == (200, 2)
        assert manager.patch(f"/leads/{lead.id}", {"name": "Vera"}).json()["version"] == 2
    assert told == ["lead.changed"]


@pytest.mark.django_db(databases=["clients"], transaction=True)
def test_of_two_managers_one_answers_first():
    lead, managers, barrier = make.lead(), (uuid7(), uuid7()), threading.Barrier(2)

    def answer(manager) -> None:
        barrier.wait(timeout=10)
        services.reply_to_lead(lead_id=lead.id, actor_id=manager, now=timezone.now())
        connections.close_all()

    threads = [threading.Thread(target=answer, args=[manager]) for manager in managers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    lead.refresh_from_db()
    assert (lead.stage, lead.version, lead.owner_id in managers) == ("contacted", 2, True)
    assert published("clients") == ["lead.opened", "lead.changed"]


@pytest.mark.django_db(databases=["clients", "accounts"])
def test_erasure_forgets_the_leads_of_a_person(deliver):
    card = make.user_client(phone="+79990001122")
    linked = make.lead(client_id=card.id, note="Loves red", phone="", email="other@example.com")
    alike, stranger = make.lead(phone="+79990001122"), make.lead()
    deliver(UserDeleted(user_id=card.user_id))
    for lead in (linked, alike):
        lead.refresh_from_db()
        assert (lead.name, lead.phone, lead.email, lead.note, lead.lost_reason) == ("", "", "", "", "erased")
        assert (lead.stage, lead.version, lead.due_at) == ("lost", 2, None)
    stranger.refresh_from_db()
    assert (stranger.name, stranger.version) == ("Vera", 1)


@pytest.mark.django_db(databases=["clients", "accounts"])
def test_the_screen_shows_overdue_leads_first_and_answers_them(screens):
    make.lead(name="Fresh")
    late = overdue_lead(name="Late")
    page = screens.get("/admin/clients/lead/").content.decode()
    assert 0 < page.index("Late</a>") < page.index("Fresh</a>")
    screens.post("/admin/clients/lead/", {"action": "reply", "confirmed": "yes", "_selected_action": [str(late.id)]})
    late.refresh_from_db()
    assert late.stage == "contacted"
