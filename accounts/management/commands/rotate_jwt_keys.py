"""Replace the key that signs access tokens, while everything runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.access import keyring


class Command(BaseCommand):
    """Every process notices within a second; tokens of the old key live out their time."""

    help = "Sign access tokens with a new key from now on; the old one verifies until its last token has expired."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="only publish the next key, so that services elsewhere can learn it before it signs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        private = settings.JWT_PRIVATE_KEY_FILE
        if private is None:
            raise CommandError("this installation has no private key here: AUTOSALON_JWT_PRIVATE_KEY_FILE")
        try:
            if options["prepare"]:
                self.stdout.write(f"{keyring.prepare(private.parent)} is published and will sign after the next run")
                return
            new, retired = keyring.rotate(private)
        except OSError as error:
            raise CommandError(
                f"{private.parent} cannot be written here ({error.strerror}), nothing has changed: run this where it "
                'can (in containers: docker compose run --rm keys), or see "Token keys" in docs/operations.md'
            ) from error
        self.stdout.write(f"{new} signs now; {retired} verifies for {keyring.longest_lifetime_s()} seconds more")
