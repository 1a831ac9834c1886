"""Both files against the real guestbook: heard, answered, and not twice. The journey puts it beside the
contract tests of its copy."""

from __future__ import annotations

from typing import Any

import pytest

from bot import plugins
from bot.errors import AuthFailed, Refused, Unsure
from bot.models import Reply
from bot.plugins import Side
from tests.support.guestbook import TOKEN, Guestbook, opened


def built(side: Side, book: Guestbook, token: str = TOKEN) -> Any:
    plugin = plugins.find(side, "guestbook")
    return plugin.build(plugin.config.model_validate({"url": book.url, "token": token}))


def test_everybody_is_heard_page_by_page_and_answered_once() -> None:
    with opened() as book:
        for number in range(25):
            book.write(f"hello {number}")
        ears, mouth = built("listeners", book), built("responders", book)
        pages = [ears.poll(None)]
        while pages[-1].mentions:
            pages.append(ears.poll(pages[-1].cursor))
        heard = [mention for page in pages for mention in page.mentions]
        assert [len(page.mentions) for page in pages] == [10, 10, 5, 0]
        assert all(mention.addressed for mention in heard)
        reply = Reply("k1", "Welcome", heard[7])
        assert mouth.can_reply(heard[7]) is None
        assert mouth.find(reply) is None
        receipt = mouth.send(reply)
        assert mouth.find(reply) == receipt
        (answer,) = ears.poll(pages[-1].cursor).mentions
        assert (answer.own, answer.in_reply_to, answer.remote_id) == (True, "8", receipt.remote_id)


def test_a_connection_that_ends_leaves_us_unsure_and_looking_helps() -> None:
    with opened() as book:
        book.write("hello")
        (mention,) = built("listeners", book).poll(None).mentions
        mouth, reply = built("responders", book), Reply("k1", "Welcome", mention)
        book.hangs_up = True
        with pytest.raises(Unsure):
            mouth.send(reply)
        assert mouth.find(reply).remote_id == "2"
        assert len(book.answers(1)) == 1


def test_a_refusal_and_a_wrong_token_are_told_apart() -> None:
    with opened() as book:
        book.write("hello")
        (mention,) = built("listeners", book).poll(None).mentions
        with pytest.raises(Refused):
            built("responders", book).send(Reply("k1", "x" * 281, mention))
        with pytest.raises(AuthFailed):
            built("listeners", book, "wrong").poll(None)
