"""Mentions as they come: people in French and English on five networks, most of them speaking to the brand,
one in eight complaining, some writing again. The words are those of the corpus."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

CORPUS: Final = Path(__file__).parents[1] / "corpus"
ADDRESSED: Final = 0.75
FOLLOW_UPS: Final = 0.08
STEP: Final = 1_000_003
# How often the leading intent of a text is which; the rest is anything.
INTENTS: Final = {"complaint": 0.12, "question": 0.38, "praise": 0.25, "other": 0.15, "purchase": 0.10}
# Its name, the kind of its messages, and whether it gives the thread; and how many come from there.
NETWORKS: Final = (
    ("x", "post", False),
    ("facebook", "comment", True),
    ("instagram", "comment", True),
    ("blog", "comment", True),
    ("mastodon", "post", False),
)
SHARES: Final = (0.4, 0.25, 0.2, 0.1, 0.05)
_FIRST: Final = (
    "Claire Bob Amélie Youssef Grace Émile Priya Léa Tom Fatou Hugo Ines Jack Chloé Sean Maëlle Omar "
    "Zoé Liam Nadia Paul Ruth Karim Élodie Adam Lucie Ngozi Marc Aoife Théo Sarah Malik Julie Owen "
    "Noé Camille Raj Eva "
)
_LAST: Final = (
    "Martin Dubois Smith Okafor Bernard Nguyen Petit Walsh Durand Leroy Khan Moreau Simon Laurent "
    "Byrne Diallo Lefèvre Michel Garcia David Patel Roux Fournier Girard Jones Bonnet Dupont Lambert "
    "Ferreira Rousseau Hall Vincent Muller Lefevre Faure André Mercier Blanc Guérin Boyer Garnier "
    "Chevalier François Legrand Gauthier Perrin Robin Clément Morin Nicolas Henry Roussel Mathieu "
    "Gautier Masson Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun "
    "Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud Martinez Gérard Roche Renard "
    "Schmitt Roy Leroux Colin Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud "
)


class Said(NamedTuple):
    """What a later mention may follow up on."""

    network: str
    remote_id: str
    author: dict[str, Any]


def lines(count: int, first: int = 0, seed: int = 7) -> list[bytes]:
    """`count` mentions as JSONL. Ids begin at number `first` and grow with time, as networks' ids do."""
    return [json.dumps(m, ensure_ascii=False).encode() for m in mentions(count, first, seed)]


def mentions(count: int, first: int = 0, seed: int = 7) -> Iterator[dict[str, Any]]:
    """As `lines`, one object each."""
    chance, texts = random.Random(seed + first), _texts()
    people = [_person(chance, n) for n in range(6000)]
    begin = datetime.now(UTC) - timedelta(days=14)
    recent: list[Said] = []
    for n in range(first, first + count):
        network, kind, has_threads = chance.choices(NETWORKS, SHARES)[0]
        mention: dict[str, Any] = {
            "network": network,
            "remote_id": remote_id(n),
            "url": f"https://{network}.example/p/{remote_id(n)}",
            "kind": kind,
            "author": people[int(len(people) * chance.random() ** 2)],
            "text": _text(chance, texts[addressed := chance.random() < ADDRESSED]),
            "addressed": addressed,
            "posted_at": (begin + timedelta(seconds=12 * (n - first))).isoformat(timespec="seconds"),
        }
        if recent and chance.random() < FOLLOW_UPS:
            before = chance.choice(recent)
            mention |= {"network": before.network, "author": before.author, "kind": "reply"}
            mention["in_reply_to"] = before.remote_id
        elif has_threads:
            mention["conversation"] = f"{remote_id(n - n % 40)}"
        recent = [*recent[-199:], Said(mention["network"], mention["remote_id"], mention["author"])]
        yield mention


def remote_id(number: int) -> str:
    """Nineteen digits in the order of time, as on X and Mastodon."""
    return str(1_860_000_000_000_000_000 + number * STEP)


def _texts() -> dict[bool, dict[str, list[str]]]:
    """The texts of the corpus by whether they speak to the brand, then by their leading intent."""
    found: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for file in sorted(CORPUS.glob("*.jsonl")):
        for line in map(json.loads, file.read_text("utf-8").splitlines()):
            found[line["addressed"]].setdefault(line["intents"][0], []).append(line["text"])
    return found


def _text(chance: random.Random, texts: dict[str, list[str]]) -> str:
    intent = chance.choices(list(INTENTS), list(INTENTS.values()))[0]
    text = chance.choice(texts[intent])
    return f"{text} ({chance.randrange(10**6):06})" if chance.random() < 0.3 else text


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    first, last = chance.choice(_FIRST.split()), chance.choice(_LAST.split())
    return {
        "id": str(10_000_000 + number * 7919),
        "handle": f"{first}.{last}{number % 97}".lower(),
        "name": f"{first} {last}" if chance.random() < 0.8 else first,
        "followers": int(10 ** chance.uniform(0, 4)),
    }
