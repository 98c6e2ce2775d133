"""The command that checks both apps' arithmetic; no database is needed."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

GOOD = {
    "id": "good", "kind": "interest_only_payment", "inputs": {"principal": "1200", "annual_rate": "0.12"},
    "expected": {"payment": "12.00"}, "tolerance": "0.00",
}  # fmt: skip
INSURANCE = {
    "id": "average", "kind": "claim_average_factor", "inputs": {"sum_insured": "15000", "value": "20000"},
    "expected": {"reduction_percent": "25"}, "tolerance": "0.00",
}  # fmt: skip
WRONG = GOOD | {"id": "wrong", "expected": {"payment": "13.00"}}
UNKNOWN = GOOD | {"id": "odd", "kind": "horoscope"}


def run(*files):
    out, err = StringIO(), StringIO()
    call_command("verify_calculations", *map(str, files), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def write_file(tmp_path, *vectors, name="vectors.json"):
    path = tmp_path / name
    path.write_text(json.dumps({"vectors": vectors}), encoding="utf-8")
    return path


def test_it_ends_with_passed_of_total_over_all_files(tmp_path):
    finance, insurance = write_file(tmp_path, GOOD, GOOD), write_file(tmp_path, INSURANCE, name="insurance.json")
    assert run(finance, insurance) == ("3/3\n", "")


@pytest.mark.parametrize(("vector", "said"), [(WRONG, "payment: expected 13.00, got 12.00"), (UNKNOWN, "horoscope")])
def test_a_mismatch_or_an_unknown_kind_fails_by_name(tmp_path, capsys, vector, said):
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_calculations", str(write_file(tmp_path, GOOD, vector)), stdout=out, stderr=err)
    assert end.value.code == 1
    assert out.getvalue() == "1/2\n"
    assert said in err.getvalue()


@pytest.mark.parametrize("text", ["{}", "not json", '{"vectors": [{}]}'])
def test_a_file_without_vectors_is_refused(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match="not a file of vectors"):
        run(path)
