"""Find who is the same person: a user, and the client cards that are theirs."""

from uuid import UUID

from core.approvals import JoinCards, KnowCard
from gateway.models import KnownAs


def follow_cards(alias: str, command: KnowCard | JoinCards) -> None:
    """Keep whose client cards are whose in an app's database, as clients tells."""
    if isinstance(command, JoinCards):
        join_cards(alias, card_id=command.card_id, other_id=command.other_id)
    else:
        know_card(alias, card_id=command.card_id, user_id=command.user_id)


def know_card(alias: str, *, card_id: UUID, user_id: UUID | None) -> None:
    """Note whose card it is; None: nobody's any more. Said again, it changes nothing."""
    if user_id is None:
        forget_card(alias, card_id=card_id)
        return
    KnownAs.objects.using(alias).update_or_create(card_id=card_id, defaults={"user_id": user_id})


def join_cards(alias: str, *, card_id: UUID, other_id: UUID) -> None:
    """Note that two cards are one client: whose either is, the other is too, unless it is another account's."""
    users = dict(KnownAs.objects.using(alias).filter(card_id__in=[card_id, other_id]).values_list("card_id", "user_id"))
    user_id = users.get(card_id) or users.get(other_id)
    for one in {card_id, other_id} - users.keys() if user_id is not None else ():
        know_card(alias, card_id=one, user_id=user_id)


def forget_card(alias: str, *, card_id: UUID) -> None:
    """Forget whose card it was."""
    KnownAs.objects.using(alias).filter(card_id=card_id).delete()


def is_own(alias: str, *, person_id: UUID | None, beneficiary_id: UUID | None) -> bool:
    """Tell whether what favours `beneficiary_id`, a user or a client card, favours this very person."""
    if person_id is None or beneficiary_id is None:
        return False
    if person_id == beneficiary_id:
        return True
    return KnownAs.objects.using(alias).filter(card_id=beneficiary_id, user_id=person_id).exists()
