"""Views of the admin's lists: kept, shown, opened, renamed and deleted; others' are seen when shared, never changed."""

from urllib.parse import urlencode

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.errors import (
    SavedViewNotFound,
    SharingNotAllowed,
    TooManyViews,
    UnfitViewName,
    ViewNameTaken,
    ViewSeeksPerson,
)
from accounts.models import SavedView
from accounts.rules.list_queries import normalise_query
from accounts.services.saved_views import MOST_VIEWS
from accounts.tests import make
from config.databases import APPS
from core.errors import UnfitListQuery
from core.ids import uuid7
from messaging.people.personal import erase
from storefront.tests.make import Visitor
from tests.test_admin_text import ENGLISH, Reader
from tests.test_rendered_text import CODES, foreign_sentences

pytestmark = pytest.mark.django_db(databases=APPS)
LIST = "/admin/orders/order/"
ADD = "/admin/accounts/savedview/add/"
CHOICES = {"status__exact": "paid", "q": "Анна", "o": "-1"}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anna():
    return Visitor("manager")


@pytest.fixture
def boris():
    return Visitor("manager")


def save(person, name="Paid", *, listing="orders.order", query="status__exact=paid", is_shared=False):
    given = {"listing": listing, "name": name, "query": query, "is_shared": is_shared}
    return services.save_view(user_id=person.pk, now=timezone.now(), **given)


def get_page(view):
    return f"/admin/accounts/savedview/{view.pk}/"


# What is kept ------------------------------------------------------------------------------------------------------
def test_choices_are_kept_and_the_page_is_not():
    assert normalise_query("?p=3&q=a+b&e=1&o=-1.2&status__exact=paid") == "o=-1.2&q=a+b&status__exact=paid"


@pytest.mark.parametrize(
    "query",
    [
        "", "p=2", "https://evil.example/?q=1", "//evil.example/", "q=a%00b", "q=a%0d%0aLocation:x", "q=%ff", "o=a",
        "__class__=1", "a-b=1", "q=" + "x" * 1000, "&".join(f"a{n}=1" for n in range(31)),
    ],
)  # fmt: skip
def test_anything_else_is_refused(query):
    with pytest.raises(UnfitListQuery):
        normalise_query(query)


@pytest.mark.parametrize("sought", ["anna@example.com", "+7 900 123-45-67", "8 (900) 123-45-67", "89001234567"])
def test_no_search_by_a_phone_or_a_mailbox_is_kept(sought):
    with pytest.raises(ViewSeeksPerson):
        normalise_query(urlencode({"q": sought}))


def test_numbers_of_orders_and_cars_are_kept():
    for sought in ("2026-000001", "XTA210990Y2766389", str(uuid7())):
        assert normalise_query(urlencode({"q": sought}))


def test_views_about_somebody_go_with_the_person():
    clerk, person = make.user("manager"), make.user()
    person.full_name, person.phone = "Анна Смирнова", "+7 900 123-45-67"
    person.save()
    for number, query in enumerate(({"q": "смирнова анна"}, {"q": "9001234567"}, {"q": "Смирнов"})):
        save(clerk, f"V{number}", query=urlencode(query))
    save(clerk, "Ask Анна Смирнова")
    services.erase_user(user_id=person.pk, now=timezone.now())
    assert list(SavedView.objects.values_list("name", flat=True)) == ["V2"]


@pytest.mark.parametrize("name", ["", "  \t", "x" * 61, "a\u202eb", "a\x00b"])
def test_a_name_has_one_to_sixty_visible_characters(name):
    with pytest.raises(UnfitViewName):
        save(make.user("manager"), name)
    assert not SavedView.objects.exists()


def test_a_name_is_given_once_for_a_list_whatever_its_case():
    person = make.user("manager")
    save(person, "Оплачено")
    with pytest.raises(ViewNameTaken):
        save(person, "  ОПЛАЧЕНО ")
    save(person, "Оплачено", listing="orders.checkout")
    save(make.user("manager"), "Оплачено")
    assert SavedView.objects.count() == 3


def test_nobody_has_more_than_stand_above_a_list():
    person = make.user("manager")
    for number in range(MOST_VIEWS):
        save(person, f"view {number}")
    with pytest.raises(TooManyViews):
        save(person, "one more")
    save(person, "of another list", listing="orders.checkout")


def test_only_who_works_here_shares():
    client = make.user("client")
    with pytest.raises(SharingNotAllowed):
        save(client, is_shared=True)
    own = save(client)
    with pytest.raises(SharingNotAllowed):
        services.change_view(user_id=client.pk, view_id=own.pk, name="Paid", is_shared=True, now=timezone.now())
    assert not SavedView.objects.filter(is_shared=True).exists()


def test_anothers_view_is_not_changed():
    view, other = save(make.user("manager"), is_shared=True), make.user("admin")
    with pytest.raises(SavedViewNotFound):
        services.change_view(user_id=other.pk, view_id=view.pk, name="Mine", is_shared=False, now=timezone.now())
    with pytest.raises(SavedViewNotFound):
        services.delete_view(user_id=other.pk, view_id=view.pk)
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Paid", True)


def test_views_go_with_their_person():
    person, other = make.user("manager"), make.user("manager")
    save(person, is_shared=True)
    save(other)
    erase("accounts", person.pk)
    assert SavedView.objects.get().user_id == other.pk


# At the desk -------------------------------------------------------------------------------------------------------
def test_a_list_offers_to_save_what_is_chosen(anna):
    assert "Save this view" not in anna.get(LIST).content.decode()
    page = anna.get(f"{LIST}?{urlencode(CHOICES)}")
    assert "Save this view" in page.content.decode()
    form = anna.get(page.context["save_view_page"])
    assert form.status_code == 200
    hidden = {"listing": "orders.order", "query": form.context["form"]["query"].value()}
    answer = anna.post(ADD, name="Оплаченные", **hidden)
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?{urlencode(sorted(CHOICES.items()))}")
    (view,) = anna.get(answer["Location"]).context["saved_views"]
    assert (view["name"], view["is_present"], view["author"]) == ("Оплаченные", True, "")
    assert anna.get(view["address"]).status_code == 200


@pytest.mark.parametrize("query", ["colour=red", "payments__id=1", "customer__password=x", "https://evil.example/?q=1"])
def test_only_choices_of_that_list_are_kept(anna, query):
    answer = anna.post(ADD, listing="orders.order", name="Odd", query=query)
    assert answer.status_code == 400
    assert "These are not filters" in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_refused_name_is_said_beside_it(anna):
    save(anna.user)
    answer = anna.post(ADD, listing="orders.order", name="PAID", query="status__exact=paid")
    assert answer.status_code == 400
    assert answer.context["form"].errors["name"] == ["You have a view of this name for this list already."]


def test_nobody_keeps_views_of_lists_closed_to_them(anna):
    for listing, status in (
        ("accounts.user", 403), ("orders.nothing", 404), ("x", 404), ("messaging.inboxevent", 404),
    ):  # fmt: skip
        for answer in (anna.get(f"{ADD}?listing={listing}"), anna.post(ADD, listing=listing, name="A", query="q=a")):
            assert answer.status_code == status, listing
    assert not SavedView.objects.exists()


def test_shared_views_are_seen_and_others_are_not(anna, boris):
    save(boris.user, "His own")
    save(boris.user, "For all", query="status__exact=ready", is_shared=True)
    save(anna.user, "Zebra")
    views = anna.get(LIST).context["saved_views"]
    assert [(view["name"], view["author"]) for view in views] == [("Zebra", ""), ("For all", str(boris.user))]
    assert "His own" not in anna.get("/admin/accounts/savedview/").content.decode()
    assert anna.get("/admin/payments/payment/").context["saved_views"] == []


def test_views_of_lists_closed_to_somebody_are_hidden_from_them(anna):
    save(Visitor("admin").user, "Closed accounts", listing="accounts.user", query="is_active__exact=0", is_shared=True)
    assert "Closed accounts" not in anna.get("/admin/accounts/savedview/").content.decode()


def test_own_views_are_renamed_shared_and_deleted(anna):
    view = save(anna.user)
    answer = anna.post(f"{get_page(view)}change/", name="Ready to go", is_shared="on")
    assert answer.status_code == 302
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Ready to go", True)
    assert anna.post(f"{get_page(view)}delete/", post="yes").status_code == 302
    assert not SavedView.objects.exists()


def test_a_shared_view_of_another_is_only_looked_at(anna, boris):
    view, hidden = save(boris.user, is_shared=True), save(boris.user, "His own")
    page = anna.get(f"{get_page(view)}change/")
    assert page.status_code == 200
    assert 'name="name"' not in page.content.decode()
    assert anna.post(f"{get_page(view)}change/", name="Mine").status_code == 403
    assert anna.post(f"{get_page(view)}delete/", post="yes").status_code == 403
    assert anna.post(f"{get_page(hidden)}change/", name="Mine").status_code == 302  # as if it did not exist
    assert set(SavedView.objects.values_list("name", flat=True)) == {"Paid", "His own"}


def test_a_view_costs_no_more_where_there_are_many(anna, boris):
    with CaptureQueriesContext(connections["accounts"]) as few:
        anna.get(LIST)
    for number in range(MOST_VIEWS):
        save(boris.user, f"view {number}", is_shared=True)
    with CaptureQueriesContext(connections["accounts"]) as many:
        anna.get(LIST)
    assert len(many) == len(few)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_its_pages_speak_one_language(language):
    visitor, said = Visitor("manager", language=language), foreign_sentences(language)
    view = save(visitor.user, "№ 1")
    save(make.user("manager", full_name="№ 3"), "№ 2", is_shared=True)
    form = f"{ADD}?listing=orders.order&query=q%3Da"
    for address in (f"{LIST}?q=a", "/admin/accounts/savedview/", f"{get_page(view)}change/", ADD, form):
        reader = Reader()
        reader.feed(visitor.get(address).content.decode())
        foreign = {text for text in reader.texts if CODES.search(text) or (language == "ru" and ENGLISH.search(text))}
        assert not foreign | (set(reader.texts) & said), address
