"""The guard in front of Dagster's web server: which requests reach it.

Belongs here: one ASGI middleware and its rules. Does not belong here: starting servers
(:mod:`step3_assets.cli.ui`), anything that needs Dagster.

Dagster's web server checks neither ``Host`` nor ``Origin`` and executes GraphQL mutations over
GET. Without a guard any web page that a person opens could launch runs, and a host name that an
attacker points to 127.0.0.1 (DNS rebinding) could read everything.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
OWN_SITE = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of this origin; a page on another port of this machine is ``same-site``."""
RESPONSE_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Other pages may not show the UI in a frame (clickjacking) or load its answers as a script."""
POLICY_VIOLATION = 1008  # of a websocket


@dataclass(frozen=True)
class Served:
    """The address that the server is served on.

    Attributes
    ----------
    host : str
        Name or address it listens on.
    port : int
    """

    host: str
    port: int

    def accepts(self, header: str) -> bool:
        """Whether a ``Host`` header names this server.

        On a loopback address, that address and ``localhost`` are accepted. On any other address,
        the given name, this machine's name and literal addresses are. The host name of an attacker
        is none of these.

        Examples
        --------
        >>> Served("127.0.0.1", 3000).accepts("localhost:3000")
        True
        >>> Served("127.0.0.1", 3000).accepts("attacker.example:3000")
        False
        """
        name, port = split_host(header.lower())
        if port != self.port:
            return False
        if is_loopback(self.host):
            return name in {*LOOPBACK_NAMES, bracketed(self.host.lower())}
        known = {self.host.lower(), "localhost", *map(str.lower, own_names())}
        return name in known or is_address(name)


def split_host(header: str) -> tuple[str, int | None]:
    """Name and port of a ``Host`` header; port 80 if none is given, None if it is no number.

    Examples
    --------
    >>> split_host("[::1]:3000"), split_host("localhost"), split_host("a:b")
    (('[::1]', 3000), ('localhost', 80), ('a', None))
    """
    name, colon, port = header.rpartition(":")
    if not colon or header.endswith("]"):
        return header, 80
    return name, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None


def is_loopback(host: str) -> bool:
    """Whether a name or address is a loopback address of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_address(name: str) -> bool:
    """Whether a name is a literal address."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """The host as a header writes it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def own_names() -> tuple[str, str]:
    """The names of this machine."""
    return socket.gethostname(), socket.getfqdn()


@dataclass(frozen=True)
class LoopbackGuard:
    """Passes on requests that come from a page of this address; refuses all others with 403.

    - There must be one ``Host`` header, and it must be the address served.
    - A request that may change something (any method but GET, HEAD and OPTIONS) and a websocket
      need an ``Origin`` equal to the address served. Without an ``Origin``, which every browser
      sends with them, a request needs the content type ``application/json``.
    - GET never executes GraphQL.
    """

    app: App
    served: Served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        why = refusal(scope, self.served)
        if not why:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": why})
        else:
            await _refuse(send, why)


def refusal(scope: Scope, served: Served) -> str:
    """Why a request is refused; empty where it is passed on.

    Parameters
    ----------
    scope : mapping
        Of an ASGI ``http`` or ``websocket`` connection.
    served : Served
    """
    hosts, origins, types = (_values(scope, n) for n in ("host", "origin", "content-type"))
    if len(hosts) != 1 or not served.accepts(hosts[0]):
        return "the Host header is not the address that this server is served on"
    if origins and (scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS):
        if origins != [f"http://{hosts[0]}".lower()] and origins != [f"http://{hosts[0]}"]:
            return "a page of another origin may not change anything here"
        return ""
    if scope["type"] == "websocket":
        return ""  # every browser names the origin of a websocket
    if scope["method"] not in SAFE_METHODS:
        if set(_values(scope, "sec-fetch-site")) - OWN_SITE:
            return "a page of another origin may not change anything here"
        if [_essence(value) for value in types] != ["application/json"]:
            return "without an Origin header, a change needs the content type application/json"
        return ""
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
    if "graphql" in scope["path"].lower().split("/") and query:
        return "GraphQL is not executed over GET: use POST"
    return ""


def _values(scope: Scope, name: str) -> list[str]:
    """The values of a header, in order."""
    wanted = name.encode()
    return [v.decode("latin-1").strip() for n, v in scope["headers"] if n.lower() == wanted]


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*_others(message["headers"]), *RESPONSE_HEADERS]}
        await send(message)

    return sending


def _others(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    ours = {name for name, _ in RESPONSE_HEADERS}
    return [(name, value) for name, value in headers if name.lower() not in ours]


async def _refuse(send: Send, why: str) -> None:
    body = f"step3: refused: {why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *RESPONSE_HEADERS,
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
