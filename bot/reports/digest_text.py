"""The digest in words: its figures as a calm text, in French or English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from bot.reports.digest import Figures


def render(found: Figures, brand: str, language: str) -> tuple[str, str]:
    """The subject, which is one line, and the text. French, or English for every other language."""
    words = _FR if language == "fr" else _EN
    days = words.day(found.last)
    if found.first < found.last:
        days = f"{words.day(found.first)} – {days}"
    subject = words["subject"].format(brand=brand, days=days, **_numbers(found))
    parts = (_heard(found, words), _now(found, words), _rest(found, words))
    return subject, "\n\n".join("\n".join(lines) for lines in parts) + "\n"


class _Words(dict[str, str]):
    """Phrases in one language."""

    def day(self, day: date) -> str:
        weekday, month = self["days"].split()[day.weekday()], self["months"].split()[day.month - 1]
        return f"{weekday} {day.day} {month} {day.year}"

    def length(self, ms: int) -> str:
        """In its two largest units."""
        minutes = ms // 60_000
        days, hours = divmod(minutes // 60, 24)
        if days:
            return f"{days} {self['d']} {hours} h"
        return f"{hours} h {minutes % 60:02} min" if hours else f"{minutes} min"

    def percent(self, rate: float | None) -> str:
        return "–" if rate is None else f"{100 * rate:.1f} %".replace(".", self["point"])

    def money(self, amount: float) -> str:
        return f"{amount:.2f}".replace(".", self["point"])


_EN: Final = _Words(
    days="Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    months="January February March April May June July August September October November December",
    d="d", point=".",
    subject="{brand}, {days}: {addresses} addresses, {answered} answered, {overdue} overdue",
    heard="Addresses: {addresses} = {answered} answered + {exempted} exempted + {deleted} deleted by author"
    " + {open} open",
    rate="Answer rate: {all} of all, {after} after exemptions",
    waited="Answers given: {answers}. Half of these people waited less than {median}, nine in ten less than"
    " {p90}",
    none_given="Answers given: none",
    nobody_open="Now open: nobody",
    open_now="Now open: {number} ({parts})",
    nobody_overdue="Overdue: nobody",
    overdue="Overdue: {overdue}, the longest for {longest}",
    ringing="Alarms that nobody has acknowledged: {ringing}",
    unsure="Replies of which nobody knows whether they stand there: {unsure}",
    exempted="Closed without an answer: {parts}; by a rule: {by_rule}",
    sample="Closed by rules, looked at by a human: {looked_at}, wrong: {wrong}; still to look at: {waiting}"
    " (vigie sample)",
    heard_all="Listening: every source was heard",
    outage="Not heard: {listener}, for {length} in all ({times}×)",
    goes_on="; it still cannot be heard",
    gap="Gap: what was posted on {listener} in {length} until {end} can no longer be heard",
    spent="Spent: {account}, {amount} US dollars",
)  # fmt: skip
_FR: Final = _Words(
    days="lundi mardi mercredi jeudi vendredi samedi dimanche",
    months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    d="j", point=",",
    subject="{brand}, {days} : adresses {addresses}, répondues {answered}, en retard {overdue}",
    heard="Adresses : {addresses} = répondues {answered} + dispensées {exempted} + supprimées par leur auteur"
    " {deleted} + ouvertes {open}",
    rate="Taux de réponse : {all} de toutes, {after} hors dispenses",
    waited="Réponses données : {answers}. La moitié de ces personnes a attendu moins de {median}, neuf sur"
    " dix moins de {p90}",
    none_given="Réponses données : aucune",
    nobody_open="Ouvertes à cette heure : aucune",
    open_now="Ouvertes à cette heure : {number} ({parts})",
    nobody_overdue="En retard : personne",
    overdue="En retard : {overdue}, la plus ancienne de {longest}",
    ringing="Alertes dont personne n’a accusé réception : {ringing}",
    unsure="Réponses dont nul ne sait si elles ont paru : {unsure}",
    exempted="Closes sans réponse : {parts} ; par une règle : {by_rule}",
    sample="Closes par une règle, revues par un humain : {looked_at}, à tort : {wrong} ; encore à revoir :"
    " {waiting} (vigie sample)",
    heard_all="Écoute : toutes les sources ont été entendues",
    outage="Non entendue : {listener}, pendant {length} en tout ({times}×)",
    goes_on=" ; elle ne l’est toujours pas",
    gap="Lacune : ce qui a paru sur {listener} en {length} jusqu’au {end} ne peut plus être entendu",
    spent="Dépensé : {account}, {amount} dollars US",
)  # fmt: skip


def _numbers(found: Figures) -> dict[str, int]:
    counts = ("addresses", "answered", "exempted", "deleted", "open", "answers", "overdue", "ringing",
              "unsure")  # fmt: skip
    return {name: getattr(found, name) for name in counts}


def _heard(found: Figures, words: _Words) -> list[str]:
    numbers, rate = _numbers(found), found.answer_rate
    lines = [
        words["heard"].format(**numbers),
        words["rate"].format(all=words.percent(rate["all"]), after=words.percent(rate["after_exemptions"])),
    ]
    if found.median is None or found.p90 is None:
        return [*lines, words["none_given"]]
    waited = {"median": words.length(found.median), "p90": words.length(found.p90)}
    return [*lines, words["waited"].format(**numbers, **waited)]


def _now(found: Figures, words: _Words) -> list[str]:
    numbers, total = _numbers(found), sum(found.open_now.values())
    lines = [words["open_now"].format(number=total, parts=_parts(found.open_now)) if total else
             words["nobody_open"]]  # fmt: skip
    longest = words.length(found.longest_overdue)
    lines.append(words["overdue" if found.overdue else "nobody_overdue"].format(**numbers, longest=longest))
    return lines + [words[name].format(**numbers) for name in ("ringing", "unsure") if numbers[name]]


def _rest(found: Figures, words: _Words) -> list[str]:
    lines = list[str]()
    if found.exemptions:
        parts = _parts(found.exemptions)
        lines.append(words["exempted"].format(parts=parts, by_rule=found.by_rule))
    if any(found.sample.values()):
        lines.append(words["sample"].format(**found.sample))
    for one in found.outages:
        line = words["outage"].format(listener=one.listener, length=words.length(one.length), times=one.times)
        lines.append(line + words["goes_on"] * one.goes_on)
    for gap in found.gaps:
        end = f"{datetime.fromtimestamp(gap.end / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(
            words["gap"].format(listener=gap.listener, length=words.length(gap.end - gap.start), end=end)
        )
    if not found.outages and not found.gaps:
        lines.append(words["heard_all"])
    return lines + [
        words["spent"].format(account=account, amount=words.money(amount))
        for account, amount in found.spent.items()
    ]


def _parts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())
