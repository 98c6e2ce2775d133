from django.core.files.base import ContentFile
from django.core.files.storage import storages


def test_private_papers_are_for_their_owner_alone(settings, tmp_path):
    private = settings.STORAGES["private"]
    moved = private | {"OPTIONS": private["OPTIONS"] | {"location": tmp_path / "private"}}
    settings.STORAGES = settings.STORAGES | {"private": moved}
    name = storages["private"].save("claims/one/passport.jpg", ContentFile(b"a passport"))
    file = tmp_path / "private" / name
    assert file.stat().st_mode & 0o777 == 0o600
    for folder in (file.parent, file.parent.parent, tmp_path / "private"):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
