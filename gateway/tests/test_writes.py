"""Declared writes: what an action is given, and what the edge does for it."""

import pytest
from django.test import RequestFactory

from core.db import require_version
from core.errors import StaleVersion
from core.ids import with_ids
from core.testing import Api
from gateway.requests.etags import expected_version
from showroom.models import EventCategory

PATH = "/event-categories"


def expected(tag):
    return expected_version(RequestFactory().put("/", headers={"If-Match": tag}))


def test_if_match_names_the_versions_that_a_caller_has_read():
    assert expected_version(RequestFactory().put("/")) is None
    assert expected("*") is None
    assert expected('"3"') == expected('W/"3"') == expected('"3-a1b2"') == {3}
    assert expected('"3", "5"') == {3, 5}
    assert expected("3") == expected('"three"') == expected("") == frozenset()


def test_a_version_that_nobody_expected_is_stale():
    require_version(3, None)
    require_version(3, frozenset({2, 3}))
    for versions in (frozenset(), frozenset({2})):
        with pytest.raises(StaleVersion) as refused:
            require_version(3, versions)
        assert refused.value.extra == {"current": '"3"'}


def test_the_ids_of_a_path_are_uuids():
    text = "0199C0DE-0000-7000-8000-000000000001"
    found = with_ids({"pk": text, "document_id": text, "kind": "pdf"})
    assert {name: str(word) for name, word in found.items()} == {
        "pk": text.lower(), "document_id": text.lower(), "kind": "pdf",
    }  # fmt: skip


@pytest.mark.django_db(databases=["showroom"])
def test_a_repeat_gets_the_first_answer_and_its_etag():
    manager, key = Api("manager"), {"Idempotency-Key": "the one"}
    first = manager.post(PATH, {"name": "Rallies"}, **key)
    again = manager.post(PATH, {"name": "Rallies"}, **key)
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert (again.content, again["ETag"]) == (first.content, first["ETag"])
    assert EventCategory.objects.filter(name="Rallies").count() == 1
    assert manager.post(PATH, {"name": "Races"}, **key).json()["code"] == "idempotency_key_reused"


@pytest.mark.django_db(databases=["showroom"])
def test_a_body_that_is_refused_leaves_its_key_free():
    manager, key = Api("manager"), {"Idempotency-Key": "second thoughts"}
    assert manager.post(PATH, {"name": ""}, **key).status_code == 400
    assert manager.post(PATH, {"name": "Rallies"}, **key).status_code == 201


@pytest.mark.django_db(databases=["showroom"])
def test_a_body_nested_too_deeply_is_refused_with_a_key_too():
    manager = Api("manager")
    body = '{"name":' + "[" * 5_000 + "]" * 5_000 + "}"
    headers = manager.headers | {"Idempotency-Key": "deep"}
    answer = manager.client.post(f"/api/v1{PATH}", data=body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


@pytest.mark.django_db(databases=["showroom"])
def test_a_write_goes_by_what_its_caller_has_read():
    manager = Api("manager")
    made = manager.post(PATH, {"name": "Rallies"})
    path = f"{PATH}/{made.json()['id']}"
    assert manager.patch(path, {"name": "Races"}, **{"If-Match": '"7"'}).json()["current"] == made["ETag"]
    changed = manager.patch(path, {"name": "Races"}, **{"If-Match": f'"7", {made["ETag"]}'})
    assert (changed.status_code, changed.json()["name"]) == (200, "Races")
    assert manager.delete(path, **{"If-Match": made["ETag"]}).status_code == 412
    assert manager.delete(path, **{"If-Match": changed["ETag"]}).status_code == 204
