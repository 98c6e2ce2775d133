"""The demo showroom."""

import pytest
from django.utils import timezone

from catalog import public
from catalog.models import Category, Product
from catalog.plugin.demo import create_demo
from core.vin import is_vin
from messaging.testing import capture_events


@pytest.mark.django_db(databases=["catalog"])
def test_the_showroom_is_filled_once():
    assert create_demo(timezone.now()) == Product.objects.count() == 50
    with capture_events("catalog") as events:
        assert create_demo(timezone.now()) == 0
    assert events == []
    cars = Product.objects.filter(kind="vehicle")
    assert cars.count() == 40
    assert all(is_vin(vin) for vin in cars.values_list("vin", flat=True))
    assert Category.objects.filter(parent=None).count() == 3
    assert not Product.objects.filter(category=None).exists()
    assert public.stock_disagreements() == []
