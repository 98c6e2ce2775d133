"""Show states as labels: a state that names no colour is still shown in words."""

from unfold.utils import display_for_label

from core.screens.labels import display


@display(description="state", label={"paid": "success"})
def state(row):
    return row


def test_a_state_is_shown_in_words_whether_it_has_a_colour_or_not():
    for code in ("paid", "partially_refunded"):
        shown = display_for_label(state((code, "In words")), "-", state.label)
        assert "In words" in shown
        assert code not in shown


def test_a_page_of_one_row_that_writes_a_state_as_text_shows_its_words():
    class Screen:
        @display(label={"paid": "success"})
        def shown_state(self, row):
            return ("paid", "оплачено") if row else "-"

    state = Screen().shown_state(1)
    assert (tuple(state), str(state), Screen().shown_state(0)) == (("paid", "оплачено"), "оплачено", "-")
