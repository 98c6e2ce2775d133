"""Lists of words in the OpenAPI document: named once, after the models' choices where there are such."""

import pytest
from drf_spectacular.drainage import GENERATOR_STATS

from gateway.document.enums import name_enums

REF = "#/components/schemas/"
PAY = ["card", "sbp", "cash", "bank_transfer"]


def named(components, paths=None):
    result = name_enums({"components": {"schemas": components}, "paths": paths or {}})
    return result["components"]["schemas"]


def thing(**properties):
    return {"type": "object", "properties": properties}


def words(*values, **more):
    return {"type": "string", "enum": list(values)} | more


def test_the_choices_of_a_model_give_the_name_and_the_order():
    found = named({"PaymentsPayment": thing(method=words(*sorted(PAY), description="How."))})
    assert found["PaymentsMethodEnum"] == words(*PAY)
    assert found["PaymentsPayment"]["properties"]["method"] == {
        "$ref": f"{REF}PaymentsMethodEnum",
        "description": "How.",
    }


def test_another_apps_choices_serve_as_well():
    assert "PaymentsMethodEnum" in named({"ShowroomPay": thing(method=words(*PAY))})


def test_words_of_no_model_are_named_after_their_place():
    found = named({"OrdersThing": thing(shoe_size=words("small", "large"))})
    assert found["OrdersThingShoeSizeEnum"] == words("small", "large")


def test_what_may_be_empty_or_null_says_so_beside_the_words():
    (field,) = named({"OrdersThing": thing(size={"type": ["string", "null"], "enum": ["s", "l", "", None]})})[
        "OrdersThing"
    ]["properties"].values()
    ref = {"$ref": f"{REF}OrdersThingSizeEnum"}
    assert field == {"anyOf": [ref, {"type": "string", "const": ""}, {"type": "null"}]}


def test_one_word_is_a_constant():
    found = named({"OrdersMessage": thing(type=words("order.status"))})
    assert found == {"OrdersMessage": thing(type={"type": "string", "const": "order.status"})}


def test_parameters_and_items_share_the_name():
    many = {"type": "array", "items": words(*PAY)}
    parameter = {"name": "method", "in": "query", "schema": words(*sorted(PAY))}
    paths = {"/x": {"get": {"operationId": "x_list", "parameters": [parameter, {"$ref": "#/elsewhere"}]}}}
    found = named({"PaymentsThing": thing(methods=many)}, paths)
    assert set(found) == {"PaymentsThing", "PaymentsMethodEnum"}
    assert (many["items"], parameter["schema"]) == ({"$ref": f"{REF}PaymentsMethodEnum"},) * 2


@pytest.mark.parametrize("taken", [thing(), words("other", "things")])
def test_a_name_that_is_taken_fails_the_build(taken):
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        named({"PaymentsMethodEnum": taken, "PaymentsThing": thing(method=words(*PAY))})
    assert "PaymentsMethodEnum" in str(GENERATOR_STATS._error_cache)
    GENERATOR_STATS.reset()
