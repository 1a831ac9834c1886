"""Whether a request to X was signed with the sandbox's keys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final
from urllib.parse import urlsplit

from bot.sandbox.wire import Request

# Known to everybody: they open nothing but this sandbox.
CONSUMER_KEY: Final = "sandbox-key"
CONSUMER_SECRET: Final = "sandbox-secret"  # noqa: S105
ACCESS_TOKEN: Final = "sandbox-token"  # noqa: S105
ACCESS_SECRET: Final = "sandbox-token-secret"  # noqa: S105
# The client signs before it is redirected, so the signature is over the address that it meant.
_SIGNED_HOST: Final = "https://api.twitter.com"


def signed(request: Request) -> bool:
    """Is this OAuth 1.0a with the sandbox's keys, and does the signature fit? RFC 5849, section 3."""
    from oauthlib.oauth1.rfc5849 import signature  # type: ignore[import-untyped]

    target = urlsplit(request.target)
    try:
        sent = signature.collect_parameters(
            uri_query=target.query,
            headers={"Authorization": request.headers.get("authorization", "")},
            exclude_oauth_signature=False,
        )
    except ValueError:
        return False
    given = dict(sent)
    if (given.get("oauth_consumer_key"), given.get("oauth_token")) != (CONSUMER_KEY, ACCESS_TOKEN):
        return False
    claim = SimpleNamespace(
        http_method=request.method,
        uri=_SIGNED_HOST + target.path,
        params=[pair for pair in sent if pair[0] != "oauth_signature"],
        signature=given.get("oauth_signature", ""),
    )
    return bool(signature.verify_hmac_sha1(claim, CONSUMER_SECRET, ACCESS_SECRET))
