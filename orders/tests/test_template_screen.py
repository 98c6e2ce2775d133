"""The managers' screen of templates: mistakes beside the words, a live preview, and nothing but drafts changes."""

import pytest
from django.conf import settings as project
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from orders.models import DocumentTemplate
from orders.services.templates import create_template
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=project.APPS)
PAGE = "/admin/orders/documenttemplate/"
WORDS = {"kind": "consent", "language": "ru", "title": "Согласие", "text": "# Согласие\n{{ buyer.name }}"}


@pytest.fixture
def manager():
    return Visitor("manager")


@pytest.fixture
def draft():
    return create_template(actor_id=uuid7(), now=timezone.now(), **WORDS)


def test_a_manager_writes_a_draft(manager):
    assert manager.post(f"{PAGE}add/", **WORDS).status_code == 302
    assert DocumentTemplate.objects.get().number == 1


def test_a_mistake_stands_beside_the_words_and_nothing_is_kept(manager):
    page = manager.post(f"{PAGE}add/", **(WORDS | {"text": "a\n{{ buyer.nmae }}"}))
    assert (page.status_code, "buyer.nmae" in page.content.decode()) == (200, True)
    assert not DocumentTemplate.objects.exists()


def test_the_page_of_a_draft_shows_preview_and_fields(manager, draft):
    page = manager.get(f"{PAGE}{draft.pk}/change/").content.decode()
    for shown in ("<h1>Согласие</h1>", "{{ buyer.passport }}", "{% for item in lines %}", "template_preview.js"):
        assert shown in page, shown
    manager.post(f"{PAGE}{draft.pk}/change/", title="Другое", text="{{ buyer.name }}")
    draft.refresh_from_db()
    assert (draft.title, draft.version) == ("Другое", 2)


def test_the_live_preview_answers_with_test_data_or_the_line(manager):
    shown = manager.post(f"{PAGE}preview/", kind="consent", text="# <b>\n{{ buyer.name }}").json()
    assert "Иванов Пётр Сергеевич" in shown["html"]
    assert "&lt;b&gt;" in shown["html"]
    assert "2" in manager.post(f"{PAGE}preview/", kind="consent", text="\n{{ x }}").json()["error"]
    assert manager.get(f"{PAGE}preview/").status_code == 403
    assert Visitor("client").post(f"{PAGE}preview/", kind="consent", text="a").status_code in (302, 403)


def test_a_version_in_force_is_read_alone(manager, draft):
    today = dealer_day(timezone.now()).isoformat()
    manager.post(f"{PAGE}{draft.pk}/enforce/", valid_from=today, _form_submitted="on")
    draft.refresh_from_db()
    if draft.state == "draft":
        pytest.fail("the button did nothing")
    manager.post(f"{PAGE}{draft.pk}/change/", title="Другое", text="x")
    draft.refresh_from_db()
    assert draft.title == "Согласие"
