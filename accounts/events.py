"""Facts that accounts publishes about people who may sign in."""

from uuid import UUID

from core.approvals import KnowPerson
from core.events import Event, event, implies

PERSONAL = ("email", "full_name", "phone", "username")


@event("user.registered", aggregate="user", key="user_id", personal=PERSONAL)
class UserRegistered(Event):
    """A person signed up by themselves."""

    user_id: UUID
    email: str
    full_name: str = ""
    phone: str = ""
    roles: list[str] = []
    version_number: int = 1
    email_verified: bool = False
    is_active: bool = True
    username: str = ""


@event("user.consented", aggregate="user", key="user_id", internal=True)
class UserConsented(Event):
    """A person agreed to the processing of their data in a form (`door`), to that version of its text."""

    user_id: UUID
    door: str
    text_version: str
    language: str
    address: str


@event("user.created", aggregate="user", key="user_id", personal=PERSONAL)
class UserCreated(Event):
    """An administrator created an account."""

    user_id: UUID
    email: str
    full_name: str = ""
    phone: str = ""
    roles: list[str] = []
    version_number: int = 1
    email_verified: bool = False
    is_active: bool = True
    username: str = ""


@event("user.updated", aggregate="user", key="user_id", personal=PERSONAL)
class UserUpdated(Event):
    """A profile changed; carries the whole public profile as it is now."""

    user_id: UUID
    email: str
    full_name: str = ""
    phone: str = ""
    roles: list[str] = []
    version_number: int = 1
    email_verified: bool = False
    is_active: bool = True
    username: str = ""


@event("user.role_changed", aggregate="user", key="user_id", personal=("email", "username"))
class UserRoleChanged(Event):
    """An administrator changed what a person may do. Older facts do not name the person."""

    user_id: UUID
    roles: list[str]
    previous: list[str]
    version_number: int = 1
    email: str = ""
    username: str = ""


@event("user.deactivated", aggregate="user", key="user_id")
class UserDeactivated(Event):
    """A person may no longer sign in. Older facts have no version (0)."""

    user_id: UUID
    version_number: int = 0


@event("user.deleted", aggregate="user", key="user_id")
class UserDeleted(Event):
    """Personal data was erased; the id stays so that the books keep their meaning."""

    user_id: UUID


@event("user.stayed", aggregate="user", key="user_id", internal=True)
class UserStayed(Event):
    """An attempt to erase a person came to nothing; what it had stopped may begin again."""

    user_id: UUID
    closing_id: UUID


@event("user.logged_in", aggregate="user", key="user_id")
class UserLoggedIn(Event):
    """A sign-in succeeded."""

    user_id: UUID
    session_id: UUID


@event("user.logged_out", aggregate="user", key="user_id")
class UserLoggedOut(Event):
    """A session was ended by its owner or by an administrator."""

    user_id: UUID
    session_id: UUID


@event("user.mfa_reset", aggregate="user", key="user_id", internal=True)
class UserMfaReset(Event):
    """An administrator took off the second factor of a person who had lost it; `actor_id` is who did."""

    user_id: UUID
    actor_id: UUID


@implies(UserRegistered, UserCreated, UserUpdated, command=KnowPerson)
def know_person(fact: UserRegistered | UserCreated | UserUpdated) -> KnowPerson:
    """Have known by what staff call and reach a person; who gave no name is called by their address."""
    return KnowPerson(
        person_id=fact.user_id,
        name=fact.full_name.strip() or fact.email.partition("@")[0],
        phone=fact.phone,
        email=fact.email,
        version_number=fact.version_number,
    )
