import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from core.testing import Api
from notifications.models import Notification, Preference, Recipient
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications"])


def test_one_sees_ones_own_newest_first():
    me = Api("client")
    make.news(me.user_id, number="A-1", status="created")
    make.news(me.user_id, number="A-1", status="paid")
    make.news(uuid7())
    rows = me.get("/notifications", Accept_Language="en").json()["results"]
    assert [row["data"]["status"] for row in rows] == ["paid", "created"]
    assert {row["channel"] for row in rows} == {"in_app"}
    assert set(rows[0]) == {"id", "kind", "channel", "title", "body", "data", "read_at", "created_at"}


def test_managers_too_see_only_their_own():
    make.news(uuid7())
    assert Api("manager").get("/notifications/").json()["results"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/notifications"),
        ("post", "/notifications/{id}/read"),
        ("get", "/notifications/preferences"),
        ("put", "/notifications/preferences"),
    ],
)
def test_a_stranger_is_401(method, path):
    message = make.news(uuid7())[-1]
    answer = Api().request(method, path.format(id=message.id), None if method == "get" else {})
    assert answer.status_code == 401
    assert not Notification.objects.filter(read_at__isnull=False).exists()
    assert not Preference.objects.exists()


def test_the_first_reading_counts():
    me = Api("client")
    message = make.news(me.user_id)[-1]
    first = me.post(f"/notifications/{message.id}/read")
    again = me.post(f"/notifications/{message.id}/read/")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["read_at"] == again.json()["read_at"] is not None
    assert me.get("/notifications?is_read=false").json()["results"] == []
    assert len(me.get("/notifications?is_read=true&kind=order.status_changed").json()["results"]) == 1


def test_anothers_is_404():
    email, in_app = make.news(make.recipient())
    me = Api("manager")
    for missing in (in_app.id, email.id, uuid7(), "-" * 36):
        assert me.post(f"/notifications/{missing}/read").status_code == 404
    assert not Notification.objects.filter(read_at__isnull=False).exists()


@pytest.mark.parametrize("query", ["kind=x", "color=red", "ordering=title", "page_size=0", "cursor=x"])
def test_a_bad_list_query_is_400(query):
    assert Api("client").get(f"/notifications?{query}").status_code == 400


def test_a_page_costs_one_query():
    me = Api("client")
    for _ in range(6):
        make.news(me.user_id)
    for size in (2, 6):
        with CaptureQueriesContext(connections["notifications"]) as queries:
            assert len(me.get(f"/notifications?page_size={size}").json()["results"]) == size
        assert len(queries) == 1


def test_everything_is_told_by_default():
    shown = Api("client").get("/notifications/preferences").json()
    assert shown["language"] == "ru"
    usual = {row["kind"]: (row["in_app"], row["email"], row["sms"]) for row in shown["preferences"]}
    assert {kind for kind, channels in usual.items() if channels != (True, True, False)} == {"user.logged_in"}
    assert usual["user.logged_in"] == (False, False, False)
    assert (shown["quiet_hours"], shown["digest"], shown["time_zone"]) == (None, False, "Europe/Moscow")
    assert not Recipient.objects.exists()


def test_wishes_are_kept_kind_by_kind():
    me = Api("client")
    wish = {"kind": "payment.completed", "in_app": True, "email": False, "sms": False}
    for _ in range(2):
        answer = me.put("/notifications/preferences/", {"language": "en", "preferences": [wish]})
        assert answer.status_code == 200
    shown = me.get("/notifications/preferences").json()
    assert shown == answer.json()
    assert (shown["language"], [row for row in shown["preferences"] if row["in_app"] > row["email"]]) == ("en", [wish])
    assert (Preference.objects.count(), Api("client").get("/notifications/preferences").json()["language"]) == (1, "ru")


def test_quiet_hours_zone_and_digest_are_kept_and_taken_back():
    me = Api("client")
    asked = {"quiet_hours": {"start": "22:00", "until": "07:30"}, "time_zone": "Asia/Omsk", "digest": True}
    shown = me.put("/notifications/preferences", asked).json()
    assert {name: shown[name] for name in asked} == asked
    assert me.put("/notifications/preferences", {"language": "en"}).json()["quiet_hours"] == asked["quiet_hours"]
    assert me.put("/notifications/preferences", {"quiet_hours": None}).json()["quiet_hours"] is None


def test_each_role_is_shown_the_news_it_can_get():
    def kinds(role):
        return {row["kind"] for row in Api(role).get("/notifications/preferences").json()["preferences"]}

    assert kinds("manager") - kinds("client") == {"checkout.attention_needed", "order.answer_wanted", "stock.low"}
    assert kinds("admin") - kinds("manager") == {"webhook.disabled"}
    assert "digest" not in kinds("admin")


def test_sms_is_offered_where_a_gateway_is_connected(settings):
    me, wish = Api("client"), {"preferences": [{"kind": "payment.completed", "sms": True}]}
    assert [row["sms"] for row in me.put("/notifications/preferences", wish).json()["preferences"]].count(True) == 1
    settings.SMS_URL = ""
    answer = me.put("/notifications/preferences", wish)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "channel_unavailable")
    assert not any(row["sms"] for row in me.get("/notifications/preferences").json()["preferences"])


@pytest.mark.parametrize(
    "body",
    [
        {"language": "xx"},
        {"preferences": [{"in_app": True}]},
        {"preferences": [{"kind": "gossip"}]},
        {"preferences": [{"kind": "webhook.disabled"}]},
        {"preferences": [{"kind": "checkout.attention_needed"}]},
        {"preferences": [{"kind": "digest"}]},
        {"time_zone": "Mars/Olympus"},
        {"quiet_hours": {"start": "22:00"}},
        {"quiet_hours": {"start": "22:00", "until": "22:00"}},
        {"quiet_hours": {"start": "25:00", "until": "07:00"}},
        {"digest": "perhaps"},
        {"preferences": [{"kind": "payment.completed"}, {"kind": "payment.completed"}]},
        {"preferences": "all"},
        [],
    ],
)
def test_bad_wishes_are_refused(body):
    assert Api("client").put("/notifications/preferences", body).status_code == 400
    assert not Preference.objects.exists()
