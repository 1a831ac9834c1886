"""Who is signed in. The store holds no token, only what it hashes to: whoever reads it signs in as nobody."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from bot.store.engine import Row, Tx

# So long may pass between the password and the code of the second factor, in milliseconds.
_CODE_WITHIN: Final = 300_000


def begin(tx: Tx, user_id: int, now: int, browser: str = "") -> str:
    """A new session. Its token is for the user's browser alone."""
    token = secrets.token_urlsafe(32)
    tx.run(
        "INSERT INTO sessions (token, user_id, csrf, began_at, seen_at, browser) VALUES (?, ?, ?, ?, ?, ?)",
        (hashed(token), user_id, secrets.token_urlsafe(32), now, now, browser),
    )
    return token


def find(tx: Tx, token: str, began_after: int, seen_after: int) -> Row | None:
    """The session (`csrf`, `seen_at`) and its user (`id`, `name`, `role`, `lang`, `has_totp`), if it
    is neither too old nor idle for too long, and its user has not left."""
    return tx.row(
        "SELECT s.csrf, s.seen_at, u.id, u.name, u.role, u.lang, u.totp <> '' AS has_totp"
        " FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.token = ? AND s.began_at > ? AND s.seen_at > ? AND u.left_at IS NULL",
        (hashed(token), began_after, seen_after),
    )


def of_user(tx: Tx, user_id: int, began_after: int, seen_after: int) -> list[Row]:
    """Where a user is signed in, the latest first: `token` (hashed), `browser`, `began_at`, `seen_at`."""
    return tx.rows(
        "SELECT token, browser, began_at, seen_at FROM sessions"
        " WHERE user_id = ? AND began_at > ? AND seen_at > ? ORDER BY seen_at DESC, token",
        (user_id, began_after, seen_after),
    )


def seen(tx: Tx, token: str, now: int) -> None:
    tx.run("UPDATE sessions SET seen_at = ? WHERE token = ?", (now, hashed(token)))


def end(tx: Tx, token: str) -> None:
    tx.run("DELETE FROM sessions WHERE token = ?", (hashed(token),))


def end_hashed(tx: Tx, user_id: int, token: str) -> bool:
    """End one of a user's sessions, named by its hash as `of_user` gives it. Whether there was one."""
    return bool(tx.run("DELETE FROM sessions WHERE user_id = ? AND token = ?", (user_id, token)))


def end_all(tx: Tx, user_id: int, but: str = "") -> None:
    """End all sessions of a user, also half ones; all but that of the token `but`."""
    tx.run("DELETE FROM sessions WHERE user_id = ? AND token <> ?", (user_id, hashed(but)))
    tx.run("DELETE FROM half_signed_in WHERE user_id = ?", (user_id,))


def clear(tx: Tx, began_before: int, seen_before: int) -> None:
    """Forget what is over by itself."""
    tx.run("DELETE FROM sessions WHERE began_at <= ? OR seen_at <= ?", (began_before, seen_before))


# --- Second factors ------------------------------------------------------------------------------


def begin_half(tx: Tx, user_id: int, now: int) -> str:
    """The password was right; a token for the browser that still owes a code."""
    token = secrets.token_urlsafe(32)
    tx.run("DELETE FROM half_signed_in WHERE expires_at <= ?", (now,))
    tx.run(
        "INSERT INTO half_signed_in (token, user_id, expires_at) VALUES (?, ?, ?)",
        (hashed(token), user_id, now + _CODE_WITHIN),
    )
    return token


def find_half(tx: Tx, token: str, now: int) -> Row | None:
    """The user (a row of users) who owes a code."""
    return tx.row(
        "SELECT u.* FROM half_signed_in h JOIN users u ON u.id = h.user_id"
        " WHERE h.token = ? AND h.expires_at > ? AND u.left_at IS NULL",
        (hashed(token), now),
    )


def end_half(tx: Tx, token: str) -> bool:
    """Whether it was still there."""
    return bool(tx.run("DELETE FROM half_signed_in WHERE token = ?", (hashed(token),)))


def set_up(tx: Tx, token: str, totp: str) -> None:
    """The secret of a second factor that this session is setting up; "": no longer."""
    tx.run("UPDATE sessions SET totp = ? WHERE token = ?", (totp, hashed(token)))


def being_set_up(tx: Tx, token: str) -> str:
    row = tx.row("SELECT totp FROM sessions WHERE token = ?", (hashed(token),))
    return str(row["totp"]) if row else ""


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
