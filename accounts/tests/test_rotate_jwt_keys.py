import errno
import os
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command

from accounts.queries.tokens import signing_key_id
from accounts.tests import make
from core.testing import Api
from gateway.access import keyring
from gateway.principal import InvalidToken, _cache, read_token

pytestmark = pytest.mark.django_db(databases=["accounts"])


@pytest.fixture
def keys(settings, tmp_path):
    settings.JWT_PRIVATE_KEY_FILE = tmp_path / "jwt_private.pem"
    settings.JWT_PRIVATE_KEY_FILE.write_bytes(keyring.new_private_key())
    return tmp_path


def rotate(**options):
    call_command("rotate_jwt_keys", **options)
    return keyring.ring(now=True)


def shown():
    return [key["kid"] for key in Api().client.get("/.well-known/jwks.json").json()["keys"]]


def forget_verified():
    _cache.clear()


def test_two_keys_live_after_a_rotation(keys):
    old_kid, old = signing_key_id(), make.pair(make.user()).access_token
    rotate()
    new_kid, new = signing_key_id(), make.pair(make.user()).access_token
    forget_verified()
    assert new_kid != old_kid
    assert shown() == [new_kid, old_kid]
    assert read_token(old).id
    assert read_token(new).id


def test_the_old_key_ends_with_its_last_token(keys, settings):
    old_kid, old = signing_key_id(), make.pair(make.user()).access_token
    rotate()
    (retired,) = (keys / "jwt_public").glob("*.old.pem")
    long_ago = time.time() - keyring.longest_lifetime_s() - 61
    os.utime(retired, (long_ago, long_ago))
    keyring.ring(now=True)
    forget_verified()
    assert shown() == [signing_key_id()]
    with pytest.raises(InvalidToken):
        read_token(old)
    rotate()
    assert not (keys / "jwt_public" / f"{old_kid}.old.pem").exists()


def test_the_old_key_verifies_as_long_as_a_client_may_ask_its_tokens_to_live(keys, settings):
    settings.CONTRACT_TOKEN_SECONDS_MAX = 86_400
    old = make.pair(make.user(), access_token_seconds=86_400).access_token
    rotate()
    (retired,) = (keys / "jwt_public").glob("*.old.pem")
    nearly = time.time() - 86_000
    os.utime(retired, (nearly, nearly))
    keyring.ring(now=True)
    forget_verified()
    assert read_token(old).id


def test_a_prepared_key_is_shown_before_it_signs(keys):
    before = signing_key_id()
    rotate(prepare=True)
    rotate(prepare=True)  # a second time changes nothing
    assert signing_key_id() == before
    (following,) = set(shown()) - {before}
    rotate()
    assert signing_key_id() == following
    assert set(shown()) == {before, following}


def test_a_process_with_public_keys_only_follows(keys, settings):
    old = make.pair(make.user()).access_token
    rotate()
    new = make.pair(make.user()).access_token
    forget_verified()
    settings.JWT_PRIVATE_KEY_FILE, settings.JWT_PUBLIC_KEY_FILES = None, [keys / "jwt_public"]
    assert read_token(old).id
    assert read_token(new).id
    with pytest.raises(RuntimeError):
        keyring.signing_key()
    with pytest.raises(CommandError):
        call_command("rotate_jwt_keys")


def test_a_key_nobody_knew_a_moment_ago_is_looked_for_at_once(keys):
    keyring.ring(now=True)
    call_command("rotate_jwt_keys")  # by another process: this one has looked less than a second ago
    seen = keyring._seen
    token = make.pair(make.user()).access_token
    forget_verified()
    assert read_token(token).id
    assert seen is not None


def test_a_running_process_notices_without_a_restart(keys):
    """Another process rotates; this one signs with the new key a second later."""
    before = signing_key_id()
    environment = os.environ | {
        "AUTOSALON_JWT_PRIVATE_KEY_FILE": str(keys / "jwt_private.pem"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "rotate_jwt_keys"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 5
    while signing_key_id() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert signing_key_id() != before
    assert done.stdout.split()[0] == signing_key_id()


def test_keys_that_may_only_be_read_are_left_alone(keys, monkeypatch):
    """A secret mounted into a container is read-only: one line says what to do instead."""
    before = signing_key_id()

    def refuse(**options):
        raise OSError(errno.EROFS, "Read-only file system", str(keys))

    monkeypatch.setattr("gateway.access.keyring.tempfile.mkstemp", refuse)
    with pytest.raises(CommandError, match=r"cannot be written here.*run --rm keys") as told:
        call_command("rotate_jwt_keys")
    assert "\n" not in str(told.value)
    assert keyring.ring(now=True).signing[0] == before


def test_private_halves_are_for_their_owner_alone(keys):
    rotate()
    assert (keys / "jwt_private.pem").stat().st_mode & 0o077 == 0
    assert not (keys / "jwt_next.pem").exists()
    assert all(b"PRIVATE" not in path.read_bytes() for path in (keys / "jwt_public").iterdir())
