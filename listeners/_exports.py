"""An export, as CSV, JSON or JSONL: its lines, and which of its columns is which.

Faults are told by line and in our own words. No heading is repeated: a file without headings begins with what
somebody wrote.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

Row = dict[str, str]

# What exports call their columns, in English and French, as `_plain` writes it. The first that there is
# counts.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "review text", "review content", "review body", "texte", "review", "avis", "comment",
             "commentaire", "content", "contenu", "texte de l avis", "message", "body", "description"),
    "title": ("title", "titre", "review title", "titre de l avis", "headline", "subject", "objet"),
    "rating": ("rating", "stars", "star rating", "note", "etoiles", "score", "note sur 5", "review rating",
               "nombre d etoiles"),
    "posted_at": ("date", "posted at", "review date", "created at", "create time", "created", "published at",
                  "publication date", "date de publication", "date de l avis", "date de creation",
                  "submitted at", "timestamp", "time", "review submit date and time"),
    "author": ("author", "auteur", "reviewer", "reviewer name", "author name", "name", "nom", "pseudo",
               "user name", "username", "user", "customer", "client", "consumer", "display name",
               "reviewer display name", "author display name", "consumer display name", "nom de l auteur"),
    "url": ("url", "link", "lien", "review url", "review link", "permalink", "lien de l avis"),
    "id": ("id", "review id", "identifiant", "id avis", "id de l avis", "reference", "reference de l avis"),
    "lang": ("lang", "language", "langue", "locale", "review language", "reviewer language"),
    "answer": ("answer", "reply", "response", "reponse", "company reply", "owner response", "reply text",
               "reponse du proprietaire", "reponse de l entreprise", "developer reply text",
               "review reply comment", "company reply text"),
    "answered_at": ("answered at", "reply date", "response date", "date de reponse", "date de la reponse",
                    "developer reply date and time", "review reply update time", "company reply date"),
}  # fmt: skip
_DELIMITERS: Final = ";,\t"
_SEPARATOR: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line


class Line(NamedTuple):
    """One review as it stands in a file: its number there, and its columns under our names, all of them text;
    or, in `fault`, what is wrong with it."""

    number: int
    row: Row
    fault: str = ""


def lines(name: str, data: bytes, columns: Mapping[str, str]) -> Iterator[Line]:
    """Every review in the file, in its order. `columns`: our names to the file's, over the usual ones.

    Raises:
        ValueError: it cannot be read at all.
    """
    text = _decoded(data)
    kind = name.rpartition(".")[2].lower()
    reader = {"csv": _table, "tsv": _table, "json": _objects, "jsonl": _objects_by_line}[kind]
    known: dict[tuple[str, ...], dict[str, str]] = {}
    for number, found in reader(text):
        if isinstance(found, str):
            yield Line(number, {}, found)
            continue
        keys = tuple(found)
        if keys not in known:
            known[keys] = _columns(keys, columns)
        row = {ours: found[theirs].strip() for ours, theirs in known[keys].items()}
        needed = "text" in row or (reader is not _table and "rating" in row)
        yield Line(number, row, "" if needed else "it has no column for the text: name it under columns:")


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 with its mark, UTF-8 without, else what Windows writes in Western Europe."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


# --- The three kinds of file ---------------------------------------------------------------------

Found = Iterable[tuple[int, dict[str, str] | str]]


def _table(text: str) -> Found:
    marked = _SEPARATOR.match(text)
    body = text[marked.end() :] if marked else text
    delimiter = marked[1] if marked else max(_DELIMITERS, key=lambda one: _width(body, one))
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    head, before = next(reader, []), 1 if marked else 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            number = before + reader.line_num
            if len(cells) > len(head):
                yield number, "it has more fields than the first line has headings"
            else:
                yield number, dict(zip(head, cells + [""] * (len(head) - len(cells)), strict=True))
    except csv.Error:
        raise ValueError(f"line {before + reader.line_num} is no line of a table") from None


def _width(text: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []))
    except csv.Error:
        return 0


def _objects(text: str) -> Found:
    """A list of objects, or an object that holds one list of them."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON that can be read") from None
    if isinstance(found, dict):
        inside = [value for value in found.values() if isinstance(value, list)]
        found = inside[0] if len(inside) == 1 else None
    if not isinstance(found, list):
        raise ValueError("it must hold one list of reviews")  # noqa: TRY004 -- what is wrong is the file
    for number, one in enumerate(found, start=1):
        yield number, _flat(one) if isinstance(one, dict) else "it is no object"


def _objects_by_line(text: str) -> Found:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        yield number, _flat(found) if isinstance(found, dict) else "it is no JSON object"


def _flat(found: Mapping[str, Any], where: str = "", deep: int = 3) -> dict[str, str]:
    """Every value as text, what stands inside an object under "outer.inner"."""
    flat: dict[str, str] = {}
    for key, value in found.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{where}{key}.", deep - 1) if deep else {}
        elif value is not None and not isinstance(value, list):
            flat[where + key] = str(value)
    return flat


# --- Columns -------------------------------------------------------------------------------------


def _columns(keys: tuple[str, ...], columns: Mapping[str, str]) -> dict[str, str]:
    """Our names to the file's, of those that are there. What the config names is nobody else's."""
    plain = {_plain(key): key for key in reversed(keys)}
    named = {
        ours: theirs if theirs in keys else plain.get(_plain(theirs)) for ours, theirs in columns.items()
    }
    taken = set(named.values())
    usual = {
        ours: next((plain[one] for one in names if one in plain and plain[one] not in taken), None)
        for ours, names in _NAMES.items()
    }
    return {ours: theirs for ours, theirs in (usual | named).items() if theirs is not None}


def _plain(heading: str) -> str:
    """Lower-case words without accents: "starRating", "Star_rating" and "STAR RATING" are one."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    bare = unicodedata.normalize("NFKD", words.casefold()).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", bare.replace("'", " ")))
