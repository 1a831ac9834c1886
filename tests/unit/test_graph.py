"""What becomes of Meta's answers, and that the SDK is asked to do nothing that it does badly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import facebook
import pytest
from pydantic import ValidationError

from accounts.graph import ModernGraph, following, items
from accounts.meta import Access
from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from tests.support.scripted import Script, playing

SECRETS: dict[str, Any] = {"token": "page-token-1", "app_secret": "app-secret-1"}


def graph(script: Script, **more: Any) -> ModernGraph:
    return ModernGraph(Access(api_url=script.url, **SECRETS, **more))


@pytest.fixture
def ask() -> Any:
    def asking(verb: str, response: dict[str, Any]) -> Any:
        with playing([{"request": "", "response": response}]) as script, graph(script) as one:
            try:
                return getattr(one, verb)("1_2/comments", message="x")
            except ServiceError as error:
                return error

    return asking


def error(code: int, subcode: int = 0, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "error_subcode": subcode or None, "message": "words", **more}}


ANSWERS: list[tuple[int, Any, type[Exception], type[Exception]]] = [
    # status, body, what it means when reading, and when writing
    (400, error(190), AuthFailed, AuthFailed),
    (400, error(190, 463), AuthFailed, AuthFailed),
    (400, error(102), AuthFailed, AuthFailed),
    (400, error(4), RateLimited, RateLimited),
    (400, error(17), RateLimited, RateLimited),
    (403, error(32), RateLimited, RateLimited),
    (400, error(613), RateLimited, RateLimited),
    (400, error(80001), RateLimited, RateLimited),
    (400, error(80014), RateLimited, RateLimited),
    (429, error(999), RateLimited, RateLimited),
    (403, error(10), AuthFailed, Refused),
    (403, error(10, message="Requires pages_read_user_content"), AuthFailed, AuthFailed),
    (403, error(200), AuthFailed, Refused),
    (403, error(299, message="needs 'pages_manage_engagement'"), AuthFailed, AuthFailed),
    (403, error(230), AuthFailed, AuthFailed),
    (403, error(3), AuthFailed, Refused),
    (403, error(10, 2018278), Refused, Refused),
    (400, error(100, 33), Refused, Refused),
    (404, error(803), Refused, Refused),
    (400, error(100), Retry, Refused),
    (400, error(100, 2018001), Retry, Refused),
    (400, error(368), Refused, Refused),
    (400, error(551), Refused, Refused),
    (400, error(506), Retry, Unsure),
    (400, error(10900), Retry, Unsure),
    (400, error(1), Retry, Unsure),
    (500, error(2), Retry, Unsure),
    (500, error(2, is_transient=True), Retry, Unsure),
    (200, error(2), Retry, Unsure),
    (500, error(190), AuthFailed, AuthFailed),
    (400, error(99999), Retry, Refused),
    (400, error(99999, is_transient=True), Retry, Unsure),
    (503, error(99999), Retry, Unsure),
    (400, {"error": {}}, Retry, Refused),
    (400, {"error": {"code": "190"}}, Retry, Refused),
    (400, {"error": "no"}, Retry, Unsure),
    (200, {"error": "no"}, Retry, Unsure),
    (500, {"id": "2_3"}, Retry, Unsure),
    (500, {}, Retry, Unsure),
    (404, {"id": "2_3"}, Retry, Unsure),
    (200, [], Retry, Unsure),
    (200, "words", Retry, Unsure),
    (200, None, Retry, Unsure),
]


@pytest.mark.parametrize(("status", "body", "reading", "writing"), ANSWERS, ids=str)
def test_what_an_answer_means_when_reading_and_when_writing(
    ask: Any, status: int, body: Any, reading: type[Exception], writing: type[Exception]
) -> None:
    assert type(ask("read", {"status": status, "json": body})) is reading
    assert type(ask("write", {"status": status, "json": body})) is writing


@pytest.mark.parametrize("body", ["", "<html>", "{", "access_token=x", "[" * 100_000])
@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/png", "text/plain"])
@pytest.mark.parametrize("status", [200, 503])
def test_words_where_json_should_be_are_no_answer(ask: Any, body: str, kind: str, status: int) -> None:
    response = {"status": status, "body": body, "headers": {"Content-Type": kind}}
    assert type(ask("read", response)) is Retry
    assert type(ask("write", response)) is Unsure


def test_json_that_calls_itself_javascript_is_an_answer(ask: Any) -> None:
    response = {"body": '{"id": "1"}', "headers": {"Content-Type": "text/javascript; charset=UTF-8"}}
    assert ask("read", response) == {"id": "1"}


def usage(**shares: Any) -> str:
    return '{"1": [' + str({"type": "pages", **shares}).replace("'", '"') + "]}"


@pytest.mark.parametrize(
    ("headers", "rest"),
    [
        ({}, None),
        ({"X-App-Usage": '{"call_count": 95, "total_time": 10}'}, None),
        ({"X-App-Usage": '{"call_count": 96, "total_time": 10}'}, 300),
        ({"X-App-Usage": '{"total_cputime": 100}'}, 300),
        ({"X-Business-Use-Case-Usage": usage(call_count=99, estimated_time_to_regain_access=0)}, 300),
        ({"X-Business-Use-Case-Usage": usage(total_time=99, estimated_time_to_regain_access=12)}, 720),
        ({"X-Business-Use-Case-Usage": usage(call_count=99, estimated_time_to_regain_access=10**9)}, 86_400),
        ({"X-App-Usage": "not JSON", "X-Business-Use-Case-Usage": "[1]"}, None),
        ({"X-Business-Use-Case-Usage": '{"1": 3, "2": ["x", {"call_count": "99"}]}'}, None),
    ],
)
def test_close_to_its_limit_meta_says_how_long_to_stay_away(
    headers: dict[str, str], rest: float | None
) -> None:
    exchange = {"request": "", "response": {"json": {}, "headers": headers}}
    with playing([exchange]) as script, graph(script) as one:
        one.read("1")
        assert one.rest == rest


def test_a_write_that_went_well_stands_however_much_is_used_up() -> None:
    response = {"json": {"id": "2_3"}, "headers": {"X-App-Usage": '{"call_count": 100}'}}
    with playing([{"request": "", "response": response}]) as script, graph(script) as one:
        assert one.write("1_2/comments", message="x") == {"id": "2_3"}


def test_every_call_proves_the_app_s_secret_and_carries_the_token_in_its_header_only() -> None:
    answers = [{"request": "", "response": {"json": {"id": "1"}}}] * 2
    with playing(answers) as script, graph(script, graph_version="v99.0") as one:
        one.read("1", fields="id")
        one.write("1/comments", message="é&=")
        assert [asked.path for asked in script.asked] == ["/v99.0/1", "/v99.0/1/comments"]
        for asked in script.asked:
            assert asked.headers["authorization"] == "Bearer page-token-1"
            assert "page-token-1" not in f"{asked.query} {asked.body}"
            assert "appsecret_proof" in f"{asked.query} {asked.body}"
        assert "message" not in script.asked[1].query


def test_lists_hold_what_has_an_id_and_end() -> None:
    assert items({"data": [{"id": "1"}, {"id": 2}, {}, None, "x"]}) == [{"id": "1"}]
    assert items({"data": {"id": "1"}}) == items({}) == []
    assert following({"paging": {"next": "https://x/y?access_token=t&after=a%3D&limit=3"}}) == {"after": "a="}
    for last in (
        {},
        {"paging": None},
        {"paging": {"cursors": {"after": "a"}}},
        {"paging": {"next": "https://x"}},
    ):
        assert following(last) is None


def test_a_list_whose_next_page_is_itself_ends() -> None:
    page = {"data": [{"id": "1"}], "paging": {"next": "https://x/?after=a"}}
    with playing([{"request": "", "response": {"json": page}}] * 3) as script, graph(script) as one:
        assert [item["id"] for item in one.all("1/feed")] == ["1", "1"]


@pytest.mark.parametrize("version", ["24.0", "v24", "latest", "v24.0/me", ""])
def test_a_version_that_is_none_is_refused_in_the_config(version: str) -> None:
    with pytest.raises(ValidationError, match="graph_version"):
        Access(graph_version=version, **SECRETS)


@pytest.mark.parametrize("url", ["http://graph.example.org", "https://a:b@graph.example.org", "graph"])
def test_an_address_that_the_token_must_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="api_url"):
        Access(api_url=url, **SECRETS)


def test_the_sdk_is_the_one_that_this_was_written_for() -> None:
    assert facebook.__version__ == "3.1.0"
    assert facebook.FACEBOOK_GRAPH_URL == "https://graph.facebook.com/"


def test_the_sdk_s_old_ways_of_writing_break_no_run_in_which_warnings_are_errors(tmp_path: Path) -> None:
    """Newer Pythons warn of it while they compile it, which is when nothing compiled is kept."""
    fresh = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    strict = [sys.executable, "-W", "error::SyntaxWarning", "-W", "error::DeprecationWarning:facebook"]
    done = subprocess.run(
        [*strict, "-c", "import accounts.graph"],
        env=fresh,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
