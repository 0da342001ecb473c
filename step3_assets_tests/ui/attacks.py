"""A web page on another origin that attacks the UI, in a real browser.

Belongs here: the page, its server, and what it tries. Does not belong here: the guard.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAUSE = "mutation{setAutoMaterializePaused(paused:%s)}"
IS_PAUSED = "{instance{autoMaterializePaused}}"
REBOUND = "attacker.example"  # the browser resolves it to 127.0.0.1

PAGE = """<!doctype html><title>attack</title><body>
<form id=f method=post target=sink action="URL/graphql?query=QUERY"><input name=query value="RAW">
</form><form id=g method=post target=sink enctype="text/plain" action="URL/graphql">
<input name='{"query":"RAW","x":"' value='"}'></form><iframe name=sink></iframe>
<img src="URL/graphql?query=QUERY"><script src="URL/graphql?query=QUERY"></script>
<link rel=stylesheet href="URL/graphql?query=QUERY">
<script>
const body = JSON.stringify({query: "RAW"}), url = "URL/graphql", tries = [];
for (const mode of ["no-cors", "cors"])
  for (const type of ["text/plain", "application/json", "text/plain; application/json",
                      "application/x-www-form-urlencoded"])
    for (const credentials of ["omit", "include"])
      tries.push(fetch(url, {method: "POST", mode, credentials, body,
                             headers: {"content-type": type}}));
tries.push(fetch(url + "?query=QUERY", {mode: "no-cors"}));
tries.push(fetch(url + "?query=QUERY", {method: "POST", mode: "no-cors"}));
tries.push(new Promise(r => { navigator.sendBeacon(url, body); r(); }));
tries.push(new Promise(resolve => {
  const socket = new WebSocket(url.replace("http", "ws"), "graphql-ws");
  socket.onopen = () => { window.opened = true; resolve(); };
  socket.onerror = socket.onclose = () => resolve();
}));
f.submit(); setTimeout(() => g.submit(), 300);
Promise.allSettled(tries).then(all => { window.readable = all.filter(t => t.value
    && t.value.type === "cors").length; setTimeout(() => { window.tried = all.length; }, 900); });
</script>"""


@contextmanager
def hostile_page(ui_url: str, query: str) -> Iterator[str]:
    """The address of the page, on a port of its own."""
    page = PAGE.replace("QUERY", quote(query)).replace("RAW", query).replace("URL", ui_url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def attack(browser: "Browser", ui_url: str) -> dict[str, object]:
    """Open the page and let it try everything; what it could read and open."""
    page = browser.new_page()
    with hostile_page(ui_url, PAUSE % "false") as address:
        page.goto(address)
        page.wait_for_function("window.tried > 0", timeout=60_000)
        found = page.evaluate("({tried: tried, readable: readable, opened: !!window.opened})")
    page.close()
    return found


def rebind(browser: "Browser", ui_url: str) -> tuple[int, str]:
    """Open the UI under a foreign name that resolves to it; status and text of the answer."""
    page = browser.new_page()
    answer = page.goto(ui_url.replace("127.0.0.1", REBOUND) + "/server_info")
    assert answer is not None
    found = answer.status, answer.text()
    page.close()
    return found
