"""Say of every field whether it tells of a person, and keep the page that lists them current."""

from django.conf import settings
from django.db.models import JSONField

from core.events import REGISTRY
from messaging.people import classified
from messaging.people.personal import HIDDEN, PERSONAL_KEYS, holdings


def test_every_field_is_classified():
    assert classified.unclassified() == [], "say in the app's personal.py: holds, forgets, keeps or plain"


def test_what_nobody_has_classified_is_found(monkeypatch):
    from orders.models import Order

    monkeypatch.delitem(classified._said, (Order, "number"))
    monkeypatch.setattr(classified, "PLAIN_KEYS", classified.PLAIN_KEYS - {"sku"})
    assert classified.unclassified()[0] == "orders.Order.number"
    assert "product.created.sku" in classified.unclassified()


def test_no_key_is_both():
    assert set() == PERSONAL_KEYS & classified.PLAIN_KEYS


def test_a_declared_field_exists():
    for model, name in classified._said:
        assert name in {item.attname for item in classified.free_fields(model)}, (model, name)


def test_personal_columns_by_name_are_not_called_plain():
    """Hold what is personal in JSON by its key for no less so as the name of a column that holds rows of people."""
    theirs = {holding.model for app in settings.APPS for holding in holdings(app)}
    said = {(model, name) for (model, name), how in classified._said.items() if how == classified.PLAIN}
    assert {(m._meta.label, name) for m, name in said if m in theirs and name in PERSONAL_KEYS - HIDDEN} == set()


def test_json_columns_of_people_are_not_called_plain():
    for (model, name), how in classified._said.items():
        if model in {holding.model for holding in holdings(model._meta.app_label)} and how == classified.PLAIN:
            assert not isinstance(model._meta.get_field(name), JSONField), (model, name)


def test_events_name_whose_words_they_carry():
    for event in REGISTRY.values():
        assert not event.personal or {"user_id", "customer_id"} & set(event.__struct_fields__), event.type


def test_the_page_is_current():
    page = (settings.BASE_DIR / "docs" / "personal-data.md").read_text()
    assert page == classified.render(), "run manage.py personal_data"
