from contextlib import suppress
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import OperationalError

from core.errors import NotFound
from core.files.papers import destroy_papers, examine, read_paper, seal_paper
from core.secrecy.sealing import Unopenable

PASSPORT = b"\xff\xd8\xff a passport"


@pytest.fixture
def private(settings, tmp_path) -> Path:
    """The private storage in a folder of its own."""
    declared = settings.STORAGES["private"]
    moved = declared | {"OPTIONS": declared["OPTIONS"] | {"location": tmp_path / "private"}}
    settings.STORAGES = settings.STORAGES | {"private": moved}
    return tmp_path / "private"


def store() -> str:
    """Store a paper that somebody takes; return where it lies."""
    with examine(name="passport.jpg", content=PASSPORT, max_bytes=1000).stored("claims") as kept:
        return kept.take()


def test_private_papers_are_for_their_owner_alone(private):
    name = storages["private"].save("claims/one/passport.jpg", ContentFile(b"a passport"))
    file = private / name
    assert file.stat().st_mode & 0o777 == 0o600
    for folder in (file.parent, file.parent.parent, private):
        assert folder.stat().st_mode & 0o777 == 0o700, folder


def test_who_copies_the_disk_has_no_papers(private, settings):
    path = store()
    assert b"passport" not in (private / path).read_bytes()
    assert read_paper(path) == PASSPORT
    settings.SEALING_KEYS = ["another"]
    with pytest.raises(Unopenable):
        read_paper(path)


def test_papers_from_before_are_read_and_sealed(private, capsys):
    storages["private"].save("claims/two/old.jpg", ContentFile(PASSPORT))
    assert read_paper("claims/two/old.jpg") == PASSPORT
    store()
    call_command("seal_papers")
    assert "1 of 2 papers sealed" in capsys.readouterr().out
    file = private / "claims/two/old.jpg"
    assert (b"passport" in file.read_bytes(), file.stat().st_mode & 0o777) == (False, 0o600)
    assert read_paper("claims/two/old.jpg") == PASSPORT
    call_command("seal_papers")
    assert "0 of 2 papers sealed" in capsys.readouterr().out


def test_papers_follow_the_key(private, settings):
    path = store()
    settings.SEALING_KEYS = ["new", *settings.SEALING_KEYS]
    call_command("seal_papers", again=True)
    settings.SEALING_KEYS = ["new"]
    assert read_paper(path) == PASSPORT
    settings.SEALING_KEYS = ["another"]
    with pytest.raises(CommandError, match=path):
        call_command("seal_papers", again=True)
    settings.SEALING_KEYS = ["new"]
    assert read_paper(path) == PASSPORT


def test_what_was_destroyed_stays_away(private):
    storages["private"].save("gone.jpg", ContentFile(PASSPORT))
    destroy_papers(["gone.jpg"])
    assert not seal_paper("gone.jpg")
    with pytest.raises(NotFound):
        read_paper("gone.jpg")


@pytest.mark.parametrize(
    ("failure", "is_taken", "left"),
    [
        (None, True, 1),
        (None, False, 0),
        (NotFound, True, 0),
        (NotFound, False, 0),
        (OperationalError, True, 1),
        (OperationalError, False, 0),
    ],
)
def test_a_file_that_no_row_names_goes_unless_nobody_knows_whether_one_does(private, failure, is_taken, left):
    paper = examine(name="passport.jpg", content=PASSPORT, max_bytes=1000)
    with suppress(NotFound, OperationalError), paper.stored("claims") as kept:
        if is_taken:
            kept.take()
        if failure:
            raise failure
    assert len(list(private.rglob("*.jpg"))) == left
