"""How much is on its way out through each responder."""

from __future__ import annotations

from bot.store.engine import Row, Tx


def of(tx: Tx, responder: str) -> Row:
    """How many replies are `ready` to go, `sending`, and `unsure`; and before when (`held_until`, ms) none of
    those that are ready may go."""
    row = tx.row(
        "SELECT COUNT(*) AS ready, MIN(not_before) AS held_until,"
        " (SELECT COUNT(*) FROM replies s WHERE s.state = 'sending' AND s.responder = :name) AS sending,"
        " (SELECT COUNT(*) FROM replies u WHERE u.state = 'unsure' AND u.responder = :name) AS unsure"
        " FROM replies WHERE state = 'ready' AND responder = :name",
        {"name": responder},
    )
    assert row is not None, "counts are always one row"
    return row
