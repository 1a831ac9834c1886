"""Full text in SQLite: FTS5, https://www.sqlite.org/fts5.html.

The words lie in a table of their own, keyed by mention, so that they can be taken out without being known.
New mentions are learned page by page (`LEARN`): a trigger for each row costs four times as much, since FTS5
writes out what it gathered after every statement. Whatever changes later is rare, and left to triggers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# Accents are left out on both sides; so are case and all that is neither letter nor digit.
_AGAIN: Final = """
        DELETE FROM words WHERE rowid IN ({which});
        INSERT INTO words (rowid, said, who, answered)
            SELECT id, said, who, answered FROM searchable WHERE id IN ({which});"""
_ANSWERED: Final = "SELECT id FROM mentions WHERE network = new.network AND remote_id = new.in_reply_to"
TABLES: Final = f"""
CREATE VIEW searchable AS
    SELECT m.id, m.text AS said, m.author_name || ' ' || m.author_handle AS who, (
        SELECT GROUP_CONCAT(a.text, ' ') FROM answers a
        WHERE a.network = m.network AND a.in_reply_to = m.remote_id) AS answered
    FROM mentions m WHERE m.deleted_at IS NULL;
CREATE VIRTUAL TABLE words USING fts5 (said, who, answered, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO words (rowid, said, who, answered) SELECT id, said, who, answered FROM searchable;
CREATE TRIGGER words_change AFTER UPDATE OF text, author_name, author_handle, deleted_at ON mentions
    BEGIN{_AGAIN.format(which="new.id")} END;
CREATE TRIGGER words_are_answered AFTER INSERT ON answers
    BEGIN{_AGAIN.format(which=_ANSWERED)} END;
"""
LEARN: Final = (
    "INSERT INTO words (rowid, said, who, answered)"
    " SELECT id, said, who, answered FROM searchable WHERE id BETWEEN ? AND ?"
)


def query(words: Sequence[str]) -> str:
    """`words` in the query language of FTS5, each quoted, so that none of them is part of that language."""
    quoted = ['"' + word.replace('"', '""').replace("\0", " ") + '"' for word in words]
    return " ".join(quoted) + "*"
