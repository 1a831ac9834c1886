"""The states of `bot.models`, as SQL asks for them."""

from __future__ import annotations

from typing import Final

from bot.models import OPEN_STATES

# What may still be owed an answer: the list behind IN.
OPEN: Final = "(" + ", ".join(f"'{state}'" for state in sorted(OPEN_STATES)) + ")"
