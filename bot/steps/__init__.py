"""What the watch does again and again: listen, triage, deliver, sweep, webhooks, and once a day the digest.

Each step claims rows, does one thing and writes rows. It takes what it needs as a `Watch`, a `wake` that
says "look at key K", and a key; it reads the state anew and may run twice. No network is named here, and
no call to one is made inside a transaction.
"""

from bot.steps.deliver import deliver
from bot.steps.digest import digest
from bot.steps.listen import listen
from bot.steps.sweep import sweep
from bot.steps.triage import triage
from bot.steps.watch import Wake, Watch
from bot.steps.webhooks import webhooks

__all__ = ["Wake", "Watch", "deliver", "digest", "listen", "sweep", "triage", "webhooks"]
