"""What may happen on a random day. Each step gets the day, the dice of its own line in the script, and the
process that it befalls; it says in words what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bot.desk import actions_for
from bot.errors import AuthFailed, Conflict, NotPossible, RateLimited, Refused, Retry, Unsure
from bot.models import Author, Kind, Mention, Process, Push, Refusal, Reply
from bot.steps import deliver, digest, listen, sweep, triage
from bot.steps.listen import hear, pushed
from bot.steps.watch import no_wake
from tests.support.day_config import REASONS, TOWNS
from tests.support.house import comment
from tests.support.outside import Town, echo, receipt

if TYPE_CHECKING:
    from tests.support.day import Day, House

PEOPLE: Final = ("claire", "bob", "zoe", "")
STAFF: Final = ("Léa", "Marc", "Nour")
WORDS: Final = (
    "merci",
    "honte",
    "où ?",
    "",
    "météo",
    "merci",
    "honte",
    "où ?",
    "ok",
    "vous",
    "fraude",
    "stop",
)

# --- People ---


def _town(day: Day, dice: Random) -> Town:
    return day.towns[dice.choice(TOWNS)]


def _text(day: Day, dice: Random, number: object) -> str:
    word = dice.choice(WORDS)
    if word == "stop" and dice.random() < 0.2:
        return word
    return f"{word} n° {number}{' poison' * (dice.random() < 0.02)}"


def _message(day: Day, dice: Random, town: Town, number: str) -> Mention:
    by = dice.choice(PEOPLE)
    parent = dice.choice([*town.said, *town.own, *map(_id_of, town.published), ""])
    late = timedelta(minutes=dice.choice((0, 0, 0, 1, 90, 600, -30)))
    return comment(
        number, _text(day, dice, number), by=by, network=town.name,
        author=Author(id=by, name=by.capitalize()), in_reply_to=parent if dice.random() < 0.5 else "",
        addressed=dice.random() < 0.8, kind=Kind.SHARE if dice.random() < 0.05 else Kind.COMMENT,
        posted_at=day.clock() - late,
    )  # fmt: skip


def _id_of(reply: Reply) -> str:
    return receipt(reply).remote_id


def speak(day: Day, dice: Random, house: House) -> str:
    said = list[str]()
    for _ in range(dice.choice((1, 1, 2, 3))):
        town = _town(day, dice)
        message = _message(day, dice, town, day.number())
        town.write(message)
        said.append(f"{message.author.id or 'somebody'} on {town.name}, {message.remote_id}: {message.text}")
    return "; ".join(said)


def edit(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    if not town.said:
        return "nothing stands there"
    before = town.said[dice.choice(list(town.said))]
    raised = before.addressed or dice.random() < 0.3
    town.write(replace(before, text=_text(day, dice, before.remote_id), addressed=raised))
    return f"{before.remote_id} on {town.name}"


def delete(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    if not town.said:
        return "nothing stands there"
    gone = dice.choice(list(town.said))
    day.gone.append((town.name, town.said[gone]))
    town.take_down(gone, silently=town.name == "forum" and dice.random() < 0.5)
    return f"{gone} on {town.name}"


def restore(day: Day, dice: Random, house: House) -> str:
    if not day.gone:
        return "nothing is gone"
    name, mention = day.gone.pop(dice.randrange(len(day.gone)))
    day.towns[name].write(mention)
    return f"{mention.remote_id} on {name}"


def answer_natively(day: Day, dice: Random, house: House) -> str:
    """Somebody answers by hand; or one of our replies is listed, under its id or, by hand again, another."""
    town = _town(day, dice)
    frame = comment("", "", by="brand", network=town.name, own=True, posted_at=day.clock())
    if town.published and dice.random() < 0.5:
        reply = dice.choice(town.published)
        if dice.random() < 0.6:
            town.write(echo(reply, frame))
            return f"{reply.key} is listed on {town.name}"
        text, to = reply.text, reply.mention.remote_id
    elif town.said:
        text, to = "Voyez avec nous", dice.choice(list(town.said))
    else:
        return "nothing stands there"
    town.write(replace(frame, remote_id=f"own-{day.number()}", text=text, in_reply_to=to))
    return f"to {to} on {town.name}"


# --- The watch ---


def _where(day: Day, dice: Random, sql: str) -> Town:
    """Mostly a town where there is something to do."""
    busy = [row["name"] for row in day.books.rows(sql)]
    return day.towns[dice.choice(busy)] if busy and dice.random() < 0.8 else _town(day, dice)


def hear_all(day: Day, dice: Random, house: House) -> str:
    unread = [
        town for name, town in day.towns.items() if (day.books.read.get(name, (0, 0))[0] or 0) < len(town.log)
    ]
    town = dice.choice(unread) if unread and dice.random() < 0.8 else _town(day, dice)
    listen(house.app.watch, no_wake, town.name)
    return town.name


def listening_fails(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    faults = (Retry("503"), RateLimited("429", after=60), AuthFailed("401"), RuntimeError())
    town.polls_raise = [dice.choice(faults)]
    listen(house.app.watch, no_wake, town.name)
    town.polls_raise = []
    return town.name


def loses(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    town.lose()
    return town.name


def push(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    if not town.said:
        return "nothing stands there"
    some = [town.said[one] for one in dice.sample(list(town.said), k=min(2, len(town.said)))]
    gone = tuple(mention.remote_id for name, mention in day.gone[-1:] if name == town.name)
    pushed(house.app.watch, no_wake, town.name, Push(tuple(some), gone))
    day.books.owes(some)
    return f"{[m.remote_id for m in some]} on {town.name}, gone: {list(gone)}"


def imports(day: Day, dice: Random, house: House) -> str:
    town = _town(day, dice)
    old = replace(_message(day, dice, town, day.number()), posted_at=day.clock() - timedelta(days=3))
    hear(house.app.watch, town.name, [old])
    town.said[old.remote_id] = old
    day.books.owes([old])
    return f"{old.remote_id} on {town.name}"


def think(day: Day, dice: Random, house: House) -> str:
    for line in house.lines.values():
        line.refusal = Refusal("comments are closed") if dice.random() < 0.05 else None
    triage(house.app.watch, no_wake)
    return ""


def send(day: Day, dice: Random, house: House) -> str:
    name = _where(day, dice, "SELECT DISTINCT responder AS name FROM replies WHERE state = 'ready'").name
    line = house.lines[name]
    faults = (Retry("503"), RateLimited("429", after=60), AuthFailed("401"), Refused("closed"),
              Unsure("502"), TimeoutError())  # fmt: skip
    line.send_raises = [dice.choice(faults) for _ in range(dice.choice((0, 0, 1, 2)))]
    # Only who does not know may have published.
    doubtful = all(isinstance(e, (Unsure, TimeoutError)) for e in line.send_raises)
    line.stands_all_the_same = doubtful and dice.random() < 0.5
    told = f"{name} {[type(e).__name__ for e in line.send_raises]}"
    deliver(house.app.watch, no_wake, name)
    line.send_raises, line.stands_all_the_same = [], False
    return told


def look_after(day: Day, dice: Random, house: House) -> str:
    for line in house.lines.values():
        line.find_raises = dice.choice((None, None, None, None, Unsure("cannot look"), Retry("503")))
    for bell in house.bells.values():
        bell.raises = dice.choice((None, None, None, Retry("503"), Refused("no such channel")))
    reached = any(bell.raises is None for bell in house.bells.values())
    told = "" if reached else "nobody can be told"
    sweep(house.app.watch, no_wake)
    if reached and not house.fate.met and not day.books.overtaken:
        day.swept(house)
    house.heals()
    return told


def tell(day: Day, dice: Random, house: House) -> str:
    digest(house.app.watch, no_wake)
    return ""


def round_(day: Day, dice: Random, house: House) -> str:
    house.app.once()
    return ""


# --- Time ---


def time_passes(day: Day, dice: Random, house: House) -> str:
    seconds = dice.choice((1, 11, 11, 61, 61, 61, 400, 400, 400, 3600, 3600, 4 * 3600, 26 * 3600))
    day.clock.forward(seconds=seconds)
    return f"{seconds} s"


def clock_is_set_back(day: Day, dice: Random, house: House) -> str:
    seconds = dice.choice((1, 61, 3600, 5 * 3600))
    day.clock.forward(seconds=-seconds)
    return f"{seconds} s"


def clocks_differ(day: Day, dice: Random, house: House) -> str:
    house.skew = timedelta(seconds=dice.choice((0, -2, 2, 5)))
    return f"{house.name}: {house.skew.total_seconds()} s"


def restart(day: Day, dice: Random, house: House) -> str:
    """It ends in good order, and begins anew, perhaps with another config."""
    house.config = dice.randrange(3)
    day.opens(house, ended=True)
    return f"{house.name} with config {house.config}"


# --- Humans ---


def act(day: Day, dice: Random, house: House) -> str:
    """A human at the desk, who mostly presses what fits, and sometimes saw an older version."""
    mentions = day.books.rows(_ON_THE_DESK)
    if not mentions:
        return "nothing is there"
    fitting = dice.random() < 0.85
    waiting = [one for one in mentions if "assign" in actions_for(one)]
    mention = dice.choice(waiting if waiting and fitting else mentions)
    verbs = [verb for action in actions_for(mention) for verb in _VERBS_OF.get(action, (action,))]
    name = dice.choice(verbs if verbs and fitting else VERBS)
    drafts = day.books.rows("SELECT * FROM replies WHERE mention_id = ? ORDER BY id", mention["id"])
    if fitting and (good := [one for one in drafts if one["state"] in _NEEDS.get(name, ())]):
        drafts = good
    draft = dict(dice.choice(drafts)) if drafts else {"id": 999_999, "text": "", "state": ""}
    seen, who = mention["version"] - (dice.random() < 0.05), dice.choice(STAFF)
    told = f"{who}: {name} {mention['id']}"
    try:
        _press(day, dice, house, Pressed(name, mention["id"], draft, seen, who))
    except (Conflict, NotPossible) as refused:
        return f"{told}, refused: {refused}"
    return told


_ON_THE_DESK: Final = (
    "SELECT m.id, m.state, c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
    " ORDER BY m.id DESC LIMIT 20"
)
_VERBS_OF: Final = {
    "handover": ("hand over",), "resolve": ("sent", "again", "discard"), "reopen": ("reopen", "judge"),
    "approve": ("approve", "approve", "approve"), "edit": ("edit", "write", "correct"),
}  # fmt: skip
_NEEDS: Final = {
    "approve": ("draft", "refused"), "edit": ("draft", "refused"), "reject": ("draft",),
    "sent": ("unsure",), "again": ("unsure",), "discard": ("unsure",),
}  # fmt: skip


class Pressed(NamedTuple):
    """What a human does to which mention and reply, having seen which version."""

    name: str
    mention: int
    draft: Mapping[str, Any]
    seen: int
    who: str


def _press(day: Day, dice: Random, house: House, pressed: Pressed) -> None:
    name, number, draft, seen, who = pressed
    desk, reply = house.app.desk, int(draft["id"])
    if name == "approve":
        day.books.approved.setdefault(reply, set()).add(draft["text"])
    link = f"https://blog.example/{number}#r{reply}"
    if name in ("sent", "confirm"):
        day.books.links.add(link)
    stands = any(one.key.startswith(f"vigie-{reply}-") for t in day.towns.values() for one in t.published)
    verbs: dict[str, Callable[[], None]] = {
        "approve": lambda: desk.approve(reply, seen, who),
        "edit": lambda: desk.edit(number, reply, f"Autrement {dice.randrange(9)}", seen, who),
        "write": lambda: desk.edit(number, None, "Bonjour", seen, who),
        "reject": lambda: desk.reject(reply, seen, who),
        "assign": lambda: desk.assign(number, dice.choice((*STAFF, "")), seen, who),
        "exempt": lambda: desk.exempt(number, dice.choice((*REASONS, "")), seen, who),
        "reopen": lambda: desk.reopen(number, seen, who),
        "judge": lambda: desk.judge(number, seen, who, right=dice.random() < 0.5),
        "escalate": lambda: desk.escalate(number, "call", seen, who),
        "hand over": lambda: desk.hand_over(number, dice.choice(list(Process)), seen, who),
        "correct": lambda: desk.correct(number, {"intents": [dice.choice(("spam", "other"))]}, seen, who),
        "acknowledge": lambda: desk.acknowledge(number, who),
        "acknowledge key": lambda: desk.acknowledge_key(dice.choice(day.keys()), who),
        "outcome": lambda: desk.outcome(number, dice.choice(("resolved", "declined")), who),
        "sent": lambda: desk.resolve(reply, "sent", seen, who, link),
        # Nobody says so without having looked: that is what the word is for.
        "again": lambda: None if stands else desk.resolve(reply, "again", seen, who),
        "discard": lambda: desk.resolve(reply, "discard", seen, who),
        "confirm": lambda: desk.confirm(number, link, seen, who),
        "note": lambda: desk.note(number, "Rappelée.", who),
    }  # fmt: skip
    verbs[name]()


VERBS: Final = (
    "approve", "approve", "approve", "approve", "edit", "write", "reject", "assign", "exempt", "reopen",
    "judge", "escalate", "hand over", "correct", "acknowledge", "acknowledge key", "outcome", "sent", "again",
    "discard", "confirm",
)  # fmt: skip


class Step(NamedTuple):
    """A step, how often it comes, and whether a process does it, which may die over it or be overtaken."""

    act: Callable[[Day, Random, House], str]
    weight: int
    by_process: bool = True


STEPS: Final = {
    "speak": Step(speak, 12, by_process=False),
    "edit": Step(edit, 3, by_process=False),
    "delete": Step(delete, 3, by_process=False),
    "restore": Step(restore, 1, by_process=False),
    "native": Step(answer_natively, 4, by_process=False),
    "listen": Step(hear_all, 14),
    "listening_fails": Step(listening_fails, 2),
    "loses": Step(loses, 1, by_process=False),
    "push": Step(push, 3),
    "import": Step(imports, 1),
    "triage": Step(think, 12),
    "deliver": Step(send, 14),
    "sweep": Step(look_after, 10),
    "digest": Step(tell, 2),
    "round": Step(round_, 1),
    "time": Step(time_passes, 10, by_process=False),
    "back": Step(clock_is_set_back, 2, by_process=False),
    "skew": Step(clocks_differ, 1, by_process=False),
    "restart": Step(restart, 1, by_process=False),
    "desk": Step(act, 28),
}
