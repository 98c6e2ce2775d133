import pytest

from messaging.testing import events_of, published
from resources.models import Resource, ResourceType
from resources.tests import make

pytestmark = pytest.mark.django_db(databases=["resources", "accounts"])


@pytest.mark.parametrize(
    "path", ["resource/", "resource/?q=ve", "resource/add/", "allocation/", "resourcetype/", "resourcetype/add/"]
)
def test_screens_open(screens, path):
    make.allocation(make.resource(), 0, 1)
    assert screens.get(f"/admin/resources/{path}").status_code == 200


def test_resources_are_written_by_services(screens):
    assert screens.post("/admin/resources/resourcetype/add/", {"name": "Car", "description": ""}).status_code == 302
    kind = ResourceType.objects.get()
    assert screens.post(f"/admin/resources/resourcetype/{kind.id}/change/", {"name": "Auto"}).status_code == 302
    form = {"name": "Vesta", "type": str(kind.id), "description": "", "quantity": "2"}
    assert screens.post("/admin/resources/resource/add/", form).status_code == 302
    resource = Resource.objects.get()
    make.allocation(resource, 0, 1, quantity=2)
    change = f"/admin/resources/resource/{resource.id}/change/"
    assert screens.get(change).status_code == 200
    assert screens.post(change, form | {"name": "Granta"}).status_code == 302
    answer = screens.post(change, form | {"quantity": "1"}, follow=True)
    assert "More is already booked ahead." in answer.content.decode()
    resource.refresh_from_db()
    assert (resource.name, resource.quantity, resource.type.name) == ("Granta", 2, "Auto")
    assert published("resources") == ["resource.created", "resource.allocated", "resource.updated"]


def test_actions_release_and_delete(screens):
    resource = make.resource()
    taken = make.allocation(resource, 0, 1)
    with events_of("resources") as told:
        screens.post("/admin/resources/resource/", {"action": "hide", "_selected_action": [str(resource.id)]})
        assert Resource.objects.present().exists()
        screens.post("/admin/resources/allocation/", {"action": "give_back", "_selected_action": [str(taken.id)]})
        screens.post("/admin/resources/resource/", {"action": "hide", "_selected_action": [str(resource.id)]})
    assert not Resource.objects.present().exists()
    assert told == ["resource.released", "resource.updated"]
