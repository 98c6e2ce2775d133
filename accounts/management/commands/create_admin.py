"""Make the first administrator, or another one."""

import sys
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import services
from accounts.models import Role, User
from core.errors import DomainError


class Command(BaseCommand):
    """Asks for what is not given; repeated for the same administrator it changes nothing."""

    help = (
        "Make an administrator. E-mail and password come from the command line and the terminal, or from "
        "AUTOSALON_ADMIN_EMAIL and AUTOSALON_ADMIN_PASSWORD (or AUTOSALON_ADMIN_PASSWORD_FILE)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="", help="instead of AUTOSALON_ADMIN_EMAIL")
        parser.add_argument("--full-name", default="", help="their name")

    def handle(self, *args: Any, **options: Any) -> None:
        email = (options["email"] or settings.ADMIN_EMAIL or self._ask("E-mail: ", "--email")).strip().lower()
        if self._is_there(email):
            self.stdout.write(f"{email} is an administrator already; nothing was changed")
            return
        password = settings.ADMIN_PASSWORD or self._ask_password()
        try:
            services.create_user(
                email=email,
                password=password,
                roles=[Role.ADMIN],
                full_name=options["full_name"],
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(f"{email}: {error}") from error
        self.stdout.write(f"{email} may sign in as an administrator")

    def _is_there(self, email: str) -> bool:
        user = User.objects.by_identifier(email)
        if user is not None and not (Role.ADMIN in user.roles and user.is_active):
            raise CommandError(f"{email} has an account that is no administrator's: another one gives the role")
        return user is not None

    def _ask(self, question: str, instead: str) -> str:
        if not sys.stdin.isatty():
            raise CommandError(f"nobody is there to be asked: give {instead} or set AUTOSALON_ADMIN_EMAIL")
        return input(question)

    def _ask_password(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError("nobody is there to be asked for the password: set AUTOSALON_ADMIN_PASSWORD")
        password = getpass("Password: ")
        if getpass("Once more: ") != password:
            raise CommandError("the two passwords differ")
        return password
