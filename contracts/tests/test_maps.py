"""Maps are read in both directions: what is written as a contract has it comes back as it was."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import b, c, e
from contracts.mapping import Reading, const, each, highest, moment, money, number, roles, show, status, take, whole
from contracts.numbers import NOBODY, Numbers, find_id, get_numbers
from contracts.tests.client import DATABASES
from core.ids import uuid7

amounts = st.decimals(min_value=0, max_value=10**11, places=2).map(lambda value: format(value, "f"))


def plain(value, numbers=None):
    """What a client reads of a value."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=(numbers or Numbers()).fill))


@given(amounts)
def test_money_comes_back_to_the_kopeck(amount):
    for one in (money, whole):
        shown = one.out(amount, Numbers())
        written = shown if isinstance(shown, int) else Decimal(bytes(shown).decode())
        assert Decimal(one.back(written, Reading(), "price")) == Decimal(amount)
        assert one.back(amount, Reading(), "price") == amount


@given(st.integers(0, 10**9))
def test_whole_money_is_an_integer(roubles):
    assert whole.out(f"{roubles}.00", Numbers()) == roubles
    assert isinstance(whole.out(f"{roubles}.00", Numbers()), int)


@given(st.lists(st.sampled_from(["client", "manager", "admin"]), unique=True))
def test_roles_come_back(given_roles):
    field = roles(c.ROLES)
    assert field.back(field.out(given_roles, Numbers()), Reading(), "roles") == given_roles


@given(st.sampled_from([*c.STATUSES]))
def test_states_come_back_to_one_of_their_word(state):
    for table in (c.STATUSES, e.STATUSES):
        field = status(table)
        shown = field.out(state, Numbers())
        assert table[field.back(shown, Reading(), "status")] == shown


@given(st.fixed_dictionaries({"name": st.text(), "full_name": st.text(), "price": amounts, "stock": st.integers()}))
def test_an_object_comes_back_by_its_own_names(native):
    shape = show("name", title="full_name", cost=money("price"), quantity="stock")
    shown = shape.out(native, Numbers())
    shown["cost"] = Decimal(bytes(shown["cost"]).decode())
    reading = Reading()
    back = shape.back(shown, reading)
    assert {**back, "price": Decimal(back["price"])} == {**native, "price": Decimal(native["price"])}
    assert reading.ignored == []


def test_refusals_are_renamed_however_deep():
    shape = take(quantity="stock", lines=each(take(product_number="product_id"), "items"))
    assert shape.rename("stock") == "quantity"
    assert shape.rename("items.3.product_id") == "lines.3.product_number"
    assert shape.rename("items.3") == "lines.3"
    assert shape.rename("nowhere") == "nowhere"


def test_what_no_table_names_is_told():
    reading = Reading()
    shape = take("name", items=each(take("quantity"))) | const(kind="accessory")
    found = shape.back({"name": "x", "size": 1, "items": [{"quantity": 1, "colour": "red"}]}, reading)
    assert found == {"name": "x", "items": [{"quantity": 1}], "kind": "accessory"}
    assert reading.ignored == ["size", "items.0.colour"]


def test_a_moment_without_offset_is_on_the_dealers_clock(settings):
    settings.DEALER_TIME_ZONE = "Europe/Moscow"
    assert moment.back("2023-12-01T10:00:00", Reading(), "at") == "2023-12-01T10:00:00+03:00"
    for kept in ("2023-12-01T10:00:00Z", "soon", 5, "2023-13-01T10:00:00"):
        assert moment.back(kept, Reading(), "at") == kept


def test_the_highest_role_is_shown():
    assert highest(b.ROLES).out(["client", "admin"], Numbers()) == "ADMIN"
    assert highest(b.ROLES).out(["manager"], Numbers()) == "USER"


@pytest.mark.django_db(databases=DATABASES)
def test_numbers_begin_at_one_and_stay():
    first, second, third = uuid7(), uuid7(), uuid7()
    assert get_numbers([("order", first), ("order", second), ("payment_method", first)]) == {
        ("order", first): 1, ("order", second): 2, ("payment_method", first): 101,
    }  # fmt: skip
    assert get_numbers([("order", third), ("order", first)]) == {("order", third): 3, ("order", first): 1}
    for given_id in (1, "1", " 1 ", first, str(first)):
        assert find_id("order", str(given_id) if not isinstance(given_id, int) else given_id) == first
    for unknown in (4, 0, -1, True, 10**30, "x", "1.0", None, [], "１"):
        assert find_id("order", unknown) == NOBODY


@pytest.mark.django_db(databases=DATABASES)
def test_an_answer_asks_for_all_its_numbers_at_once():
    numbers, found = Numbers(), [uuid7() for _ in range(50)]
    shape = show(number("product"), category_id=number("category"))
    rows = [shape.out({"id": str(one), "category_id": str(found[0])}, numbers) for one in found]
    numbers.settle()
    assert [row["id"] for row in plain(rows, numbers)] == list(range(1, 51))
    assert {row["category_id"] for row in plain(rows, numbers)} == {1}
