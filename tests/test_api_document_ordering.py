"""Order lists by what the OpenAPI document says they can be ordered by; anything else is refused."""

import json
import re

import pytest
from django.conf import settings

from accounts.models import User
from core.ids import uuid7
from core.testing import Api
from gateway.document import openapi
from gateway.document.hooks import operations
from tests.permissions import objects

ALL = [alias for alias in settings.DATABASES if alias != "default"]
DOCUMENT = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())


def named(operation):
    return {each["name"]: each["schema"] for each in operation.get("parameters", ()) if "name" in each}


LISTS = {
    path.removeprefix("/api/v1"): named(operation).get("ordering")
    for path, method, operation in operations(DOCUMENT)
    if method == "get" and "cursor" in named(operation)
}


@pytest.mark.django_db(databases=ALL)
@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_ordered_by_the_names_of_the_document_and_no_others(path, settings):
    settings.RATE_LIMITS_ON = False
    person = User.objects.create(id=uuid7(), email="boss@example.com", password="!", roles=["admin"])
    admin = Api("admin", user_id=person.id)
    more = "&query=boss" if path.endswith("/search") else ""
    plain = re.sub(r"{\w+}", "{}", path)
    address = plain.format(*(objects.ids_for(plain, person.id) or []))
    found, schema = admin.get(f"{address}?page_size=20{more}"), LISTS[path]
    assert found.status_code == 200, (address, found.content)
    names = re.findall(r"\w+", schema["pattern"].partition(")")[0]) if schema else []
    for name in names:
        for way in ("", "-"):
            answer = admin.get(f"{address}?ordering={way}{name}{more}")
            assert answer.status_code == 200, (name, answer.content)
    assert admin.get(f"{address}?ordering=colour{more}").status_code == 400
    if schema and "default" in schema:
        assert admin.get(f"{address}?ordering={schema['default']}{more}").json()["results"] == found.json()["results"]
