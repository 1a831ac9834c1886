"""From where a request comes."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.visit import Web


def address(request: Request) -> str:
    """The client's address. A proxy is believed only where one is declared (``web.behind_tls``), and only
    what it added itself, which is the last: what stands before that the client may have written.

    Of IPv6 the network of 64 bits, since one machine has all addresses of it.
    """
    web: Web = request.app.state.web
    found = peer(request)
    if web.secure and (forwarded := request.headers.getlist("x-forwarded-for")):
        found = forwarded[-1].rpartition(",")[2].strip()
    try:
        known = ip_address(found.strip("[]"))
    except ValueError:
        return ""
    if isinstance(known, IPv6Address):
        mapped = known.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Address(int(known) >> 64 << 64))
    return str(known)


def peer(request: Request) -> str:
    """Who is at the other end of the wire, be it a proxy."""
    return request.client.host if request.client else ""
