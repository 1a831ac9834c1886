"""What the demo itself says, in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `kinds` names events in one word; `labels` translates tags; the rest are sentences,
    with named places in braces."""

    welcome: str
    about: str
    page: str
    inbox: str
    elsewhere: str
    verbs: tuple[str, ...]
    stop: str
    kinds: Mapping[str, str]
    labels: Mapping[str, str]
    owed: str
    not_owed: str
    watched: str
    drafts: str
    alone: str
    rule: str
    by: str
    no_words: str
    along: str
    natively: str
    gone: str
    ringing: str
    still_waits: str
    books: str
    unbalanced: str
    goodbye: str


_EN: Final = Words(
    welcome="Vigie, the lookout: a demonstration",
    about=(
        "Banque Azur does not exist, nor do the people who write to it on X, Facebook and Instagram, in "
        "French and English: a sandbox plays the networks. Vigie hears them, tags them, drafts answers and "
        "rings when a promise is broken. Plain thanks are answered by themselves; all else waits for you. "
        "Nothing leaves this machine."
    ),
    page="What everybody reads, your answers included; and a form to write to the bank yourself:",
    inbox="Answer them in the inbox (the link is good once: choose a name and a password):",
    elsewhere="Or from another terminal (the number stands at the left of each line):",
    verbs=("inbox", "show 1", "approve 1", "acknowledge 2", "audit"),
    stop="Ctrl-C ends the demo; the next one begins afresh.",
    kinds={
        "heard": "heard",
        "triaged": "tagged",
        "addressed": "addressed",
        "edited": "edited",
        "deleted": "deleted",
        "restored": "restored",
        "approved": "approved",
        "automatic": "automatic",
        "sent": "sent",
        "answered": "answered",
        "escalated": "alarm",
        "overdue": "OVERDUE",
        "rang": "rings",
        "acknowledged": "acknowl.",
        "assigned": "assigned",
        "exempted": "exempted",
        "reopened": "reopened",
        "handed_over": "handed on",
        "draft_edited": "redrafted",
        "stale": "held back",
        "refused": "refused",
        "unsure": "unsure",
    },
    labels={},
    owed="answer owed within {left}",
    not_owed="not to us: nothing is owed",
    watched="not to us, but people should look",
    drafts="{count} drafts",
    alone="answered by itself",
    rule="as a rule allows: {name}",
    by="by {actor}",
    no_words="(no words)",
    along="the same reply answers this too",
    natively="the brand itself, on {network}: {text}",
    gone="its author took it down: nothing is owed any more",
    ringing="{who}: {reason}; `acknowledge {number}` stops it",
    still_waits="{who} still waits; `acknowledge {number}` stops the ringing",
    books=(
        "Books balance: {addresses} addresses = {answered} answered + {exempted} exempted"
        " + {deleted} deleted + {open} open"
    ),
    unbalanced="THE BOOKS DO NOT BALANCE: {problems}",
    goodbye="The store stays in vigie-demo until the next demo.",
)

_FR: Final = Words(
    welcome="Vigie : une démonstration",
    about=(
        "Banque Azur n’existe pas, ni les gens qui lui écrivent sur X, Facebook et Instagram, en français et "
        "en anglais : un bac à sable joue les réseaux. Vigie les entend, étiquette, prépare des réponses et "
        "sonne quand une promesse est rompue. Un simple merci reçoit sa réponse tout seul ; tout le reste "
        "vous attend. Rien ne sort de cette machine."
    ),
    page="Ce que tout le monde lit, vos réponses comprises ; et de quoi écrire vous-même à la banque :",
    inbox="Répondez-leur sur cette page (le lien sert une fois : choisissez un nom et un mot de passe) :",
    elsewhere="Ou depuis un autre terminal (le numéro est au début de chaque ligne) :",
    verbs=_EN.verbs,
    stop="Ctrl-C termine la démonstration ; la suivante repart de zéro.",
    kinds={
        "heard": "entendu",
        "triaged": "étiqueté",
        "addressed": "adressé",
        "edited": "modifié",
        "deleted": "supprimé",
        "restored": "rétabli",
        "approved": "approuvé",
        "automatic": "automat.",
        "sent": "envoyé",
        "answered": "répondu",
        "escalated": "alerte",
        "overdue": "RETARD",
        "rang": "sonne",
        "acknowledged": "pris note",
        "assigned": "confié",
        "exempted": "dispensé",
        "reopened": "rouvert",
        "handed_over": "transmis",
        "draft_edited": "remanié",
        "stale": "retenu",
        "refused": "refusé",
        "unsure": "incertain",
    },
    labels={
        "question": "question",
        "complaint": "réclamation",
        "praise": "éloge",
        "purchase": "achat",
        "suggestion": "suggestion",
        "churn": "départ",
        "spam": "indésirable",
        "other": "autre",
        "negative": "négatif",
        "neutral": "neutre",
        "positive": "positif",
        "low": "peu urgent",
        "high": "urgent",
        "crisis": "crise",
        "people report a fraud": "on signale une fraude",
        "an angry complaint": "une réclamation en colère",
    },
    owed="réponse sous {left}",
    not_owed="pas pour nous : rien n’est dû",
    watched="pas pour nous, mais à regarder",
    drafts="{count} brouillons",
    alone="la réponse part seule",
    rule="comme une règle le permet : {name}",
    by="par {actor}",
    no_words="(sans un mot)",
    along="la même réponse vaut ici aussi",
    natively="la marque elle-même, sur {network} : {text}",
    gone="retiré par son auteur : plus rien n’est dû",
    ringing="{who} : {reason} ; `acknowledge {number}` l’arrête",
    still_waits="{who} attend toujours ; `acknowledge {number}` arrête la sonnerie",
    books=(
        "Comptes justes : {addresses} adresses = répondues {answered} + dispensées {exempted}"
        " + supprimées {deleted} + ouvertes {open}"
    ),
    unbalanced="LES COMPTES NE TOMBENT PAS JUSTE : {problems}",
    goodbye="Les données restent dans vigie-demo jusqu’à la prochaine démonstration.",
)


def words_for(environment: Mapping[str, str]) -> Words:
    """French where the locale is, else English. The first of these that is set has the word, as POSIX has it
    (https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html, 8.2)."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return _FR if locale.lower().startswith("fr") else _EN
