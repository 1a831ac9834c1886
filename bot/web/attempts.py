"""How often somebody may try to sign in: by name, by address, and by both together. Whether there is a user
of that name makes no difference, so nobody learns it here.

A stranger who tries the name of a colleague locks out themselves first, at their own address.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.store import attempts, ms, users
from bot.web.clients import address
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.web.stranger import Stranger
    from bot.web.visit import Visit, Web

    Who = Stranger | Visit

# So many in an hour before one has to wait. With the waiting, a name is tried less than 100 times an hour,
# from wherever: https://github.com/OWASP/ASVS/blob/v4.0.3/4.0/en/0x11-V2-Authentication.md (2.2.1)
_BOTH, _ADDRESS, _NAME, _CODE = 5, 30, 50, 5
Keys = Mapping[str, int]


def of_name(who: Who, name: str) -> Keys:
    """An attempt with a name and a password."""
    where, folded = address(who.request), users.folded(name)
    return {
        _key(who.web, "both", folded, where): _BOTH,
        _key(who.web, "address", where): _ADDRESS,
        _key(who.web, "name", folded): _NAME,
    }


def of_code(who: Who, user_id: int) -> Keys:
    """An attempt with the code of a second factor."""
    return {_key(who.web, "code", str(user_id)): _CODE}


def take(who: Who, keys: Keys) -> int:
    """Count this attempt. How long to wait instead (ms); 0: it may be made."""
    now = ms(who.web.clock())
    with who.web.store.tx() as tx:
        until = attempts.take(tx, keys, now)
    return max(until - now, 0)


def forgive(who: Who, keys: Keys) -> None:
    """It was a good one. An address is forgiven no more than that: a user of ours might try others' names."""
    shared = [key for key, allowed in keys.items() if allowed == _ADDRESS]
    with who.web.store.tx() as tx:
        attempts.forgive(tx, shared)
        attempts.forget(tx, set(keys) - set(shared))


def told(who: Who, wait: int) -> str:
    length = who.language.length(math.ceil(wait / 60_000) * 60_000)
    return who.say(N_("Too many attempts. Wait %(length)s, then try again."), length=length)


def _key(web: Web, *parts: str) -> str:
    return hmac.new(web.settings.key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
