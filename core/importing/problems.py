"""Name what can be wrong with a file: with the file as a whole, or with one row."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class Unreadable(Exception):
    """The file cannot be read as a whole; nothing of it may be used. `line` is 0 when no line is at fault."""

    def __init__(self, code: str, detail: str, *, line: int = 0) -> None:
        self.code, self.line = code, line
        self.detail = f"Line {line}: {detail}" if line > 1 else detail
        super().__init__(self.detail)


class UnreadableFile(DomainError):
    """The refusal of a file that cannot be read as a whole: nothing of it is imported. `reason` is a code."""

    code = "unreadable_file"
    status = 400
    detail = _("The file cannot be read.")


class ImportNotOver(DomainError):
    """Only a dry run that has ended well is imported for real."""

    code = "import_not_over"
    detail = _("Only a dry run that has ended well is imported for real.")


class RowProblem(NamedTuple):
    """Why one row is refused. `row` counts data rows from 1, `line` the lines of the file from 1."""

    row: int
    line: int
    field: str
    code: str
    detail: str
