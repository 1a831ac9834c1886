"""The queue: who waits, in which order, narrowed how; page by page; and the views that somebody saved."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest

from bot.models import Author, Mention
from bot.store import ms, queue
from bot.store.queue import Place, Wanted
from tests.support.hostile import HOSTILE, harmless
from tests.support.house import ANGRY, NEWS, QUESTION, START, THANKS, House, comment
from tests.support.signed_in import Visitor, signed_in


def ids(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', page)]


def names(page: str) -> list[str]:
    return re.findall(r'class="open" href="/mentions/\d+[^"]*"><bdi>(.*?)</bdi>', page)


def walk(visitor: Visitor, path: str) -> list[int]:
    """All rows of a view, by its "next" links."""
    found = list[int]()
    while path:
        page = visitor.get(path)
        assert page.status_code == 200, page.text
        found += ids(page.text)
        after = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = after[1].replace("&amp;", "&") if after else ""
    return found


def crowd(house: House, count: int, **facts: Any) -> None:
    """So many wait, each promised for another moment; every fifth of them is owed nothing."""
    with house.app.watch.store.tx() as tx:
        tx.run("INSERT INTO policies (version, body, since) VALUES ('p', '{}', 0) ON CONFLICT DO NOTHING")
        first = tx.reserve("mentions", count)
        for n in range(first, first + count):
            row = {
                "id": n, "network": "blog", "remote_id": f"c{n}", "state": "waiting", "process": "service",
                "priority": "normal", "assignee": "", "addressed": int(n % 5 > 0), "author_name": f"P{n}",
                "author_handle": "", "text": f"Bonjour {n}", "url": "", "analysis": "{}", **facts,
            }  # fmt: skip
            due_at = ms(START) + (n * 7919 % 100) * 60_000 if row["addressed"] else None
            tx.run(
                "INSERT INTO conversations (id, network, thread, author_id) VALUES (?, 'blog', ?, ?)",
                (tx.reserve("conversations", 1), f"t{n}", f"a{n}"),
            )
            tx.run(
                "INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url,"
                " author_id, author_handle, author_name, text, lang, in_reply_to, said, posted_at, heard_at,"
                " addressed, state, priority, process, due_at, policy, assignee, analysis, ended_at)"
                " SELECT :id, :network, :remote_id, 'blog', MAX(id), 'comment', :url, 'a' || :id,"
                " :author_handle, :author_name, :text, 'fr', '', 1, :at, :at, :addressed, :state, :priority,"
                " :process, :due_at, 'p', :assignee, :analysis,"
                " CASE WHEN :state IN ('answered', 'exempted') THEN :at END FROM conversations",
                row | {"at": ms(START), "due_at": due_at},
            )
        tx.learn_words(first, first + count - 1)


def test_the_most_pressing_promise_comes_first_and_what_is_owed_nothing_last(house: House) -> None:
    house.hears(comment("q", QUESTION, "bob"), comment("a", ANGRY, "claire"))
    house.hears(comment("n", NEWS, "ines", addressed=False))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET state = 'waiting' WHERE remote_id = 'n'")
    page = signed_in(house).get("/").text
    assert names(page) == ["Claire", "Bob", "Ines"]
    assert "no promise" in page


def test_a_row_says_who_where_what_how_it_is_taken_and_that_it_rings(house: House) -> None:
    author = Author("7", "claire.b", "Claire Bonnet")
    house.hears(comment("a", ANGRY, author=author, posted_at=START - timedelta(hours=1)))
    number = house.mention("a")["id"]
    house.desk.assign(number, "Léa", house.mention("a")["version"], "Léa")
    page = signed_in(house).get("/").text
    for said in ("Claire Bonnet", "@claire.b", "blog", "1 h 00 min ago", "C&#39;est une honte", "complaint",
                 "negative", "service", "3 drafts", "→ you",
                 'class="tag rings">rings'):  # fmt: skip
        assert said in page, said


def test_an_acknowledged_alarm_is_no_longer_shown_as_ringing(house: House) -> None:
    house.hears(comment("a", ANGRY))
    house.desk.acknowledge(house.mention("a")["id"], "Léa")
    page = signed_in(house).get("/").text
    assert "tag rings" not in page
    assert "acknowledged" in page


def test_time_left_is_told_in_words_and_the_overdue_are_counted(house: House) -> None:
    house.hears(comment("a", ANGRY), comment("q", QUESTION, "bob"))
    house.clock.forward(hours=5)
    page = signed_in(house).get("/").text
    assert "overdue by 3 h 00 min" in page
    assert re.search(r'href="/\?due=over">Overdue <span class="count over">1</span>', page)
    assert names(signed_in(house).get("/?due=over").text) == ["Claire"]


def test_nobody_waits_is_said_in_so_many_words(house: House) -> None:
    assert "Nobody waits." in signed_in(house).get("/").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("intent=complaint", ["Claire"]), ("sentiment=positive", ["Léon"]), ("process=sales", []),
        ("network=blog", ["Claire", "Bob", "Léon"]), ("network=x", []), ("priority=high", ["Claire"]),
        ("state=escalated", ["Claire"]), ("state=waiting", ["Bob", "Léon"]), ("assignee=%40me", ["Bob"]),
        ("assignee=%40nobody", ["Claire", "Léon"]), ("assignee=Sacha", []),
        ("state=answered", ["Noé"]), ("state=exempted", []), ("state=all", ["Noé", "Léon", "Bob", "Claire"]),
        ("state=waiting&sentiment=positive&network=blog", ["Léon"]),
    ],
)  # fmt: skip
def test_the_queue_is_narrowed_by_each_filter(house: House, query: str, found: list[str]) -> None:
    house.hears(comment("a", ANGRY, "claire"), comment("q", QUESTION, "bob"), comment("t", THANKS, "léon"))
    house.hears(comment("d", QUESTION, "noé"))
    house.approve("d")
    house.deliver()
    with house.app.watch.store.tx() as tx:
        tx.run(
            "UPDATE mentions SET process = 'service',"
            " assignee = CASE remote_id WHEN 'q' THEN 'Léa' ELSE '' END"
        )
    page = signed_in(house).client.get(f"/?{query}", follow_redirects=True)
    assert names(page.text) == found


def test_networks_are_called_by_their_names_and_those_of_the_config_as_they_stand(house: House) -> None:
    house.hears(comment("a", QUESTION), comment("b", QUESTION, "bob", network="facebook"))
    page = signed_in(house).get("/").text
    assert '<option value="facebook">Facebook</option>' in page
    assert '<option value="blog">blog</option>' in page
    assert '<small class="soft">Facebook ·' in page


@pytest.mark.parametrize("handle", ["claire_m", "@claire_m"])
def test_a_handle_has_one_at_sign_on_every_page(house: House, handle: str) -> None:
    house.hears(comment("a", QUESTION, author=Author("c", handle, "Claire")))
    lea = signed_in(house)
    for path in ("/", "/mentions/1"):
        assert re.findall(r">(@+claire_m)<", lea.get(path).text)[0] == "@claire_m"


def test_a_correction_by_hand_counts_in_the_filters(house: House) -> None:
    house.hears(comment("t", THANKS))
    house.desk.correct(house.mention("t")["id"], {"sentiment": "negative", "intents": ["churn"]}, 1, "Léa")
    visitor = signed_in(house)
    assert len(ids(visitor.get("/?intent=churn&sentiment=negative").text)) == 1
    assert ids(visitor.get("/?sentiment=positive").text) == []


def test_a_view_is_one_address_however_it_was_asked_for(house: House) -> None:
    answer = signed_in(house).get("/?sentiment=&q=&network=blog&nonsense=1&state=bad")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?network=blog")


@pytest.mark.parametrize(
    "place",
    ["1-1-", "1--1", "0-1-1", "2-1-1", "x", "1-1-1-1", "1-99999999999999999999-1", "-1", "٣-٣-٣", "0--²"],
)
def test_a_place_that_makes_no_sense_is_the_beginning(house: House, place: str) -> None:
    answer = signed_in(house).get(f"/?after={place}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


# --- Page by page --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["", "state=waiting", "due=day", "assignee=%40nobody", "state=all", "q=bonjour"]
)
def test_every_row_is_on_one_page_and_only_one(house: House, query: str) -> None:
    crowd(house, 230)
    found = walk(signed_in(house), f"/?{query}" if query else "/")
    assert len(found) == len(set(found))
    wanted = "addressed = 1" if "due" in query else "1 = 1"
    assert set(found) == {row["id"] for row in house.rows(f"SELECT id FROM mentions WHERE {wanted}")}


def test_the_pages_back_hold_the_same_rows_as_the_pages_forth(house: House) -> None:
    crowd(house, 230)
    with house.app.watch.store.read() as tx:
        for wanted in (Wanted(), Wanted(state="all"), Wanted(words=("bonjour",)), Wanted(network="blog")):
            forth, after = [queue.page(tx, wanted, 50)], None
            while (after := forth[-1].later) is not None:
                forth.append(queue.page(tx, wanted, 50, after=after))
            back = [forth[-1]]
            while (before := back[-1].earlier) is not None:
                back.append(queue.page(tx, wanted, 50, before=before))
            assert [_ids(page) for page in reversed(back)] == [_ids(page) for page in forth]
            assert [len(page.rows) for page in forth] == [50, 50, 50, 50, 30]


def _ids(page: queue.Page) -> list[int]:
    return [row["id"] for row in page.rows]


def test_before_the_first_rows_is_the_first_page_and_it_is_full(house: House) -> None:
    crowd(house, 60)
    with house.app.watch.store.read() as tx:
        first = queue.page(tx, Wanted(), 50)
        third = first.rows[2]
        again = queue.page(tx, Wanted(), 50, before=Place(third["id"], third["addressed"], third["due_at"]))
    assert _ids(again) == _ids(first)


@pytest.mark.parametrize("seed", range(5))
def test_whoever_stays_is_met_exactly_once_while_others_come_and_go(house: House, seed: int) -> None:
    """Between any two pages some are answered and some arrive, with promises near and far."""
    chance = random.Random(seed)
    crowd(house, 120)
    stays = {row["id"] for row in house.rows("SELECT id FROM mentions")}
    met, place = list[int](), None
    for _ in range(100):
        with house.app.watch.store.read() as tx:
            page = queue.page(tx, Wanted(), 7, after=place)
        met += _ids(page)
        place = page.later
        if place is None:
            break
        gone = chance.sample(sorted(stays), min(3, len(stays)))
        stays -= set(gone)
        with house.app.watch.store.tx() as tx:
            for number in gone:
                tx.run("UPDATE mentions SET state = 'answered' WHERE id = ?", (number,))
        crowd(house, 2)
    assert len(met) == len(set(met))
    assert stays <= set(met)


def test_a_page_that_looked_through_thousands_says_where_to_look_on(house: House) -> None:
    crowd(house, 5)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET priority = 'crisis' WHERE id IN (3, 4)")
        tx.run(
            "WITH RECURSIVE n (i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 21000)"
            " INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,"
            " author_handle, author_name, text, lang, in_reply_to, said, posted_at, heard_at, addressed,"
            " state) SELECT i, 'blog', 'old-' || i, 'blog', 1, 'comment', '', '', '', '', '', '', '', 1, i,"
            " i, 0, 'ignored' FROM n"
        )
    visitor = signed_in(house)
    page = visitor.get("/?state=all&priority=crisis").text
    assert "Nothing among the newest" in page
    assert "Look further" in page
    assert walk(visitor, "/?state=all&priority=crisis") == [4, 3]


# --- What changes by itself ----------------------------------------------------------------------


def test_the_script_gets_the_list_and_the_counts_alone(house: House) -> None:
    house.hears(comment("a", ANGRY))
    visitor = signed_in(house)
    part = visitor.get("/", x_fragment="list").text
    assert ids(part) == ids(visitor.get("/").text)
    assert '<nav class="tabs"' in part
    assert "<html" not in part
    assert "<select" not in part


def test_the_page_knows_the_number_of_the_last_event(house: House) -> None:
    house.hears(comment("a", ANGRY))
    head = house.row("SELECT MAX(seq) AS head FROM events")["head"]
    assert f'data-head="{head}"' in signed_in(house).get("/").text


def test_the_page_is_french_for_whom_reads_french(house: House) -> None:
    house.hears(comment("a", ANGRY))
    page = signed_in(house, lang="fr").get("/").text
    for said in (
        "File d’attente",
        "En retard",
        "Les miennes",
        "plainte",
        "brouillons",
        "en alerte",
        "Actualiser",
    ):
        assert said in page, said
    for left in (">Search<", "Filters", "Overdue", "draft<"):
        assert left not in page, left


# --- Saved views ---------------------------------------------------------------------------------


def test_a_view_is_saved_found_among_the_tabs_and_removed(house: House) -> None:
    visitor = signed_in(house, "viewer")
    page = visitor.follow(
        visitor.post("/views", name=" Plaintes  chaudes ", query="sentiment=negative&page=3")
    ).text
    assert 'href="/?sentiment=negative" aria-current="page" class="saved">Plaintes chaudes' in page
    number = house.row("SELECT id FROM saved_views")["id"]
    assert "Plaintes chaudes" not in visitor.follow(visitor.post(f"/views/{number}/remove")).text


def test_the_same_name_again_replaces_the_view(house: House) -> None:
    visitor = signed_in(house)
    visitor.post("/views", name="Les x", query="network=x")
    visitor.post("/views", name="Les x", query="network=y")
    assert [row["query"] for row in house.rows("SELECT query FROM saved_views")] == ["network=y"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\u202eb"])
def test_a_view_without_a_proper_name_is_refused(house: House, name: str) -> None:
    assert signed_in(house).post("/views", name=name, query="network=x").status_code == 409
    assert house.rows("SELECT * FROM saved_views") == []


def test_there_is_an_end_to_the_views_of_one_user(house: House) -> None:
    visitor = signed_in(house)
    answers = [visitor.post("/views", name=f"v{n}", query="network=x").status_code for n in range(21)]
    assert answers == [303] * 20 + [409]


def test_views_are_their_owners_alone(house: House) -> None:
    owner, other = signed_in(house, name="Léa"), signed_in(house, name="Sacha")
    owner.post("/views", name="À moi", query="network=x")
    other.post(f"/views/{house.row('SELECT id FROM saved_views')['id']}/remove")
    assert "À moi" in owner.get("/").text
    assert "À moi" not in other.get("/").text


# --- Texts from the network ----------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_text_in_every_field(house: House, text: str) -> None:
    author = Author(text[:500], text, text, 3)
    mention = Mention(
        network=f"n{text[:50]}", remote_id="h", text=text or "x", posted_at=START, author=author,
        addressed=True, url=text, lang=text[:20], conversation=text,
    )  # fmt: skip
    house.hears(mention)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET assignee = ?", (text[:60].replace("\ud83d", ""),))
    visitor = signed_in(house)
    for path in ("/", "/?state=all", "/?network=" + "x", "/?q=a"):
        page = visitor.get(path)
        assert page.status_code == 200
        harmless(page.text)
        assert len(page.content) < 100_000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_filters_are_shown_as_text(house: House, text: str) -> None:
    house.hears(comment("a", ANGRY))
    visitor = signed_in(house)
    for name in (
        "q",
        "network",
        "process",
        "intent",
        "sentiment",
        "priority",
        "assignee",
        "state",
        "after",
        "due",
    ):
        page = visitor.client.get(
            "/", params={name: text[:5000].encode("utf-8", "replace")}, follow_redirects=True
        )
        assert page.status_code == 200, name
        harmless(page.text)
    saved = visitor.post("/views", name="v", query="q=" + text[:2000].replace("\ud83d", ""))
    harmless(visitor.follow(saved).text)


def test_a_stranger_sees_nothing_and_changes_nothing(house: House) -> None:
    house.hears(comment("a", ANGRY))
    visitor = signed_in(house)
    visitor.client.cookies.clear()
    assert visitor.get("/").status_code == 303
    assert visitor.get("/").headers["location"].startswith("/sign-in")
    assert visitor.post("/views", name="v", query="").status_code in (303, 403)
    assert house.rows("SELECT * FROM saved_views") == []


def test_news_of_no_concern_is_not_in_the_queue(house: House) -> None:
    house.hears(comment("n", NEWS, addressed=False))
    assert ids(signed_in(house).get("/").text) == []


def test_all_of_it_leaves_the_books_balanced(house: House) -> None:
    house.hears(comment("a", ANGRY), comment("q", QUESTION, "bob"))
    visitor = signed_in(house)
    for path in ("/", "/?q=carte", "/escalations", "/sources"):
        visitor.get(path)
    visitor.post("/escalations/acknowledge", key=f"mention:{house.mention('a')['id']}")
    found = house.audit()
    assert found["balanced"]
    assert found["chain"]["ok"]
