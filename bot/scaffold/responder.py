"""FILL IN: how answers go out on Sample, and where its interface is documented.

Say here what Sample knows against answers that stand twice: a key of ours, a refusal of what it
has already, or neither.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.http import check_address
from bot.models import Limits, Mention, Receipt, Refusal, Reply

# Without an SDK: `tell` of bot.http for what must not happen twice, `ask` for what only reads.
# With one: switch off each of its automatic retries of a POST; those built on requests go
# through accounts/sdk.py.


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    # Which keys both directions have, an entry under `accounts:` gives them once. FILL IN: the
    # keys that you need.
    url: str = Field(description="The address of Sample's interface.")
    token: SecretStr = Field(description="The brand's access token, with the right to write.")
    timeout: float = Field(
        default=20, gt=0, le=30, description="Seconds that sending one reply may take in all."
    )

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url, allow_http=False)  # credentials travel over https, or stay on this machine
        return url


class SampleResponder:
    """Answers as one account of Sample."""

    # FILL IN. As Sample counts: drafts are fitted to it, and people see it while they write.
    limits = Limits(maximum=500)

    def __init__(self, config: Config) -> None:
        self.config = config  # and no I/O

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Whether Sample would take an answer to `mention`; asked before anything is drafted.

        Raises:
            ServiceError: Sample could not be asked; then a draft is made all the same.
        """
        # FILL IN. Closed, gone, blocked, too old: Refusal("why, in words for people"). `None`
        # means yes.
        raise NotImplementedError

    def send(self, reply: Reply) -> Receipt:
        """Publish `reply.text`, exactly as it is, as the answer to `reply.mention`: once or not at all.

        Raises:
            Retry, RateLimited: it surely was not published: there was no connection, or it says so.
            Refused: it never will be, as it is: too long, closed, gone.
            AuthFailed: the token is no longer good, and it was not published.
            Unsure: nobody knows: no answer, half an answer, a 5xx, a success without an id.
        """
        # FILL IN. The error is the decision (docs/adr/0003-unsure.md); in doubt it is Unsure.
        # Send `reply.key` along if Sample takes a key: it is the same for each attempt at one
        # reply.
        raise NotImplementedError

    def find(self, reply: Reply) -> Receipt | None:
        """Whether an earlier attempt got through; `None` means surely not, and that it may be sent again.

        Raises:
            Unsure: Sample offers no way to look, or did not show everything: a human must look.
            ServiceError: it could not be asked now; we are called again later.
        """
        # FILL IN. Look below the mention, and among the brand's own, for a message of ours with
        # these words. Not one that was there before `reply.created_at`.
        raise NotImplementedError
