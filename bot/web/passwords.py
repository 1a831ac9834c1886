"""Passwords: how they are hashed, and which are taken.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.web.words import N_

SHORTEST, LONGEST = 12, 200
# 19 MiB, two passes, one thread: OWASP's least for argon2id.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What most of the commonest passwords are made of in the languages of the inbox, and in its trade. Neither
# digits, signs and case nor saying it twice make a better one of them.
_COMMON: Final = (
    "password", "passwort", "passwrd", "pssword", "psswrd", "motdepasse", "changeme", "changezmoi",
    "letmein", "qweasdzxc", "qazwsxedc", "azeqsdwxc", "azertyqsdfgh", "qwertyasdfgh",
    "welcome", "bienvenue", "bonjour", "iloveyou", "jetaime", "qwerty", "qwertyuiop", "azerty", "azertyuiop",
    "qwertz", "qwertzuiop", "asdfghjkl", "qsdfghjklm", "administrator", "administrateur", "admin", "secret",
    "soleil", "sunshine", "princess", "princesse", "doudou", "loulou", "chouchou", "football", "baseball",
    "monkey", "dragon", "master", "superman", "batman", "trustno", "whatever", "nothing", "nopassword",
    "starwars", "pokemon", "marseille", "paris", "france", "nicolas", "camille", "thomas", "julien",
    "michael", "jordan", "correcthorsebatterystaple", "socialmedia", "communitymanager", "vigie", "abc",
    "abcdefghijkl",
)  # fmt: skip
# Whoever guesses cleverly needs more attempts than that: "safely unguessable" by the scale of zxcvbn,
# https://www.usenix.org/conference/usenixsecurity16/technical-sessions/presentation/wheeler
_GUESSES: Final = 10**8
# No common password is longer, and the time that it takes to judge one grows with the square of its length.
_JUDGED: Final = 24
# So many letters besides a name make a password of it.
_BESIDES: Final = 6


def hashed(password: str) -> str:
    return _HASHER.hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether `password` is the one of which `stored` is the hash. It takes as long where `stored` is empty,
    so that nobody learns from the time which names there are."""
    if len(password) > LONGEST:
        password = ""
    try:
        right = _HASHER.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(stored)


def is_stale(stored: str) -> bool:
    """Whether it was hashed with less than one takes today."""
    return _HASHER.check_needs_rehash(stored)


def fault(password: str, again: str, names: Collection[str]) -> str:
    """Why nobody should take this one, in words; "" where nothing speaks against it. `again`: the same, typed
    once more; `names`: what anybody would try first."""
    if len(password) < SHORTEST:
        return N_("A password has 12 characters at least: some words that only you put together are good.")
    if len(password) > LONGEST:
        return N_("A password has 200 characters at most.")
    core = _core(password)
    if any(word in core and len(core) < len(word) + _BESIDES for word in map(_core, names) if word):
        return N_("This is little more than a name that everybody here knows: take another one.")
    if core in _COMMON or _guesses(password) < _GUESSES:
        return N_("This is one of the first passwords that anybody would try: take another one.")
    return "" if password == again else N_("The two passwords differ.")


def _core(text: str) -> str:
    """Its letters alone, without accents, once: "Azerty!azerty2024" is "azerty"."""
    letters = re.sub(r"[\W\d_]+", "", unicodedata.normalize("NFKD", text).casefold())
    return re.sub(r"^(.+?)\1+$", r"\1", letters)


def _guesses(password: str) -> int:
    """How many attempts it takes to find its beginning: by the 30,000 commonest passwords, names, words, rows
    of keys, dates, and what is usually made of them."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 -- its lists, of 1 MB, are needed where a password is chosen

    # It holds these words in one place for all threads, so they are always the same: no user's name.
    return int(zxcvbn(password[:_JUDGED], user_inputs=_COMMON)["guesses"])


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")
