"""Every error that crosses a door. The type carries the decision: come back, ask a human, or stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something to be told to people in their language: an English text with ``%(name)s`` in it, and values:
    plain ones, codes (a ``StrEnum``), aware instants, or sentences again. ``str`` is the English."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.values:
            return self.text
        return self.text % {name: _shown(value) for name, value in self.values.items()}


def _shown(value: object) -> object:
    # Times are those of this machine's time zone.
    return f"{value.astimezone():%H:%M:%S}" if isinstance(value, datetime) else value


class VigieError(Exception):
    """The root: its text is meant for people and never holds a secret. It is a sentence (`text`, `values`)
    where people see it in their own language; ``str`` is the English."""

    def __init__(self, text: str = "", **values: object) -> None:
        self.text, self.values = text, values
        super().__init__(str(Sentence(text, values)))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a config file: where, what, and what would be right."""

    file: str
    line: int
    path: str
    wrong: str
    mend: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: {self.path}: " if self.path else f"{self.file}:{self.line}: "
        return where + self.wrong + (f"; {self.mend}" if self.mend else "")


class ConfigError(VigieError):
    """The config cannot be used. `faults` lists everything that is wrong with it, in file order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


class Conflict(VigieError):
    """Somebody was first: what the human saw is no longer so. The text says who, when and what."""


class NotPossible(VigieError):
    """The verb does not fit where the mention or the draft stands, or it names nothing that exists."""


class NotAllowed(NotPossible):
    """The role of whoever acts does not allow the verb."""


class StoreUnavailable(VigieError):
    """The store cannot be written just now (disk full, locked by another program). Nothing was lost:
    what was asked did not happen and may be asked again."""


# --- What listeners and responders raise ---------------------------------------------------------


class ServiceError(VigieError):
    """The root of all that an outside service does to us."""


class Retry(ServiceError):
    """It surely did not happen and may be tried again, after `after` seconds if the service said so."""

    def __init__(self, message: str, after: float | None = None) -> None:
        self.after = after
        super().__init__(message)


class RateLimited(Retry):
    """The service asked us to stay away for `after` seconds. Counts as no attempt."""


class AuthFailed(ServiceError):
    """Our credentials are no longer good: stop that account and tell a human, once."""


class Refused(ServiceError):
    """The service will never take this as it is: a human must see why."""


class Unsure(ServiceError):
    """It may have happened: never repeated blindly (promise 5)."""
