"""Numbers in other digits, or with Python's underscores, are refused wherever a number is read."""

from decimal import Decimal

import msgspec
import pytest
from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers

from core.errors import InvalidInput
from gateway import fast_path
from gateway.requests import plain_numbers
from orders.api.inputs import OrderInput

ODD = ["1_000", "\u0661\u0662\u0663", "\uff11\uff12", "1\u0660.00"]
PLAIN = ["1000", "12.50", "-3", "1e2"]


@pytest.mark.parametrize("text", ODD)
def test_odd_numbers_are_refused_by_every_field(text):
    for field in (serializers.DecimalField(14, 2), serializers.IntegerField(), serializers.FloatField()):
        with pytest.raises(serializers.ValidationError) as refused:
            field.run_validation(text)
        assert refused.value.get_codes() == ["invalid"]
    for typed in (forms.DecimalField(), forms.IntegerField(), forms.FloatField()):
        with pytest.raises(ValidationError):
            typed.clean(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_ones_are_read_as_ever(text):
    assert serializers.DecimalField(14, 2).run_validation(text) == Decimal(text)
    assert forms.DecimalField().clean(text) == Decimal(text)


def test_the_rule_is_laid_over_every_class_of_numbers_once():
    before = [kind.to_internal_value for kind in plain_numbers.SERIALIZED]
    plain_numbers.install()
    assert [kind.to_internal_value for kind in plain_numbers.SERIALIZED] == before
    for kind in (*plain_numbers.SERIALIZED, *plain_numbers.TYPED):
        read = getattr(kind, "to_internal_value", None) or kind.to_python
        assert read.is_strict


class Line(msgspec.Struct):
    amount: Decimal | None = None


class Bill(msgspec.Struct):
    total: Decimal
    lines: list[Line] = []
    by_name: dict[str, Line] = {}
    comment: str = ""


@pytest.mark.parametrize("text", [*ODD, "1\\u005f000"])
@pytest.mark.parametrize(
    "body", ['{"total": "%s"}', '{"total": "1", "lines": [{"amount":"%s"}]}', '{"by_name": {"x": {"amount" : "%s"}}}']
)
def test_a_fast_path_refuses_them_by_the_names_of_its_amounts(body, text):
    with pytest.raises(InvalidInput):
        plain_numbers.refuse_odd_amounts((body % text).encode(), Bill)


def test_a_fast_path_leaves_texts_alone():
    said = {"total": "1.00", "comment": '1_000 \u0661 "amount": "1_0"', "lines": [{"amount": "2.00"}]}
    plain_numbers.refuse_odd_amounts(msgspec.json.encode(said), Bill)


def test_orders_are_read_so():
    assert {"amount", "unit_price", "down_payment", "expected_total"} <= plain_numbers._names(
        msgspec.inspect.type_info(OrderInput), set()
    )
    assert fast_path.refuse_odd_amounts is plain_numbers.refuse_odd_amounts
