"""Who lives in the sandbox, what they said, and the play that they give."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.sandbox import x_text
from bot.sandbox.cast import CAST, Line, Play, script
from bot.sandbox.town import BRAND, NETWORKS, Impossible, Town, Unknown
from tests.support.house import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def town(clock: Clock) -> Town:
    made = Town(clock)
    made.add("perle", "Perle")
    made.add("zoe", "Zoé")
    return made


def test_ids_on_x_have_nineteen_digits_and_grow_with_time(town: Town, clock: Clock) -> None:
    ids = []
    for _ in range(3):
        ids += [int(town.say("x", "perle", "a").id), int(town.say("x", "perle", "b").id)]
        clock.forward(milliseconds=1)
    assert ids == sorted(ids)
    assert len(set(ids)) == 6
    assert {len(str(one)) for one in ids} == {19}


def test_an_id_on_x_tells_the_time_as_xs_do(town: Town, clock: Clock) -> None:
    said = town.say("x", "perle", "a")
    assert (int(said.id) >> 22) + 1_288_834_974_657 == round(clock().timestamp() * 1000)


def test_what_comes_late_has_an_id_as_old_as_it_is(town: Town, clock: Clock) -> None:
    on_time = town.say("x", "perle", "on time")
    late = town.say("x", "zoe", "late", at=clock() - timedelta(seconds=30))
    assert late.number < on_time.number
    assert [post.text for post in town.posts("x")] == ["on time", "late"]


def test_ids_on_facebook_say_where_something_stands(town: Town) -> None:
    page = town.brand.id_on("facebook")
    post = town.say("facebook", BRAND, "Bonjour")
    comment = town.say("facebook", "perle", "Bonjour", to=post.id)
    below = town.say("facebook", "zoe", "Moi aussi", to=comment.id)
    number = post.id.removeprefix(f"{page}_")
    assert number.isdecimal()
    assert comment.id.startswith(f"{number}_")
    assert below.id.startswith(f"{number}_")
    assert comment.conversation == below.conversation == post.id


def test_the_same_seed_gives_the_same_ids(clock: Clock) -> None:
    def ids(seed: int) -> list[str]:
        town = Town(clock, seed)
        perle = town.add("perle")
        return [*perle.ids.values(), town.say("x", "perle", "a").id, town.say("facebook", "perle", "a").id]

    assert ids(7) == ids(7)
    assert not set(ids(7)[:3]) & set(ids(8)[:3])


def test_whoever_is_added_again_keeps_their_ids_and_their_handle(town: Town) -> None:
    before = town.person("perle")
    after = town.add("PERLE", "Perle D.", language="en", followers=3)
    assert (after.ids, after.handle, after.name, after.followers) == (before.ids, "perle", "Perle D.", 3)
    assert town.person_by_id("x", before.id_on("x")) == after


@pytest.mark.parametrize("handle", ["", "émile", "a b", "seize_caracteres", "x<y", "../../etc"])
def test_a_handle_that_no_network_would_take_is_refused(town: Town, handle: str) -> None:
    with pytest.raises(Impossible, match="1 to 15 letters"):
        town.add(handle)


def test_what_cannot_be_said_says_why(town: Town) -> None:
    gone = town.say("x", "perle", "oops")
    town.delete("x", gone.id)
    with pytest.raises(Unknown, match="nobody here has the handle 'joss'"):
        town.say("x", "joss", "a")
    with pytest.raises(Unknown, match="there is no network 'myspace'"):
        town.say("myspace", "perle", "a")
    with pytest.raises(Unknown, match="there is no post '12'"):
        town.say("x", "perle", "a", to="12")
    with pytest.raises(Impossible, match="text is empty"):
        town.say("x", "perle", "  ")
    with pytest.raises(Impossible, match="is deleted"):
        town.say("x", "zoe", "a", to=gone.id)
    with pytest.raises(Impossible, match="to themselves"):
        town.message("x", "perle", "@Perle", "a")
    with pytest.raises(Impossible, match="cannot be edited"):
        town.edit("x", gone.id, "b")
    assert town.posts("x") == []


def test_a_photo_needs_no_text(town: Town) -> None:
    assert town.say("facebook", "perle", "", photo=True).photo


def test_an_edit_on_x_is_a_new_post_that_knows_its_older_versions(town: Town, clock: Clock) -> None:
    first = town.say("x", "perle", "ma carte")
    clock.forward(minutes=1)
    second = town.edit("x", first.id, "ma carte bleue")
    clock.forward(minutes=1)
    third = town.edit("x", first.id, "ma carte bleue est bloquée")
    assert third.versions == (first.id, second.id, third.id)
    assert [post.text for post in town.posts("x")] == ["ma carte bleue est bloquée"]
    assert town.post("x", first.id).text == "ma carte"
    assert town.post("x", first.id).versions == third.versions
    assert town.newest_version("x", second.id) == third
    assert third.conversation == first.id


def test_an_edit_elsewhere_keeps_the_id(town: Town) -> None:
    said = town.say("facebook", "perle", "ma carte")
    edited = town.edit("facebook", said.id, "ma carte bleue")
    assert edited.id == said.id
    assert edited.edited_at
    assert [post.text for post in town.posts("facebook")] == ["ma carte bleue"]


def test_who_deletes_one_version_deletes_all(town: Town) -> None:
    first = town.say("x", "perle", "a")
    second = town.edit("x", first.id, "b")
    town.delete("x", first.id)
    assert town.posts("x") == []
    assert town.post("x", first.id).deleted_at
    assert town.post("x", second.id).deleted_at


def test_what_stands_under_a_post_is_listed_oldest_first_also_under_its_older_version(town: Town) -> None:
    top = town.say("x", "perle", "a")
    town.say("x", "zoe", "first", to=top.id)
    newer = town.edit("x", top.id, "b")
    town.say("x", "zoe", "second", to=newer.id)
    assert [post.text for post in town.answers_to("x", newer.id)] == ["first", "second"]


def test_posts_are_listed_between_two_numbers(town: Town) -> None:
    said = [town.say("x", "perle", str(n)) for n in range(5)]
    listed = town.posts("x", since=said[0].number, below=said[4].number)
    assert [post.text for post in listed] == ["3", "2", "1"]


def test_many_speak_at_once_and_nothing_is_lost(town: Town) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: town.say("x", "perle", str(n)), range(2_000)))
    assert len({post.id for post in said}) == 2_000
    listed = [post.number for post in town.posts("x")]
    assert len(listed) == 2_000
    assert listed == sorted(listed, reverse=True)


def test_a_second_reply_to_the_same_post_is_a_double(town: Town) -> None:
    asked, other = town.say("x", "perle", "a"), town.say("x", "zoe", "b")
    for parent, text in ((asked, "Bonjour"), (other, "Bonjour"), (asked, "Bonjour encore")):
        town.say("x", BRAND, text, to=parent.id, through_api=True)
    assert town.state() == {"replies": 3, "answered": 2, "doubled": 1}


def test_only_what_came_through_an_api_counts(town: Town) -> None:
    asked = town.say("x", "perle", "a")
    town.say("x", BRAND, "by hand", to=asked.id)
    town.say("x", BRAND, "a post of its own", through_api=True)
    assert town.state() == {"replies": 0, "answered": 0, "doubled": 0}


def test_a_message_is_doubled_only_when_its_words_are_the_same(town: Town) -> None:
    for text in ("Bonjour", "Et voici la suite", "Bonjour"):
        town.message("x", BRAND, "perle", text, through_api=True)
    assert town.state() == {"replies": 3, "answered": 2, "doubled": 1}


def test_messages_between_two_people_share_a_conversation(town: Town) -> None:
    there = town.message("x", "perle", BRAND, "Bonjour")
    back = town.message("x", BRAND, "perle", "Bonjour Perle")
    town.message("x", "zoe", BRAND, "Moi")
    assert there.conversation == back.conversation
    assert [one.text for one in town.messages("x", between=(BRAND, "perle"))] == ["Bonjour Perle", "Bonjour"]
    assert len(town.messages("x")) == 3


def test_the_same_words_are_remembered_while_they_stand(town: Town, clock: Clock) -> None:
    day = timedelta(hours=24)
    town.say("x", BRAND, "Bonjour")
    assert town.said_lately("x", BRAND, "Bonjour", day)
    assert not town.said_lately("x", "perle", "Bonjour", day)
    clock.forward(hours=25)
    assert not town.said_lately("x", BRAND, "Bonjour", day)
    again = town.say("x", BRAND, "Bonjour")
    assert town.said_lately("x", BRAND, "Bonjour", day)
    town.delete("x", again.id)
    assert not town.said_lately("x", BRAND, "Bonjour", day)


# --- the play ------------------------------------------------------------------------------------------


def test_the_whole_script_can_be_said(town: Town) -> None:
    Play(town).up_to(10_000)
    lines = [line for line in script() if not line.once_answered]
    said = sum(len(town.posts(network)) + len(town.messages(network)) for network in NETWORKS)
    assert said == len(lines)


def test_people_on_x_say_no_more_than_x_takes() -> None:
    assert max(x_text.weight(line.text) for line in script() if line.network == "x") <= 280


def test_the_cast_speaks_both_languages_and_does_all_that_a_brand_meets() -> None:
    roles = {role.handle: role for role in CAST}
    speaking = Counter(roles[line.who].language for line in script() if line.who in roles)
    assert min(speaking["fr"], speaking["en"]) >= 4
    assert any(line.private for line in script())
    assert any(line.shares for line in script())
    assert any(line.quotes for line in script())
    assert any("est-ce que quelqu’un lit" in line.text for line in script())
    assert not roles.keys() - {line.who for line in script()}


def test_people_speak_when_their_time_has_come(town: Town) -> None:
    play = Play(town, [Line(0, "perle", "x", "a"), Line(5, "zoe", "x", "b")])
    play.up_to(4.9)
    assert [post.text for post in town.posts("x")] == ["a"]
    play.up_to(5)
    play.up_to(6)
    assert [post.text for post in town.posts("x")] == ["b", "a"]


def test_the_blogger_answers_when_she_was_answered(town: Town) -> None:
    play = Play(town)
    play.up_to(100)
    asked = next(post for post in town.posts("x") if "onzième" in post.text)
    play.up_to(500)
    assert not town.answers_to("x", asked.id)
    answer = town.say("x", BRAND, "Bonjour Maud, oui.", to=asked.id)
    play.up_to(510)
    play.up_to(521)
    assert not town.answers_to("x", answer.id)
    play.up_to(523)
    assert [post.author for post in town.answers_to("x", answer.id)] == ["maudkerb"]


def test_what_hangs_on_something_that_is_gone_is_left_unsaid(town: Town) -> None:
    lines = [Line(0, "perle", "x", "a", key="a"), Line(1, "zoe", "x", "b", to="a"), Line(1, "zoe", "x", "c")]
    play = Play(town, lines)
    play.up_to(0)
    town.delete("x", town.posts("x")[0].id)
    play.up_to(1)
    assert [post.text for post in town.posts("x")] == ["c"]


def test_the_play_ends_when_it_is_told_to(town: Town) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=Play(town).perform, args=(stop,))
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
