"""The page at ``/``: what everybody reads, and a form to say something. What people say is only ever text."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from bot.sandbox.town import BRAND, NETWORKS, Person, Post, Town, Unknown

if TYPE_CHECKING:
    import jinja2

_MOST_THREADS: Final = 100
_DEEPEST: Final = 4
_NAMES: Final = {"x": "X", "facebook": "Facebook", "instagram": "Instagram"}
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A post as the page shows it. `depth` is how far to the right it stands. `answers`: whom; "" where that
    is gone, None where it answers nobody."""

    post: Post
    author: Person
    depth: int
    answers: str | None
    quoted: Post | None

    @property
    def by_brand(self) -> bool:
        return self.author.handle == BRAND


def timeline(
    town: Town,
    language: str = "en",
    *,
    only_form: bool = False,
    error: str = "",
    said: Mapping[str, Any] | None = None,
) -> str:
    """The whole page. `language` is what the browser prefers: French if it begins with "fr", else English.
    `error` is what was wrong with what was `said` in the form."""
    words = _FRENCH if language.lower().startswith("fr") else _ENGLISH
    people = sorted(town.people(), key=lambda person: person.handle == BRAND)
    return _template().render(
        words=words,
        threads=[] if only_form else threads(town),
        people=people,
        networks=_NAMES,
        state=town.state(),
        only_form=only_form,
        error=error,
        said=said or {},
        script=_SCRIPT,
    )


def threads(town: Town) -> list[list[Shown]]:
    """What stands in public, in conversations: the one in which somebody spoke last comes first."""
    posts = [post for network in NETWORKS for post in town.posts(network)]
    ids = {(post.network, version) for post in posts for version in post.versions}
    tops: list[Post] = []
    under: dict[_Key, list[Post]] = defaultdict(list)
    for post in sorted(posts, key=_when, reverse=True):
        above = (post.network, post.in_reply_to or "")
        (under[above] if above in ids else tops).append(post)
    found = [_thread(town, top, under) for top in tops]
    found.sort(key=lambda thread: max(_when(one.post) for one in thread), reverse=True)
    return found[:_MOST_THREADS]


def _thread(town: Town, top: Post, under: dict[_Key, list[Post]]) -> list[Shown]:
    """A post and all that hangs under it, each after what it answers, the older first."""
    waiting, thread = [(top, 0)], []
    while waiting:
        post, depth = waiting.pop()
        thread.append(_shown(town, post, min(depth, _DEEPEST)))
        answers = [one for version in post.versions for one in under[post.network, version]]
        answers.sort(key=_when, reverse=True)
        waiting += [(one, depth + 1) for one in answers]
    return thread


def _when(post: Post) -> tuple[datetime, int]:
    return post.at, post.number


def _shown(town: Town, post: Post, depth: int) -> Shown:
    above = _standing(town, post.network, post.in_reply_to)
    name = town.person(above.author).name if above else ""
    quoted = _standing(town, post.network, post.quotes or post.shares)
    return Shown(post, town.person(post.author), depth, name if post.in_reply_to else None, quoted)


def _standing(town: Town, network: str, post_id: str | None) -> Post | None:
    try:
        post = town.newest_version(network, post_id or "")
    except Unknown:
        return None
    return post if post.stands else None


@cache
def _template() -> jinja2.Template:
    import jinja2

    text = (resources.files("bot.sandbox") / "timeline.html").read_text("utf-8")
    made = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return made.from_string(text)


# With JavaScript, only the timeline is fetched anew, so that nobody loses what they are writing. Without it,
# the page loads itself anew, and the form has a page of its own.
_SCRIPT: Final = """
const shown = document.querySelector("main");
setInterval(async () => {
  try {
    const text = await (await fetch("/")).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
  } catch { /* the sandbox has ended, or begins again */ }
}, 3000);
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would hide that our own form comes from here
    "Cache-Control": "no-store",
}

_ENGLISH: Final = {
    "lang": "en",
    "title": "Sandbox: what everybody reads",
    "heading": "What everybody reads",
    "about": "Invented networks on this machine. Nothing here goes out.",
    "say": "Say something",
    "who": "As",
    "network": "On",
    "text": "What you say",
    "example": "@banqueazur bonjour, ma carte est bloquée",
    "send": "Say it",
    "back": "Back to what everybody reads",
    "brand": "the brand",
    "answers": "answers",
    "gone": "answers something that is gone",
    "shares": "shares",
    "quotes": "quotes",
    "edited": "edited",
    "photo": "a photo",
    "nothing": "Nobody has said anything yet.",
    "replies": "Sent by the brand through an API:",
    "doubled": "of them twice:",
}
_FRENCH: Final = {
    "lang": "fr",
    "title": "Bac à sable : ce que tout le monde lit",
    "heading": "Ce que tout le monde lit",
    "about": "Des réseaux inventés, sur cette machine. Rien n’en sort.",
    "say": "Dire quelque chose",
    "who": "En tant que",
    "network": "Sur",
    "text": "Votre message",
    "example": "@banqueazur bonjour, ma carte est bloquée",
    "send": "Publier",
    "back": "Retour à ce que tout le monde lit",
    "brand": "la marque",
    "answers": "répond à",
    "gone": "répond à un message disparu",
    "shares": "partage",
    "quotes": "cite",
    "edited": "modifié",
    "photo": "une photo",
    "nothing": "Personne n’a encore rien dit.",
    "replies": "Envoyés par la marque via une API :",
    "doubled": "dont en double :",
}
