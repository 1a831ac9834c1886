"""Where somebody goes once they are signed in, and what they had typed when their session ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bot.store import ms, typing
from bot.web.numbers import whole
from bot.web.queue_filters import Filters

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.visit import Web

# The fields that the sign-in page carries along: where to, and what was typed for which draft.
FIELDS: Final = ("next", "mention", "reply", "seen", "base", "text")
_MENTION: Final = re.compile(r"/mentions/([0-9]{1,18})/([a-z]+)$")
# Where a draft is typed: what is typed elsewhere, such as a note among colleagues, is none.
_EDITOR: Final = frozenset({"answer", "typing"})
_LONGEST_PATH: Final = 2000


def local(path: str) -> str:
    """`path`, if it is one of this house; else "/". What a browser may take for another site's is none."""
    plain = path.isascii() and path.isprintable() and len(path) <= _LONGEST_PATH and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def from_query(request: Request) -> dict[str, str]:
    return {"next": local(request.query_params.get("next", "/"))}


def from_form(form: Mapping[str, str]) -> dict[str, str]:
    """What the sign-in page carried along."""
    return {**{name: form[name] for name in FIELDS if name in form}, "next": local(form.get("next", "/"))}


def from_late(request: Request, form: Mapping[str, str]) -> dict[str, str]:
    """What to keep of a form that came after its session's end: the page it was on, and the text in it."""
    found = _MENTION.match(request.url.path)
    # A draft is called "text", a note among colleagues "words".
    typed = form.get("text", "") or form.get("words", "")
    text = {"text": typed} if typed.strip() else {}
    if found is None:
        return {"next": _page_before(request), **text}
    page = {"next": Filters.of(request.query_params).on(f"/mentions/{found[1]}")}
    if not text or found[2] not in _EDITOR:
        return page | text
    draft = {name: form[name] for name in ("reply", "seen", "base") if name in form}
    return {**page, "mention": found[1], **draft, **text}


def keep(web: Web, kept: Mapping[str, str], user_id: int) -> bool:
    """Put a draft that was typed back into the editor of the user who signed in. Whether it is there, or
    nothing was typed."""
    if "text" not in kept:
        return True
    numbers = {name: whole(kept.get(name, "")) for name in ("mention", "reply", "seen")}
    if not numbers["mention"]:
        return False
    with web.store.tx() as tx:
        return typing.keep(
            tx, numbers["mention"], numbers["reply"] or None, user_id, kept["text"], numbers["seen"],
            ms(web.clock()), base=kept.get("base") or None,
        )  # fmt: skip


def _page_before(request: Request) -> str:
    """The page with the form, as the browser says; "/" if it says nothing."""
    before = urlsplit(request.headers.get("referer", ""))
    return local(before.path) if before.netloc == request.headers.get("host") else "/"
