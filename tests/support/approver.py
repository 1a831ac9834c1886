"""A community manager who approves the first draft of everything that waits, from a process of her own.

    python -m tests.support.approver CONFIG

Ends when its standard input is closed. Conflicts are what two who act at once get: she looks again.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from bot.config import load
from bot.desk import Desk
from bot.errors import VigieError
from bot.store import open_store, utcnow, views


def main() -> None:
    settings = load(Path(sys.argv[1]))
    store = open_store(settings.root.store)
    desk = Desk(store, settings, utcnow)
    ended = threading.Event()

    def until_closed() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_closed, daemon=True).start()
    while not ended.is_set():
        with store.read() as tx:
            waiting = views.inbox(tx, 100)
            drafts = {
                row["id"]: [r for r in views.replies_of(tx, row["id"]) if r["state"] == "draft"]
                for row in waiting
            }
        for row in waiting:
            if drafts[row["id"]]:
                try:
                    desk.approve(drafts[row["id"]][0]["id"], row["version"], "Léa")
                except VigieError:
                    continue
        time.sleep(0.05)


if __name__ == "__main__":
    main()
