"""What the tagger says of real-sounding texts, and that no text breaks it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.analysis
from bot.analysis import Tagger
from bot.models import INTENTS, SENTIMENTS, URGENCIES, Analysis

TAGGER = Tagger(
    brand=["Orvale", "@OrvaleFR"],
    aspects={"card": ["carte", "CB", "card"], "app": ["appli", "application", "app"]},
)


def tag(text: str, lang: str = "") -> Analysis:
    return TAGGER.tag([(text, lang)])[0]


ZALGO = "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L"
BAD = {
    "empty": "",
    "blank": " \n\t\u00a0\u200b ",
    "an emoji": "😀",
    "signs": "?!…::",
    "NUL": "my card\x00 is blocked\x00",
    "a lone high surrogate": "bonjour \ud83d merci",
    "a lone low surrogate": "\ude00",
    "two lone surrogates that look like a pair": "\ud83d\ude00",
    "right to left": "مرحبا، بطاقتي لا تعمل منذ أمس",
    "direction overrides": "\u202emerci\u202c \u2066hello\u2069",
    "zalgo": ZALGO,
    "HTML": "<p>Bonjour,<br>ma <b>carte</b> &amp; mon compte</p><script>alert(1)</script>",
    "HTML that never ends": "<" * 5000,
    "Cyrillic": "Здравствуйте, моя карта не работает",
    "Chinese": "我的卡被封锁了，请帮助我",
    "Devanagari": "मेरा कार्ड ब्लॉक हो गया है",
    "Thai": "บัตรของฉันถูกบล็อก",
    "one letter 100,000 times": "a" * 100_000,
    "100 kB of words": "la banque ne répond jamais " * 4_000,
    "100 kB of digits": "0612345678 " * 9_000,
    "100 kB of at signs": "@" * 100_000,
    "100 kB of question marks": "?" * 100_000,
    "control signs": "".join(map(chr, range(32))),
    "the last code point": "\U0010ffff" * 10,
    "a template": "{{ 7 * 7 }} {% for x in y %}",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_no_text_breaks_the_tagger(text: str) -> None:
    found = tag(text)
    assert found.sentiment in SENTIMENTS
    assert found.intent in INTENTS
    assert found.urgency in URGENCIES
    assert sum(found.scores.values()) == pytest.approx(1, abs=0.01)
    assert all(0 <= span.start < span.end <= len(text) for span in (*found.personal_data, *found.aspects))


@pytest.mark.parametrize("name", ["right to left", "Cyrillic", "Chinese", "Devanagari", "Thai", "empty"])
def test_a_script_it_never_learned_gets_low_confidence(name: str) -> None:
    found = tag(BAD[name])
    assert max(found.scores.values()) < 0.7
    assert found.intent == "other"
    assert found.needs_answer


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_bad_text_takes_no_longer_than_a_second(text: str) -> None:
    tag(text)  # what is loaded once is loaded
    began = time.process_time()
    tag(text)
    assert time.process_time() - began < 1


def test_many_texts_are_tagged_in_one_thread() -> None:
    """Two would take twice the time of two processors and be no quicker."""
    texts = [(f"Bonjour, ma carte numéro {n} est bloquée depuis hier, que faire ?", "fr") for n in range(800)]
    TAGGER.tag(texts[:100])
    wall, cpu = time.monotonic(), time.process_time()
    TAGGER.tag(texts)
    assert time.process_time() - cpu < 1.3 * (time.monotonic() - wall)


@settings(max_examples=150)
@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_at_all_gets_a_tag(text: str) -> None:
    assert tag(text).sentiment in SENTIMENTS


@settings(max_examples=50)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_a_text_is_tagged_the_same_alone_and_among_others(texts: list[str]) -> None:
    together = TAGGER.tag([(text, "") for text in texts])
    assert [one.sentiment for one in together] == [tag(text).sentiment for text in texts]
    assert [one.intents for one in together] == [tag(text).intents for text in texts]


def test_order_is_kept_over_several_batches() -> None:
    texts = [("merci beaucoup, vous êtes géniaux", "fr"), ("this is awful, worst bank ever", "en")] * 900
    found = [one.sentiment for one in TAGGER.tag(texts)]
    assert found == ["positive", "negative"] * 900


def test_no_texts_give_no_tags() -> None:
    assert TAGGER.tag([]) == []


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("I love this app, best bank I've ever had", "positive"),
        ("J'adore cette appli, franchement bravo à l'équipe", "positive"),
        ("Merci pour votre réactivité, problème réglé en 5 minutes, au top", "positive"),
        ("Absolutely terrible service, worst company ever", "negative"),
        ("Service client déplorable, c'est une honte", "negative"),
        ("3 semaines de retard et personne ne répond, vous êtes nuls", "negative"),
        ("my train is cancelled AGAIN, this is a joke", "negative"),
        ("What time does the branch open on Saturday?", "neutral"),
        ("Bonjour, à quelle heure ouvre l'agence samedi ?", "neutral"),
    ],
)
def test_the_mood_is_as_a_reader_would_say(text: str, sentiment: str) -> None:
    assert tag(text).sentiment == sentiment


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("how do I change my PIN?", "question"),
        ("Comment je fais pour changer mon code secret ?", "question"),
        ("still no refund after 3 weeks and nobody answers, this is a disgrace", "complaint"),
        ("Toujours pas remboursé après 3 semaines, c'est inadmissible", "complaint"),
        ("Thank you so much, your team in Leeds was brilliant", "praise"),
        ("Un grand merci à la conseillère, elle a été formidable", "praise"),
        ("Ce serait bien d'ajouter un mode sombre dans l'appli", "suggestion"),
        ("it would be great if you could add a dark mode to the app", "suggestion"),
        ("J'en ai marre, je résilie mon contrat et je pars à la concurrence", "churn"),
    ],
)
def test_the_leading_intent_is_as_a_reader_would_say(text: str, intent: str) -> None:
    assert tag(text).intent == intent


@pytest.mark.parametrize("text", ["Merci !", "thanks 🙏", "😀", "👍👍", "mdr"])
def test_what_needs_no_answer_is_said_so(text: str) -> None:
    assert not tag(text).needs_answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "merci mais ça ne marche toujours pas",
        "thanks for nothing",
        "quand est-ce que ça rouvre ?",
        "😡",
        "?",
        "help",
    ],
)
def test_whoever_may_want_something_needs_an_answer(text: str) -> None:
    assert tag(text).needs_answer


@pytest.mark.parametrize(
    "text",
    [
        "My card was stolen and someone is emptying my account right now!!!",
        "Au secours, on est en train de vider mon compte, bloquez ma carte !!",
    ],
)
def test_fraud_in_progress_is_pressing(text: str) -> None:
    assert tag(text).urgency in {"high", "crisis"}


@pytest.mark.parametrize(
    ("text", "given", "lang"),
    [
        ("Merci", "fr", "fr"),
        ("ok", "en-GB", "en"),
        ("Bonjour, je n'arrive plus à me connecter depuis ce matin", "", "fr"),
        ("My parcel never arrived and nobody picks up the phone", "", "en"),
        ("Mi tarjeta no funciona desde ayer y nadie me contesta", "", "es"),
        ("Meine Karte funktioniert seit gestern nicht mehr", "", "de"),
        ("Здравствуйте, моя карта не работает", "", "ru"),
        ("xkcd zzz", "", "unknown"),
        ("", "", "unknown"),
        ("😀😀", "und", "unknown"),
        ("@OrvaleFR https://example.org/bonjour-je-suis-la", "", "unknown"),
    ],
)
def test_the_network_knows_the_language_best_and_a_guess_needs_enough_text(
    text: str, given: str, lang: str
) -> None:
    assert tag(text, given).lang == lang


def test_aspects_are_found_whatever_their_case_and_accents_and_number() -> None:
    text = "Mes CARTES sont bloquées et l'Appli plante"
    assert [(a.kind, text[a.start : a.end]) for a in tag(text).aspects] == [
        ("card", "CARTES"),
        ("app", "Appli"),
    ]


def test_an_aspect_is_no_part_of_another_word() -> None:
    assert tag("une pancarte et un appliqué").aspects == ()


def test_why_names_words_of_the_text_strongest_first() -> None:
    text = "The new branch is near the station and your service is awful"
    why = TAGGER.tag([(text, "en")], why=True)[0].why
    assert why[0] == "awful"
    assert all(word in text for word in why)


def test_why_is_not_asked_for_and_not_given() -> None:
    assert tag("I love it").why == ()


def test_threads_take_turns() -> None:
    texts = [("J'adore, merci beaucoup", "fr"), ("this is terrible", "en")] * 40
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append([one.sentiment for one in TAGGER.tag(texts)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["positive", "negative"] * 40] * 4


def test_the_same_text_gets_the_same_scores_in_another_process() -> None:
    code = "from bot.analysis import Tagger; print(Tagger().tag([('Merci mais non', 'fr')])[0].scores)"
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_importing_the_package_does_not_import_spacy() -> None:
    code = "import sys, bot.analysis; print('spacy' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_model_files_weigh_less_than_15_mb() -> None:
    folder = Path(bot.analysis.__file__).parent / "model"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 15_000_000
