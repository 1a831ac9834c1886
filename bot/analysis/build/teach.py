"""Fine-tune the teachers and label texts with them.

MiniLM learns the mood of English tweets; multilingual-e5-small learns it in six languages and then, on the
corpus, everything that Vigie tags. Both label all texts at hand, and e5 also pieces of them put together
anew: a student learns more from many texts that its teacher labelled than from few that people did
(TinyBERT, https://arxiv.org/abs/1909.10351).
"""
# ruff: noqa: S311  (chance here makes training texts, not secrets)

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot.analysis import sources
from bot.analysis.build.bert import Bert, Encode, F, e5, minilm, nn, padded, torch, vectors
from bot.analysis.examples import Example
from bot.analysis.fit import mood_targets, task_targets
from bot.analysis.heads import NEEDS, SPEAKS, TASK_OUTPUTS, URGENCY
from bot.analysis.table import Floats

SINGLE: Final = [*range(8), NEEDS, SPEAKS]  # outputs that hold or not by themselves
_URL: Final = re.compile(r"https?://\S+|www\.\S+|\bhttp\b")
_CLAUSE: Final = re.compile(r"(?<=[.!?;,:…])\s+|\s+(?=(?:mais|et|but|and|because|parce|car|so|donc)\b)")
Say = Callable[[str], None]


@dataclass
class Teacher:
    """An encoder with two heads: moods, and the tasks of `bot.analysis.heads`."""

    body: Bert
    encode: Encode
    mood: Any
    task: Any

    @classmethod
    def of(cls, parts: tuple[Bert, Encode]) -> Teacher:
        """A teacher that knows nothing yet, on an encoder."""
        return cls(*parts, nn.Linear(384, 3), nn.Linear(384, TASK_OUTPUTS))

    def logits(self, ids: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """For token ids: (texts, 3) and (texts, TASK_OUTPUTS)."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            seen = self.body(*padded(ids))
        return self.mood(seen.float()), self.task(seen.float())

    def label(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Logits for `texts`, as numpy arrays."""
        seen = torch.from_numpy(vectors(self.body, self.encode, [said(text) for text in texts]))
        with torch.no_grad():
            return self.mood(seen).numpy(), self.task(seen).numpy()


def said(text: str) -> str:
    """`text` as the teachers see it: links and handles as one word each."""
    text = re.sub(r"@\w+", "@user", _URL.sub("http", text))
    return " ".join(text.split()) or "."


def teach(
    teacher: Teacher, examples: Sequence[Example], epochs: int, rate: float, batch: int, say: Say
) -> None:
    """Fine-tune all of `teacher` but its word embeddings (AdamW, 6 % warm-up, then down in a line)."""
    ids = teacher.encode([said(one.text) for one in examples])
    moods = torch.tensor([one.mood or (float("nan"),) * 3 for one in examples])
    tasks = torch.from_numpy(task_targets(examples).wanted)
    weights = torch.from_numpy(_weights(examples))
    heads = [*teacher.mood.parameters(), *teacher.task.parameters()]
    body = [p for p in teacher.body.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": body}, {"params": heads}], weight_decay=0.01, fused=True)
    steps, step = epochs * -(-len(ids) // batch), 0
    teacher.body.train()
    for epoch in range(epochs):
        for rows in _batches(ids, batch):
            share = min(step / (0.06 * steps), 1 - step / steps)
            for group, top in zip(optimizer.param_groups, (rate, 1.5e-3), strict=True):
                group["lr"] = top * max(share, 1e-3)
            mood, task = teacher.logits([ids[i] for i in rows])
            loss = mood_loss(mood, moods[rows], weights[rows]) + 4 * task_loss(
                task, tasks[rows], weights[rows]
            )
            loss.backward()
            nn.utils.clip_grad_norm_([*body, *heads], 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
        say(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}")


def _weights(examples: Sequence[Example]) -> Floats:
    """Moods as heavy as one another within a language."""
    weights = np.array([one.weight for one in examples], dtype=np.float32)
    rows = [i for i, one in enumerate(examples) if one.mood is not None]
    weights[rows] = mood_targets([examples[i] for i in rows]).weights
    return weights


def mood_loss(logits: Any, wanted: Any, weights: Any) -> Any:
    """Cross entropy with probabilities; rows of NaN count for nothing."""
    known = ~torch.isnan(wanted[:, 0])
    every = (torch.nan_to_num(wanted) * F.log_softmax(logits, 1)).sum(1)
    return -(every * weights * known).sum() / len(known)


def task_loss(logits: Any, wanted: Any, weights: Any) -> Any:
    """Cross entropy of each single output and of urgency; NaN counts for nothing."""
    single = wanted[:, SINGLE]
    known = ~torch.isnan(single)
    each = F.binary_cross_entropy_with_logits(logits[:, SINGLE], torch.nan_to_num(single), reduction="none")
    pressing = mood_loss(logits[:, URGENCY], wanted[:, URGENCY], weights)
    return (each * known * weights[:, None]).mean() + 0.25 * pressing


def _batches(ids: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Rows of like length together, in random order."""
    order = random.sample(range(len(ids)), len(ids))
    pools = [
        sorted(order[i : i + 40 * size], key=lambda j: len(ids[j])) for i in range(0, len(order), 40 * size)
    ]
    batches = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
    random.shuffle(batches)
    yield from batches


def english(data: Path, package: Path, say: Say) -> Teacher:
    """MiniLM, taught the mood of English tweets and reviews."""
    teacher = Teacher.of(minilm(package))
    short = [one for one in sources.reviews(data, "en") if len(one.text) < 250]
    teach(teacher, [*sources.tweets(data, "en"), *_moods(short)], 2, 8e-5, 48, say)
    return teacher


def both(data: Path, file: Path, corpus: Sequence[Example], say: Say) -> Teacher:
    """multilingual-e5-small, taught moods in six languages, then all of the corpus's labels."""
    teacher = Teacher.of(e5(file))
    tweets = {lang: sources.tweets(data, lang) for lang in sources.TWEETS}
    romance = [one for lang in ("fr", "es", "it", "pt") for one in tweets[lang]]
    short = [
        one for lang in ("fr", "en") for one in sources.reviews(data, lang)[:4000] if len(one.text) < 250
    ]
    few = random.sample(tweets["en"], 6000)
    teach(teacher, [*romance, *tweets["de"][:600], *few[:2000], *_moods(short[:1500])], 3, 6e-5, 48, say)
    again = [*random.sample(tweets["fr"], 800), *few[:800], *random.sample(short, 1200)]
    rest = [*random.sample(sources.messages(data), 250), *random.sample(sources.requests(data), 200)]
    teach(teacher, [*corpus, *again, *rest], 3, 5e-5, 32, say)
    return teacher


def _moods(examples: Sequence[Example]) -> list[Example]:
    return [Example(one.text, one.lang, one.mood, weight=one.weight) for one in examples]


def pieces(examples: Sequence[Example], each: int) -> list[tuple[str, str]]:
    """New texts (and their language) from old: a clause left out, clauses of two texts put together, words
    left out. `each`: how many from every text."""
    pool = {lang: [_clauses(one.text) for one in examples if one.lang == lang] for lang in ("fr", "en")}
    made = {_piece(one.text, pool.get(one.lang) or [[""]]): one.lang for one in examples for _ in range(each)}
    return [(text, lang) for text, lang in made.items() if len(text) > 3]


def _clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(text) if clause.strip()] or [text]


def _piece(text: str, pool: Sequence[list[str]]) -> str:
    clauses, dice = _clauses(text), random.random()
    if dice < 0.3 and len(clauses) > 1:
        clauses.pop(random.randrange(len(clauses)))
        return " ".join(clauses)
    if dice < 0.65:
        return f"{random.choice(clauses)} {random.choice(random.choice(pool))}".strip()
    if dice < 0.85:
        return " ".join(word for word in text.split() if random.random() > 0.18) or text
    return random.choice(clauses)
