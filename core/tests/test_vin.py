import pytest

from core.vin import fold_vin, has_check_digit, is_vin


def test_a_vin_is_read_as_people_write_it():
    assert fold_vin(" wаuzzz4l58d069371 ".replace("а", "А")) == "WAUZZZ4L58D069371"


@pytest.mark.parametrize("text", ["WAUZZZ4L58D069371", "XTA210930Y2696785"])
def test_a_vin_has_seventeen_signs(text):
    assert is_vin(text)


@pytest.mark.parametrize(
    "text",
    ["WAU**************", "WAUZZZ", "", "XTAGFK330JY14421O", "0" * 17, "XTA210930Y2696785\n", "xta210930y2696785"],
)
def test_what_is_masked_or_broken_names_no_vehicle(text):
    assert not is_vin(text)


def test_a_check_digit_is_noticed():
    assert has_check_digit("5TDXZ3DC2KS015402")
    assert not has_check_digit("5TDXZ3DC3KS015402")
