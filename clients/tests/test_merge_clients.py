import contextlib
import random
import threading
from importlib import import_module

import pytest
from django.db import connections
from django.utils import timezone

from accounts.events import UserDeleted
from clients import services
from clients.errors import AlreadyMerged, NewerMerge
from clients.models import Activity, Client, ClientKey, Duplicate, Merge, Vehicle
from clients.public import find_customer
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from messaging.people.personal import export
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["clients", "accounts"])
PHONE = "+79995554433"


def pairs(query=""):
    return Api("manager").get(f"/clients/duplicates{query}").json()["results"]


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ({"phone": "8 999 555-44-33"}, {"phone": "+7 (999) 5554433"}, ["phone"]),
        ({"email": "A@Example.com"}, {"email": "a@example.com"}, ["email"]),
        ({"inn": "7707083893"}, {"inn": "7707083893"}, ["inn"]),
        ({"phone": PHONE, "email": "a@b.ru"}, {"phone": PHONE, "email": "A@b.ru"}, ["email", "phone"]),
    ],
)
def test_cards_that_share_a_key_are_found(one, other, reasons):
    first, second = make.client(**one), make.client(**other)
    (pair,) = pairs()
    assert (pair["first"]["id"], pair["second"]["id"], pair["reasons"]) == (str(first.id), str(second.id), reasons)
    assert pairs(f"?reason={reasons[0]}") == [pair]
    assert pairs("?reason=owl") == []


def test_a_contact_and_a_registered_user_are_recognised_too():
    card = make.client()
    make.contact(card, "8 999 123-45-67")
    user = make.user_client(phone="+79991234567")
    assert [(row["first"]["id"], row["second"]["id"]) for row in pairs()] == [(str(card.id), str(user.id))]


def test_a_changed_phone_is_no_duplicate_any_more():
    pair = make.duplicates()
    services.update_client(client_id=pair.second_id, changes={"phone": ""}, now=pair.found_at)
    assert pairs() == []


def test_when_the_oldest_holder_goes_the_rest_are_still_duplicates():
    cards = [make.client(phone=PHONE) for _ in range(3)]
    assert len(pairs()) == 2
    Api("manager").delete(f"/clients/{cards[0].id}")
    assert [(row["first"]["id"], row["second"]["id"]) for row in pairs()] == [(str(cards[1].id), str(cards[2].id))]


def test_a_dismissed_pair_is_shown_no_more():
    pair, manager = make.duplicates(), Api("manager")
    answer = manager.post(f"/clients/duplicates/{pair.id}/dismiss")
    assert (answer.status_code, answer.json()["dismissed_at"] is None) == (200, False)
    services.update_client(client_id=pair.first_id, changes={"email": "new@example.com"}, now=pair.found_at)
    assert pairs() == []
    pair.refresh_from_db()
    assert pair.dismissed_by == manager.user_id


@pytest.mark.django_db(transaction=True, databases=["clients"])
def test_two_cards_with_one_phone_opened_at_once_are_found():
    barrier = threading.Barrier(6)

    def open_card():
        barrier.wait()
        make.client(phone=PHONE)
        connections["clients"].close()

    threads = [threading.Thread(target=open_card) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paired = {card for pair in Duplicate.objects.values_list("first_id", "second_id") for card in pair}
    assert len(paired) == Client.objects.count() == 6


def full_group():
    """Two cards, each with something of every kind."""
    one, other = make.client(phone=PHONE), make.client(name="Vasilek", email="v@example.com", inn="7707083893")
    for card, vin in ((one, "XTA210930Y2696785"), (other, "WAUZZZ8V5KA123456")):
        make.contact(card, "+79990000000")
        make.activity(card)
        make.consent(card, "sms" if card is one else "marketing")
        make.vehicle(card, vin)
    return one, other


def seen(card_id):
    manager = Api("manager")
    parts = ("contacts", "activity", "consents", "vehicles")
    lists = {part: manager.get(f"/clients/{card_id}/{part}").json()["results"] for part in parts}
    return {part: sorted(row["id"] for row in rows) for part, rows in lists.items()}


def test_a_merge_keeps_everything_of_both_and_both_ids():
    one, other = full_group()
    apart = [seen(one.id), seen(other.id)]
    with capture_events("clients") as told:
        answer = Api("manager").post(f"/clients/{one.id}/merge", {"other_id": str(other.id)})
    assert answer.status_code == 201
    assert answer.json()["filled"] == {"email": "v@example.com", "inn": "7707083893"}
    assert told == ["client.merged"]
    together = {part: sorted(apart[0][part] + apart[1][part]) for part in apart[0]}
    assert seen(one.id) == seen(other.id) == together
    bodies = [Api("manager").get(f"/clients/{card.id}").json() for card in (one, other)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["id"] == str(one.id)
    assert bodies[0]["merged_ids"] == [str(other.id)]
    assert bodies[0]["consents"] == {"sms": True, "marketing": True}
    listed = Api("manager").get("/clients?search=Vasilek").json()["results"]
    assert [row["id"] for row in listed] == [str(one.id)]


def test_undoing_a_merge_gives_each_what_it_had():
    one, other = full_group()
    apart = [seen(one.id), seen(other.id)]
    merge, manager = make.merge(one, other), Api("manager")
    with capture_events("clients") as told:
        answer = manager.post(f"/clients/merges/{merge.id}/undo")
    assert (answer.status_code, told) == (200, ["client.merge_undone"])
    assert [seen(one.id), seen(other.id)] == apart
    one.refresh_from_db()
    assert (one.email, one.inn, one.phone) == ("", "", PHONE)
    again = manager.post(f"/clients/merges/{merge.id}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "merge_undone")


def test_what_was_written_since_stays_with_the_kept_card():
    one, other = make.client(), make.client(email="v@example.com")
    merge = make.merge(one, other)
    services.update_client(client_id=other.id, changes={"email": "new@example.com"}, now=merge.merged_at)
    services.undo_merge(merge_id=merge.id, actor_id=None, now=merge.merged_at)
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.email, other.email) == ("new@example.com", "v@example.com")


def test_merges_of_merges_are_undone_from_the_last():
    a, b, c = (make.client(name=name) for name in "abc")
    first, second = make.merge(a, b), make.merge(c, a)
    assert {card.root_id for card in Client.objects.all()} == {c.id}
    answer = Api("manager").post(f"/clients/merges/{first.id}/undo")
    assert (answer.status_code, answer.json()["code"]) == (409, "newer_merge")
    for merge in (second, first):
        services.undo_merge(merge_id=merge.id, actor_id=None, now=merge.merged_at)
    assert all(card.merged_into_id is None for card in Client.objects.all())


def test_merges_into_one_card_are_undone_in_any_order():
    kept = make.client(name="kept")
    one, other = make.client(email="one@example.com", inn="7707083893"), make.client(email="other@example.com")
    first, second = make.merge(kept, one), make.merge(kept, other)

    def undo(merge):
        services.undo_merge(merge_id=merge.id, actor_id=None, now=merge.merged_at)
        kept.refresh_from_db()
        return kept.email, kept.inn

    assert undo(first) == ("other@example.com", "")
    assert (one.root_id, Client.objects.get(pk=one.pk).root_id) == (one.id, one.id)
    assert undo(second) == ("", "")
    emails = Client.objects.exclude(pk=kept.pk).order_by("pk").values_list("email", flat=True)
    assert list(emails) == ["one@example.com", "other@example.com"]


@pytest.mark.parametrize("seed", range(8))
def test_any_chain_of_merges_comes_apart_as_it_was(seed):
    chance = random.Random(seed)
    cards = [
        make.client(
            name=f"card {number}", email=f"{number}@example.com" if number % 2 else "", phone=f"+7999000{number:04d}"
        )
        for number in range(6)
    ]
    for card in cards:
        make.contact(card, f"+7999100{card.phone[-4:]}")
        make.activity(card)
        make.consent(card)
    before = {card.id: (card.name, card.email, card.phone, seen(card.id)) for card in cards}
    for _ in range(12):
        one, other = chance.sample(cards, 2)
        with contextlib.suppress(AlreadyMerged):
            make.merge(one, other)
        standing = list(Merge.objects.filter(undone_at__isnull=True))
        if standing and chance.random() < 0.4:
            with contextlib.suppress(NewerMerge):
                chosen = chance.choice(standing)
                services.undo_merge(merge_id=chosen.id, actor_id=None, now=chosen.merged_at)
        roots = Client.objects.filter(merged_into__isnull=True).values("pk")
        assert not Client.objects.filter(merged_into__isnull=False).exclude(merged_into__in=roots).exists()
    while standing := list(Merge.objects.filter(undone_at__isnull=True)):
        chance.shuffle(standing)
        for merge in standing:
            with contextlib.suppress(NewerMerge):
                services.undo_merge(merge_id=merge.id, actor_id=None, now=merge.merged_at)
    after = {card.id: (card.name, card.email, card.phone, seen(card.id)) for card in Client.objects.all()}
    assert after == before


@pytest.mark.parametrize(
    ("make_other", "code"),
    [
        (lambda card: card.id, "already_merged"),
        (lambda card: make.client(type="person").id, "cannot_merge"),
        (lambda card: make.merge(card, make.client()).other_id, "already_merged"),
    ],
)
def test_what_is_one_client_or_cannot_be_is_not_merged(make_other, code):
    card = make.client()
    other_id = make_other(card)
    with capture_events("clients") as told:
        answer = Api("manager").post(f"/clients/{card.id}/merge", {"other_id": str(other_id)})
    assert (answer.status_code, answer.json()["code"], told) == (409, code, [])


def test_a_merge_of_nobody_is_404_and_of_nothing_400():
    card = make.client()
    manager = Api("manager")
    assert manager.post(f"/clients/{card.id}/merge", {"other_id": str(uuid7())}).status_code == 404
    assert manager.post(f"/clients/{card.id}/merge", {}).status_code == 400
    assert manager.post(f"/clients/merges/{uuid7()}/undo").status_code == 404
    assert manager.post(f"/clients/duplicates/{uuid7()}/dismiss").status_code == 404
    assert manager.get("/clients/duplicates?color=red").status_code == 400
    assert not Merge.objects.exists()


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
def test_only_managers_merge(who, status):
    pair = make.duplicates()
    merge = make.merge()
    with capture_events("clients") as told:
        answers = [
            who.get("/clients/duplicates"),
            who.post(f"/clients/duplicates/{pair.id}/dismiss"),
            who.post(f"/clients/{pair.first_id}/merge", {"other_id": str(pair.second_id)}),
            who.post(f"/clients/merges/{merge.id}/undo"),
        ]
    assert ([answer.status_code for answer in answers], told) == ([status] * 4, [])
    assert Merge.objects.filter(undone_at__isnull=True).count() == 1
    assert not Duplicate.objects.exclude(dismissed_at=None).exists()


def test_a_key_repeated_merges_once():
    one, other = make.client(), make.client()
    manager, body = Api("manager"), {"other_id": str(other.id)}
    first, again = (manager.post(f"/clients/{one.id}/merge", body, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, again["Idempotent-Replayed"], Merge.objects.count()) == (201, "true", 1)


def test_a_deleted_user_is_forgotten_on_every_card_of_theirs(deliver):
    user = make.user_client()
    card = make.client(name="Anna at the fair", type="person", phone=PHONE)
    make.consent(card)
    make.vehicle(user)
    make.merge(card, user)
    deliver(UserDeleted(user_id=user.user_id))
    assert {(row.name, row.email, row.phone) for row in Client.objects.all()} == {("—", "", "")}
    assert not ClientKey.objects.exists()
    assert not Duplicate.objects.exists()
    assert Merge.objects.get().filled == {}
    assert seen(card.id)["vehicles"] == []


def test_another_account_merged_with_the_erased_one_keeps_its_own(deliver):
    erased, stays = make.user_client(email="gone@example.com"), make.user_client(email="stays@example.com", phone="")
    make.merge(stays, erased)
    deliver(UserDeleted(user_id=erased.user_id))
    stays.refresh_from_db()
    assert (stays.email, stays.phone, stays.erased_at) == ("stays@example.com", "", None)


def test_the_list_of_pairs_costs_the_same_for_any_number(django_assert_num_queries):
    for number in range(12):
        make.client(phone=f"+7999000000{number % 6}")
    with django_assert_num_queries(1, using="clients"):
        assert len(pairs("?page_size=50")) == 6


def test_the_merge_screen_merges_and_undoes(screens):
    pair = make.duplicates()
    page = screens.get("/admin/clients/duplicate/")
    assert page.status_code == 200
    screens.post(
        "/admin/clients/duplicate/", {"action": "merge", "confirmed": "yes", "_selected_action": [str(pair.id)]}
    )
    merge = Merge.objects.get()
    assert (merge.kept_id, merge.other_id) == (pair.first_id, pair.second_id)
    assert screens.get("/admin/clients/merge/").status_code == 200
    screens.post("/admin/clients/merge/", {"action": "undo", "confirmed": "yes", "_selected_action": [str(merge.id)]})
    merge.refresh_from_db()
    assert merge.undone_at is not None
    found = Duplicate.objects.get()
    screens.post(
        "/admin/clients/duplicate/", {"action": "dismiss", "confirmed": "yes", "_selected_action": [str(found.id)]}
    )
    found.refresh_from_db()
    assert found.dismissed_at is not None
    assert published("clients").count("client.merged") == 1


def read_export(user):
    """Everything that an account's own copy of its data holds of clients, as text."""
    return str(export("clients", user.user_id))


def two_accounts():
    anna = make.user_client(full_name="Anna", email="anna@example.com", phone="+79990000001")
    boris = make.user_client(full_name="Boris", email="boris@example.com", phone="")
    return anna, boris


@pytest.mark.parametrize("kept_first", [True, False])
def test_neither_of_two_merged_accounts_gets_what_is_the_others(kept_first):
    """Spouses are often one client to a manager; what each is sent of their own data is theirs alone."""
    anna, boris = two_accounts()
    make.contact(anna, "+79990000011")
    annas_walk_in = make.client(name="Anna in person", type="person", description="came with a dog")
    make.consent(annas_walk_in)
    make.merge(anna, annas_walk_in)
    make.merge(*((anna, boris) if kept_first else (boris, anna)))
    for card, text in ((anna, "of Anna"), (annas_walk_in, "of her card"), (boris, "of Boris")):
        services.log_activity(
            client_id=card.id, kind="call", description=text, author_id=uuid7(), occurred_at=timezone.now()
        )
        make.contact(card, f"+7999111{len(text):04d}")
        make.consent(card, "sms")
        make.lead(name=f"Lead {text}", client_id=card.id)
    make.vehicle(boris)
    hers, his = read_export(anna), read_export(boris)
    for mine in ("Anna", "came with a dog", "of Anna", "of her card", "+79990000011", "Lead of her card"):
        assert mine in hers, mine
        assert mine not in his, mine
    for mine in ("Boris", "of Boris", "XTA210930Y2696785", "Lead of Boris"):
        assert mine in his, mine
        assert mine not in hers, mine
    assert "+79990000001" not in his
    assert Api("client", user_id=boris.user_id).get("/clients/me").json()["phone"] == ""


@pytest.mark.parametrize("kept_first", [True, False])
def test_erasing_one_of_two_merged_accounts_leaves_the_other_whole(deliver, kept_first):
    anna, boris = two_accounts()
    walk_in = make.client(name="Anna in person", type="person")
    make.contact(walk_in)
    make.merge(anna, walk_in)
    make.merge(*((anna, boris) if kept_first else (boris, anna)))
    for card in (walk_in, boris):
        make.activity(card)
        make.vehicle(card, "XTA210930Y2696785" if card is boris else "WAUZZZ8V5KA123456")
    hers = read_export(anna)
    deliver(UserDeleted(user_id=boris.user_id))
    assert read_export(anna) == hers
    assert [card.name for card in Client.objects.filter(erased_at__isnull=False)] == ["—"]
    assert "XTA210930Y2696785" not in str(list(Vehicle.objects.values()))
    deliver(UserDeleted(user_id=anna.user_id))
    assert {card.name for card in Client.objects.all()} == {"—"}
    assert not {"Called"} & set(Activity.objects.values_list("description", flat=True))


def test_what_is_sold_by_a_card_of_one_of_two_accounts_is_that_ones():
    anna, boris = two_accounts()
    walk_in = make.client(type="person")
    make.merge(boris, walk_in)
    make.merge(anna, boris)
    assert [find_customer(card.id) for card in (anna, boris, walk_in)] == [anna.user_id, boris.user_id, boris.user_id]


def test_the_update_parts_what_an_earlier_release_filled_in_of_another_account():
    """Leave what is their own, or came from a card of nobody else."""
    anna, boris = two_accounts()
    walk_in = make.client(type="person", inn="500100732259")
    make.merge(boris, walk_in)
    services.update_client(client_id=anna.id, changes={"address": "Tver"}, now=timezone.now())
    merge = make.merge(boris, anna)
    filled = {"phone": anna.phone, "address": "Tver"}
    Client.objects.filter(pk=boris.pk).update(**filled)
    Merge.objects.filter(pk=merge.pk).update(filled=filled)
    ClientKey.objects.create(client=boris, kind="phone", key=anna.phone)
    with connections["clients"].cursor() as cursor:
        for operation in import_module("clients.migrations.0014_part_data_of_accounts").Migration.operations:
            cursor.execute(operation.sql)
    boris.refresh_from_db()
    merge.refresh_from_db()
    assert (boris.phone, boris.address, boris.inn, merge.filled) == ("", "", "500100732259", {})
    assert not ClientKey.objects.filter(client=boris, kind="phone").exists()
    anna.refresh_from_db()
    assert (anna.phone, anna.address) == ("+79990000001", "Tver")
