from datetime import time

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from messaging.testing import capture_events
from notifications.models import Kind, Notification, Preference, Recipient
from notifications.queries.letters import make_unsubscribe_url
from notifications.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "notifications"])
PREFERENCES = "/notifications/preferences/"
FORM = {"language": "en", "time_zone": "Asia/Omsk", "quiet_from": "22:00", "quiet_until": "07:30", "digest": "on"}


def text(response):
    return response.content.decode()


def following(page):
    """The address of the next page; empty on the last."""
    _, is_there, rest = page.partition('rel="next" href="')
    return "/notifications/" + rest.partition('"')[0] if is_there else ""


def told(visitor, **data):
    return make.news(visitor.user.id, **data)[-1]


@pytest.fixture
def reader():
    visitor = Visitor("client")
    Recipient.objects.create(user_id=visitor.user.id, email=visitor.user.email, language="en", version=1)
    return visitor


def test_one_reads_ones_own_news_newest_first(reader):
    order_id = uuid7()
    told(reader, number="A-1", status="created", order_id=str(order_id))
    told(reader, number="A-1", status="paid", order_id=str(order_id))
    make.news(uuid7(), number="B-2", status="paid")
    page = text(reader.get("/notifications/"))
    assert page.index("Order A-1 is paid") < page.index("Order A-1 is placed")
    assert "B-2" not in page
    assert f'href="/orders/{order_id}/"' in page
    assert 'id="unread">2<' in page
    part = text(reader.get("/notifications/?part=live"))
    assert "data-feed-part" in part
    assert "<html" not in part


def test_a_guest_signs_in_first():
    for path in ("/notifications/", "/notifications/?only=unread", PREFERENCES):
        assert "/sign-in/" in Visitor().get(path)["Location"]
    assert Visitor().get("/notifications/?part=live").status_code == 401
    message = make.news(uuid7())[-1]
    for path in (f"/notifications/{message.id}/read/", "/notifications/read/", PREFERENCES):
        assert "/sign-in/" in Visitor().post(path, until=str(message.id))["Location"]
    assert not Notification.objects.filter(read_at__isnull=False).exists()


def test_marking_as_read_is_told_once(reader):
    message = told(reader)
    with capture_events("notifications") as published:
        for _ in range(2):
            assert reader.post(f"/notifications/{message.id}/read/").status_code == 302
    assert published == ["notification.read"]
    assert 'id="unread"' not in text(reader.get("/notifications/"))
    assert "You have read everything" in text(reader.get("/notifications/?only=unread"))


def test_what_came_after_the_page_stays_unread(reader):
    told(reader)
    seen = told(reader)
    new = told(reader)
    with capture_events("notifications") as published:
        assert reader.post("/notifications/read/", until=str(seen.id)).status_code == 302
    assert published == ["notification.read"] * 2
    assert list(Notification.objects.filter(channel="in_app", read_at=None)) == [new]


def test_anothers_news_is_404(reader):
    message = make.news(uuid7())[-1]
    assert reader.post(f"/notifications/{message.id}/read/").status_code == 404
    for until in (str(message.id), str(uuid7()), "", "x"):
        assert reader.post("/notifications/read/", until=until).status_code == 404
    assert reader.get("/notifications/read/").status_code == 302
    assert not Notification.objects.filter(read_at__isnull=False).exists()


def test_earlier_news_stand_on_further_pages(reader):
    messages = [told(reader, number=f"A-{number}", status="paid") for number in range(45)]
    seen, path = [], "/notifications/"
    for _ in range(3):
        page = text(reader.get(path))
        seen += [message.id for message in reversed(messages) if f'id="read-{message.id}"' in page]
        path = following(page)
    assert (seen, path) == ([message.id for message in reversed(messages)], "")
    # somebody else's news, or nonsense, is no place to go on from
    stranger = make.news(uuid7())[-1]
    for before in (str(stranger.id), "x"):
        assert "A-44" in text(reader.get(f"/notifications/?before={before}"))


def test_a_full_page_costs_as_many_queries_as_a_short_one(reader):
    costs = []
    for count in (2, 18):
        for _ in range(count):
            told(reader)
        with CaptureQueriesContext(connections["notifications"]) as queries:
            reader.get("/notifications/")
        costs.append(len(queries))
    assert costs == [2, 2]


def test_nobody_counts_beyond_a_hundred(reader):
    Notification.objects.bulk_create(
        Notification(
            event_key=f"e{number}", user_id=reader.user.id, kind="stock.low", channel="in_app", title="t", body="b",
            delivery="sent", sent_at=reader.user.created_at, created_at=reader.user.created_at,
        )
        for number in range(120)
    )  # fmt: skip
    assert 'id="unread">100+<' in text(reader.get("/notifications/"))
    path = "/notifications/"
    seen = 0
    while path:  # all of one moment: the id decides
        page = text(reader.get(path))
        seen += page.count('class="news-row')
        path = following(page)
    assert seen == 120


def test_wishes_are_kept(reader):
    page = text(reader.get(PREFERENCES))
    assert 'name="email:payment.completed" aria-label="Payment received: e-mail" checked' in page
    assert "stock.low" not in page
    boxes = {"in_app:payment.completed": "on", "sms:payment.failed": "on", "in_app:payment.failed": "on"}
    assert reader.post(PREFERENCES, **FORM, **boxes).status_code == 302
    person = Recipient.objects.get()
    assert (person.language, person.time_zone, person.quiet_from, person.is_digest_wanted) == (
        "en", "Asia/Omsk", time(22), True,
    )  # fmt: skip
    wishes = {wish.kind: (wish.in_app, wish.email, wish.sms) for wish in Preference.objects.all()}
    assert wishes["payment.completed"] == (True, False, False)
    assert wishes["payment.failed"] == (True, False, True)
    assert "user.logged_in" not in wishes  # it was off and stays so: nothing was chosen
    assert 'value="22:00"' in text(reader.get(PREFERENCES))
    reader.post(PREFERENCES, **FORM | {"quiet_from": "", "quiet_until": ""}, **boxes)
    assert Recipient.objects.get().quiet_from is None


def test_a_channel_that_is_not_connected_is_not_offered(reader, settings):
    settings.SMS_URL = ""
    assert 'name="sms:' not in text(reader.get(PREFERENCES))
    reader.post(PREFERENCES, **FORM, **{"sms:payment.failed": "on"})
    assert not Preference.objects.filter(sms=True).exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "There is no such time zone."),
        ({"quiet_until": ""}, "Give both times, or neither."),
        ({"quiet_until": "22:00"}, "Quiet hours must end at another time than they begin."),
        ({"quiet_from": "25:00"}, "Enter a valid time."),
        ({"language": "xx"}, "Select a valid choice"),
    ],
)
def test_a_wrong_wish_shows_the_page_with_what_was_typed(reader, wrong, said):
    page = reader.post(PREFERENCES, **FORM | wrong, **{"email:payment.completed": "on"})
    assert page.status_code == 400
    assert said in text(page)
    assert 'value="Asia/Omsk"' in text(page) or "Mars/Olympus" in text(page)
    assert 'name="email:payment.completed" aria-label="Payment received: e-mail" checked' in text(page)
    assert not Preference.objects.exists()
    assert Recipient.objects.get().time_zone == ""


def test_staff_choose_for_staffs_news_too():
    assert 'name="in_app:stock.low"' in text(Visitor("manager").get(PREFERENCES))
    assert 'name="in_app:webhook.disabled"' in text(Visitor("admin").get(PREFERENCES))


def unsubscribe_path(user_id, *kinds):
    return make_unsubscribe_url(user_id, kinds).partition("//")[2].partition("/")[2]


def test_a_letters_link_ends_its_kind_for_its_reader_alone(reader):
    path = "/" + unsubscribe_path(reader.user.id, Kind.SEARCH_MATCHED)
    stranger = Client(enforce_csrf_checks=True)
    assert "<form" in text(stranger.get(path))
    assert not Preference.objects.exists()
    for _ in range(2):  # as a mail program does it: no cookie, no form of ours
        answer = stranger.post(path, {"List-Unsubscribe": "One-Click"}, HTTP_ORIGIN="https://mail.example")
        assert answer.status_code == 200
    wish = Preference.objects.get()
    assert (wish.user_id, wish.kind) == (reader.user.id, Kind.SEARCH_MATCHED)
    assert (wish.in_app, wish.email, wish.sms) == (True, False, False)


def test_other_channels_of_the_kind_stay_as_they_were(reader):
    Preference.objects.create(user_id=reader.user.id, kind=Kind.QUEUE_LEFT, in_app=False, email=True, sms=True)
    Client().post("/" + unsubscribe_path(reader.user.id, Kind.QUEUE_LEFT))
    wish = Preference.objects.get()
    assert (wish.in_app, wish.email, wish.sms) == (False, False, True)


@pytest.mark.parametrize("change", ["", "x", "cut"])
def test_a_link_that_is_not_ours_ends_nothing(reader, change):
    path = "/" + unsubscribe_path(reader.user.id, Kind.SEARCH_MATCHED)
    forged = {"": "/unsubscribe/", "x": path + "x", "cut": path[:-3]}[change]
    assert Client().post(forged).status_code == 400
    assert not Preference.objects.exists()


def test_news_told_in_another_language_is_read_in_the_one_spoken_now(reader):
    Recipient.objects.filter(user_id=reader.user.id).update(language="ru")
    told(reader, number="A-1", status="paid")
    assert "Order A-1 is paid" in text(reader.get("/notifications/"))


def test_news_whose_values_no_longer_give_its_words_is_read_as_it_was_told(reader):
    message = told(reader, number="A-1", status="paid")
    Notification.objects.filter(pk=message.pk).update(title="Заказ A-1 давно оплачен", data={"status": "paid"})
    assert "Заказ A-1 давно оплачен" in text(reader.get("/notifications/"))
    Notification.objects.filter(pk=message.pk).update(data={})
    assert "Заказ A-1 давно оплачен" in text(reader.get("/notifications/"))
