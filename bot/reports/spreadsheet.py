"""CSV that spreadsheets open as what it is. Pure.

A cell that begins as a formula does would be run by the program that opens it: such a text gets an apostrophe
before it (https://owasp.org/www-community/attacks/CSV_Injection). Numbers stay numbers. The mark at the
beginning tells Excel that the file is UTF-8. Where numbers have a decimal comma, as in France, spreadsheets
expect semicolons between cells.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from typing import Final

BOM: Final = "\ufeff"
# Their full-width forms are taken for the same by spreadsheets set to Japanese.
_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_UNSEEN: Final = ("Zs", "Cc", "Cf")

Cell = str | int | float | None


def line(cells: Sequence[Cell], *, comma: bool = False) -> str:
    """One row (RFC 4180), with its end. `comma`: numbers have a decimal comma."""
    written = io.StringIO()
    row = [safe(cell) for cell in cells]
    if comma:
        row = [str(cell).replace(".", ",") if isinstance(cell, float) else cell for cell in row]
    csv.writer(written, delimiter=";" if comma else ",").writerow(row)
    return written.getvalue()


def safe(cell: Cell) -> str | int | float:
    """The cell as no spreadsheet can mistake it."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    text = cell.replace("\0", "\ufffd")
    return f"'{text}" if _begins_as_a_formula(text) else text


def _begins_as_a_formula(text: str) -> bool:
    """Also behind spaces and what nobody sees, which some programs take away."""
    for c in text:
        if c in _FORMULA:
            return True
        if unicodedata.category(c) not in _UNSEEN:
            return False
    return False
