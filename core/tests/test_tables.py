"""No cell of a file that we write is a formula, and reading it back gives what was there."""

import csv
import io

import pytest
from openpyxl import load_workbook

from core.files.tables import csv_lines
from core.importing.columns import match_columns
from core.importing.problems import RowProblem, Unreadable
from core.importing.reader import open_table
from core.importing.refused import write_refused
from gateway.responses.tables import encode_table

EVIL = ['=HYPERLINK("http://evil.example")', "@SUM(1)", "+1+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1"]
PLAIN = ["", "Lada", "-12.50", "+79161112233", "+79161112233; +74951112233", "7", "a=b"]


def read_back(text):
    return next(csv.reader(io.StringIO(text, newline="")))


def test_formulas_are_shielded_and_numbers_are_not():
    cells = read_back("".join(csv_lines([[*EVIL, *PLAIN]])))
    assert cells == [f"'{text}" for text in EVIL] + PLAIN


def test_a_workbook_has_none_either():
    book = load_workbook(io.BytesIO(b"".join(encode_table([[*EVIL[:4], 5]], "xlsx"))))
    assert [cell.data_type for cell in next(book.active.rows)] == ["s"] * 4 + ["n"]


def test_refused_rows_are_shielded_and_imported_as_they_were(tmp_path):
    given = tmp_path / "list.csv"
    given.write_text("make,model\n=1+1,Vesta\n")
    output = io.StringIO()
    write_refused(given, [RowProblem(row=1, line=2, field="make", code="x", detail="y")], output)
    assert "'=1+1" in output.getvalue()
    (tmp_path / "again.csv").write_text(output.getvalue())
    with open_table(tmp_path / "again.csv") as table:
        columns = match_columns(table.header, {"make": ("make",)}, missing=lambda found: [])
        assert [columns.read(row.cells, "make") for row in table.rows()] == ["=1+1"]


@pytest.mark.parametrize("encoding", ["zlib", "bz2", "rot13", "hex", "base64", "no-such", "a\x00b"])
def test_only_encodings_of_text_are_taken(tmp_path, encoding):
    given = tmp_path / "list.csv"
    given.write_text("make\nLada\n")
    with pytest.raises(Unreadable), open_table(given, encoding=encoding):
        pass
