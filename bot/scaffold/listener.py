"""FILL IN: what is listened to on Sample, and where its interface is documented.

Say here also what Sample does not tell, and up to when a poll is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.http import check_address
from bot.models import Batch

# Import the SDK, and httpx, in the methods that need them, so that `vigie --help` stays quick.
# Of the house, use bot.models, bot.errors, bot.http, bot.jsonl, bot.meter, accounts.* and files
# of this folder, and nothing else. Without an SDK: `with client() as http: answer = ask(http,
# "GET", url, end=..., most=..., params=..., headers=...)` from bot.http has an end in time and
# size, and raises Retry or RateLimited by itself.


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    # The keys of an entry under `listeners:` and of its `account:`. Each has a description;
    # what ends in password, secret, token or key is a SecretStr. FILL IN: the keys that you
    # need.
    url: str = Field(description="The address of Sample's interface.")
    token: SecretStr = Field(description="The brand's access token.")
    network: str = Field(default="sample", min_length=1, description="The name it goes by.")
    timeout: float = Field(default=20, gt=0, le=30, description="Seconds that one poll may take.")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url, allow_http=False)  # credentials travel over https, or stay on this machine
        return url


class SampleListener:
    """Reads one account of Sample."""

    # Building does no I/O: no request, no file, no environment. The time comes in by `clock`,
    # for the tests.
    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """Everything since `cursor`, which is a text of your own making; `None` at the very first poll.

        Raises:
            Retry, RateLimited: Sample is out of order or asks us to wait.
            AuthFailed: the token is no longer good. It stops the account: only for that.
        """
        # FILL IN. Take the time before you ask: what is posted meanwhile is of the next poll.
        # 1. Each message becomes a Mention, and none is left out because a field is missing.
        #    remote_id is the network's own id; `in_reply_to` and `conversation` where it has
        #    them.
        #    - addressed=True where Sample itself says that the person spoke to the brand (a
        #      mention of the account, a reply to its post, a comment on its page, a message):
        #      then an answer is owed.
        #    - own=True for what the brand itself wrote: never a case, and a native answer if
        #      in_reply_to is set.
        #    - kind=Kind.SHARE for bare reposts and likes: they are owed nothing.
        #    - posted_at is aware, and what Sample says; text is plain text: no markup, links
        #      kept.
        # 2. Batch(mentions, cursor, complete_to): everything posted before complete_to was
        #    brought now or earlier. With more pages to come it is the last message's posted_at,
        #    and never more than the time you took.
        # 3. complete_from, at the first poll, from when on that holds; later only where Sample
        #    no longer shows what lies between two polls: it is recorded as a gap. `deleted`:
        #    ids that their authors took down.
        # 4. Bringing a message twice is fine, and an edited one must come again: overlap rather
        #    than miss.
        # 5. An error's text is for people, and holds no token and nobody's words.
        raise NotImplementedError
