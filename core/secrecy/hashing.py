"""Passwords as Argon2id hashes, at the parameters OWASP names: dear to guess, and cheap enough that nobody is denied.

Source: OWASP Password Storage Cheat Sheet, Argon2id with 19 MiB of memory, two passes, one lane. Django's own ask for
100 MiB in eight lanes: eight people who sign in at once would take most of a gigabyte.
"""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 2
"""Hashes that a process computes at a time; the rest wait their turn, some hundredths of a second each."""
_turn = threading.BoundedSemaphore(AT_ONCE)


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id in 19 MiB. A hash of other parameters is still good, and is made anew at the next sign-in."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """The hash, when it is our turn."""
        with _turn:
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        """Tell whether it is the password, when it is our turn."""
        with _turn:
            return bool(super().verify(password, encoded))
