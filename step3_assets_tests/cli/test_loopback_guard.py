"""Which requests the guard passes on: hostile ones in every form that their author did not list."""

import asyncio
import itertools
from typing import Any

import pytest

from step3_assets.cli.guarded_servers import guarded
from step3_assets.cli.loopback_guard import LoopbackGuard, Served, refusal

SERVED = Served("127.0.0.1", 3000)
HOME = "127.0.0.1:3000"
JSON = "application/json"
ORIGIN = f"http://{HOME}"


def scope(
    method: str = "GET",
    path: str = "/graphql",
    query: str = "",
    kind: str = "http",
    headers: tuple[tuple[str, str], ...] = (("Host", HOME),),
) -> dict[str, Any]:
    return {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers],
    }


def post(host: str = HOME, **headers: str) -> dict[str, Any]:
    named = (("Host", host), *((n.replace("_", "-"), v) for n, v in headers.items()))
    return scope("POST", headers=named)


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example:3000", "attacker.example", "127.0.0.1.attacker.example:3000",
        "localhost.attacker.example:3000", "127.0.0.1:3001", "127.0.0.1", "127.0.0.1:", "",
        "127.0.0.1:3000@attacker.example", "attacker.example:3000/127.0.0.1:3000", "0.0.0.0:3000",
        "[::ffff:127.0.0.1]:3000", "127.1:3000", "2130706433:3000", "127.0.0.1:03000:3000",
        "localhost.:3000", "127.0.0.1:3000,attacker.example:3000", "127.0.0.1:\u00b33000",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_host_is_refused(host: str, method: str):
    request = scope(method, "/", headers=(("Host", host), ("Content-Type", JSON)))
    assert "Host" in refusal(request, SERVED)


@pytest.mark.parametrize("host", [HOME, "localhost:3000", "LOCALHOST:3000", "[::1]:3000"])
def test_the_address_served_is_passed_on(host: str):
    assert refusal(scope(headers=(("Host", host),)), SERVED) == ""
    assert refusal(post(host, Origin=f"http://{host}"), SERVED) == ""


def test_no_host_and_two_hosts_are_refused():
    assert refusal(scope(headers=()), SERVED)
    assert refusal(scope(headers=(("Host", HOME), ("Host", HOME))), SERVED)


OTHERS = [
    "http://attacker.example", "null", "http://127.0.0.1:9999", "http://localhost:3000",
    "https://127.0.0.1:3000", "http://127.0.0.1", "http://127.0.0.1:3000.attacker.example", "",
    "http://127.0.0.1:3000/", "file://", "chrome-extension://abc", f"{ORIGIN}, http://a.example",
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "origin"),
    list(itertools.product(["POST", "PUT", "PATCH", "DELETE", "LINK"], OTHERS)),
)
def test_a_change_from_another_origin_is_refused(method: str, origin: str):
    headers = (("Host", HOME), ("Origin", origin), ("Content-Type", JSON))
    assert refusal(scope(method, headers=headers), SERVED)
    assert refusal(scope(kind="websocket", headers=headers[:2]), SERVED)


def test_two_origins_are_refused():
    headers = (("Host", HOME), ("Origin", ORIGIN), ("Origin", "http://attacker.example"))
    assert refusal(scope("POST", headers=headers), SERVED)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/graphql", "text/plain; application/json", "application/json-seq"],
)  # fmt: skip
def test_without_an_origin_only_json_changes_anything(content_type: str):
    assert refusal(post(Content_Type=content_type), SERVED)
    assert refusal(post(), SERVED)
    assert refusal(post(Content_Type="Application/JSON; charset=utf-8"), SERVED) == ""
    for site in ("cross-site", "same-site"):
        assert refusal(post(Content_Type=JSON, Sec_Fetch_Site=site), SERVED)
    assert refusal(post(Content_Type=JSON, Sec_Fetch_Site="same-origin"), SERVED) == ""


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/GraphQL", "//graphql"])
def test_graphql_is_never_executed_over_get(method: str, path: str):
    mutation = "query=mutation%7BstopRunningSchedule%7D"
    assert "GET" in refusal(scope(method, path, mutation), SERVED)
    assert refusal(scope(method, path), SERVED) == ""
    assert refusal(scope(method, "/runs", "q=tag:a"), SERVED) == ""


def test_elsewhere_than_on_loopback_names_of_attackers_stay_out():
    served = Served("0.0.0.0", 3000)
    assert served.accepts("192.168.1.7:3000")
    assert not served.accepts("attacker.example:3000")
    assert Served("desk.example", 3000).accepts("desk.example:3000")


def exchange(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What a client gets through the guard, from an application that answers 200."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(LoopbackGuard(app, SERVED)(request, receive, send))
    return sent


def test_refusals_and_answers_as_a_client_gets_them():
    refused = exchange(scope(headers=(("Host", "attacker.example:3000"),)))
    assert [m.get("status") for m in refused] == [403, None]
    assert b"Host header" in refused[1]["body"]
    (closed,) = exchange(scope(kind="websocket", headers=(("Host", HOME), ("Origin", "null"))))
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    answered = exchange(scope(path="/"))
    assert answered[0]["status"] == 200
    assert (b"x-frame-options", b"DENY") in answered[0]["headers"]


def test_the_web_server_of_dagster_dev_is_never_started_unguarded():
    assert guarded(["python", "-m", "dagster_webserver", "--port", "1"])[1:] == [
        "-m", "step3_assets.cli.guarded_servers", "webserver", "--port", "1",
    ]  # fmt: skip
    daemon = ["python", "-m", "dagster._daemon", "run"]
    assert guarded(daemon) == daemon
    with pytest.raises(RuntimeError, match="unknown way"):
        guarded(["python", "-X", "dev", "-m", "dagster_webserver"])
