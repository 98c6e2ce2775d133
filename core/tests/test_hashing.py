import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, get_hasher, make_password

from core.secrecy import hashing


def test_it_is_what_the_product_hashes_with():
    assert settings.PASSWORD_HASHERS[0] == "core.secrecy.hashing.BoundedArgon2PasswordHasher"
    encoded = make_password("correct-horse-battery", hasher="argon2")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("correct-horse-battery", encoded)
    assert not check_password("wrong", encoded)


def test_a_hash_of_other_parameters_is_good_and_due():
    dear = Argon2PasswordHasher().encode("correct-horse-battery", "somesaltsomesalt")
    hasher = get_hasher("argon2")
    assert check_password("correct-horse-battery", dear)
    assert hasher.must_update(dear)
    assert not hasher.must_update(hasher.encode("correct-horse-battery", hasher.salt()))


def test_only_so_many_are_computed_at_once():
    running, most, lock = 0, 0, threading.Lock()

    def slowly(*_: object) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return "hash"

    hasher = hashing.BoundedArgon2PasswordHasher()
    with (
        mock.patch.object(Argon2PasswordHasher, "encode", slowly),
        mock.patch.object(Argon2PasswordHasher, "verify", slowly),
        ThreadPoolExecutor(8) as pool,
    ):
        hashed = [pool.submit(hasher.encode, "x", "y") for _ in range(4)]
        checked = [pool.submit(hasher.verify, "x", "y") for _ in range(4)]
        assert [future.result() for future in hashed + checked] == ["hash"] * 4 + [True] * 4
    assert most == hashing.AT_ONCE
