"""Fetching: what is let through, hop by hop, on a real server on loopback."""

import contextlib
import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import network
from agentrt.toolbox.network import fetch


class Site(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - one for the server

    def do_GET(self) -> None:
        self.asked.append(f"{self.headers['Host']}{self.path}")
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
            return
        body = {"/bomb": gzip.compress(bytes(30_000_000)), "/big": bytes(300_000)}.get(
            self.path, b"<p>caf\xe9</p>"
        )
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=latin-1")
        if self.path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/odd":
            self.send_header("Content-Encoding", "br")
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has gone
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


@pytest.fixture
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Site.asked.clear()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def get(site: int, path: str, hosts: list[str] = (), **more):
    return await fetch(
        f"http://site.test:{site}{path}",
        hosts=[f"site.test:{site}", *hosts],
        **{"private": True, "resolve": to_loopback, **more},
    )


async def test_a_page_comes_with_its_text(site: int) -> None:
    page = await get(site, "/page")
    assert (page.status, page.text) == (200, "<p>café</p>")
    assert page.url == f"http://site.test:{site}/page"
    assert Site.asked == [f"site.test:{site}/page"]


async def test_redirects_are_followed_within_what_is_granted(site: int) -> None:
    assert (await get(site, "/to?/page")).url.endswith("/page")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("http://other.test/", "none of the granted hosts"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://site.test/", "only http and https"),
        ("http://169.254.169.254/latest/meta-data", "none of the granted hosts"),
        ("http://user:pw@site.test/", "a user name"),
        ("/to?/to?/to?/to?/to?/to?/to?/to?/page", "more than 5 redirects"),
    ],
)
async def test_a_redirect_is_checked_like_the_first_address(
    site: int, target: str, told: str
) -> None:
    with pytest.raises(ToolError, match=told):
        await get(site, f"/to?{target}")


async def test_the_address_that_was_checked_is_the_one_connected_to(
    site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that answers differently the second time is asked only once."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: pytest.fail("resolved again")
        if host == "site.test" else _real(host, *a, **k),
    )  # fmt: skip
    assert (await get(site, "/page", resolve=rebinding)).status == 200
    assert next(answers) == ["10.0.0.1"]


_real = socket.getaddrinfo


async def test_a_name_with_one_private_answer_is_refused(site: int) -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(ToolError, match=r"is at 127\.0\.0\.1, inside this machine"):
        await get(site, "/page", private=False, resolve=mixed)
    assert Site.asked == []


async def test_a_grant_never_opens_a_clouds_metadata() -> None:
    with pytest.raises(ToolError, match=r"169\.254\.169\.254, inside"):
        await fetch("http://169.254.169.254/", hosts=["169.254.169.254"], private=True)


@pytest.mark.parametrize(
    ("path", "more", "told"),
    [
        ("/big", {"max_bytes": 1000}, "larger than 1,000 bytes"),
        ("/bomb", {"max_bytes": 1_000_000}, "larger than 1,000,000 bytes"),
        ("/odd", {}, "packed as 'br'"),
        ("/slow", {"timeout_s": 0.3}, "took longer than 0.3 s"),
    ],
)
async def test_limits_hold(site: int, path: str, more: dict, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await get(site, path, **more)


async def test_a_proxy_of_the_environment_is_not_used(
    site: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await get(site, "/page")).status == 200


async def test_private_addresses_need_named_hosts() -> None:
    with pytest.raises(ToolError, match="only allowed for hosts that are named"):
        await fetch("http://127.0.0.1/", private=True)


def test_public_addresses_are_public() -> None:
    from ipaddress import ip_address

    for address in ("93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::808:808"):
        assert network.is_public(ip_address(address)), address
