import pytest

from notifications import services
from notifications.models import Kind, Notification
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications", "accounts"])


@pytest.mark.parametrize("path", ["notification/", "recipient/", "recipient/?q=anna", "preference/"])
def test_screens_open(screens, path):
    user = make.recipient()
    make.news(user)
    services.set_preferences(user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": True, "email": False}])
    assert screens.get(f"/admin/notifications/{path}").status_code == 200


def test_nothing_is_edited_here(screens):
    message = make.news(make.recipient())[0]
    path = f"/admin/notifications/notification/{message.id}"
    assert screens.get(f"{path}/change/").status_code == 200
    assert screens.post(f"{path}/change/", {"title": "x"}).status_code == 403
    assert screens.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert Notification.objects.get(pk=message.pk).title == message.title
