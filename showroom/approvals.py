"""Declare how value can leave by seats at happenings: by which action of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import Kind, declare, rule

SEAT = declare(
    Kind(
        name="showroom.seat",
        title=_("Giving up somebody's paid seat"),
        subject="registration",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool="refunds",
        run="showroom.services.give_up_agreed",
        doors=("DELETE /events/{id}/registrations/{id}", "admin showroom.registration: give_up"),
        gives="the price of the seat",
    )
)

GUESTS_RIGHT = rule(
    "showroom.guests_right",
    why="Guests give up their own seats before the happening begins; erasing an account gives up all of them.",
    heard=("DELETE /events/{id}/registrations/{id}", "showroom.forget_person"),
)
FALLEN_THROUGH = rule(
    "showroom.fallen_through",
    why="The happening was cancelled for everybody, or money came too late or twice.",
    heard=("POST /events/{id}/cancel", "DELETE /events/{id}", "showroom.settle_seat"),
)
