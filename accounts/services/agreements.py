"""Take down what people agree to in a form: told to whoever keeps the proof, together with what they did there."""

from dataclasses import dataclass
from uuid import UUID

from accounts.events import UserConsented
from core.db import transaction
from messaging.outbox import publish


@dataclass(frozen=True)
class Agreement:
    """A consent to the processing of data: in which form (`sign_up`, `loan`), to which text, in which language.

    `address` is the network address that the form came from.
    """

    door: str
    text_version: str
    language: str
    address: str


def publish_agreement(*, user_id: UUID, agreement: Agreement) -> None:
    """Tell that a user agreed to the processing of their data. Publishes UserConsented; joins an open transaction."""
    with transaction("accounts"):
        publish(
            UserConsented(
                user_id=user_id,
                door=agreement.door,
                text_version=agreement.text_version,
                language=agreement.language,
                address=agreement.address,
            )
        )
