"""Fetching from the public web, and from nowhere else.

Each hop is checked on its own: the address that a name resolves to is checked, and that very
address is connected to, so that a second answer of the resolver changes nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
import unicodedata
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from agentrt.errors import ToolError

if TYPE_CHECKING:
    import httpx

MAX_REDIRECTS = 5
MAX_URL = 2048
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host's name and a port to its addresses."""

_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
# Not public, whatever the standard library of this Python says of them: special-use blocks,
# translated IPv4 addresses, and Azure's metadata, which only looks public.
_CLOSED = tuple(
    map(
        ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10", "168.63.129.16/32",
         "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "3fff::/20", "5f00::/16"),
    )
)  # fmt: skip
_NUMBER = re.compile(r"^(0x[0-9a-f]*|[0-9]+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """What an address answered in the end."""

    url: str
    status: int
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server names."""
        named = re.search(r"charset=\"?([\w-]+)", self.content_type)
        try:
            return self.body.decode(named[1] if named else "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


async def fetch(
    url: str,
    *,
    hosts: Sequence[str] | None = None,
    private: bool = False,
    max_bytes: int = 2_000_000,
    timeout_s: float = 20.0,
    resolve: Resolve | None = None,
) -> Page:
    """GET an address, after redirects.

    Args:
        hosts: the only hosts it may ask, as ``name``, ``*.name`` (its subdomains) or ``name:port``.
        private: whether addresses inside the machine or its network are allowed; needs ``hosts``.
        max_bytes: what the answer may hold, unpacked.
        timeout_s: for all hops together.
        resolve: another resolver, for tests.

    Raises:
        ToolError: it was refused, failed, or took or held too much.
    """
    import httpx

    if private and not hosts:
        raise ToolError("refused: private addresses are only allowed for hosts that are named")
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout_s) as client,
        ):
            for _ in range(MAX_REDIRECTS + 1):
                target = check_url(url, hosts)
                address = await _address(target, private, resolve or _system_resolver)
                answer = await _get(client, target, address, max_bytes)
                if isinstance(answer, Page):
                    return answer
                url = answer
    except TimeoutError as error:
        raise ToolError(f"{_short(url)} took longer than {timeout_s:g} s") from error
    except (httpx.HTTPError, OSError, ValueError, zlib.error) as error:
        raise ToolError(f"{_short(url)} failed: {error or type(error).__name__}") from error
    raise ToolError(f"refused: more than {MAX_REDIRECTS} redirects")


def check_url(url: str, hosts: Sequence[str] | None = None) -> httpx.URL:
    """Check all of an address that can be checked without asking anybody.

    Raises:
        ToolError: its scheme, port, host or spelling is refused.
    """
    import httpx

    if len(url) > MAX_URL or any(unicodedata.category(c) in ("Cc", "Cf", "Zs") for c in url):
        raise ToolError(f"refused: {_short(url)!r} is too long, or holds blanks or control signs")
    try:
        target = httpx.URL(url)
        host = target.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ToolError(f"refused: {_short(url)!r} is no valid address") from error
    if target.scheme not in _PORTS:
        raise ToolError(f"refused: only http and https are fetched, not {target.scheme!r}")
    if target.userinfo or "\\" in url:
        raise ToolError("refused: an address with a user name, a password or a backslash")
    _check_host(host)
    _check_granted(host, target.port, target.scheme, hosts)
    return target


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is out on the internet, looked at through every way to wrap one."""
    if any(address.version == block.version and address in block for block in _CLOSED):
        return False
    if isinstance(address, IPv6Address):
        # A scope such as %eth0; and ISATAP and Teredo, which wrap addresses of both sides.
        isatap = (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE
        if address.scope_id or address.is_site_local or isatap or address.teredo:
            return False
        wrapped = _wrapped(address)
        if wrapped is not None:
            return is_public(wrapped)
    odd = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not odd


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _check_host(host: str) -> None:
    """Refuse spellings of an IP address that only some programs read as one."""
    if not host or host.endswith("..") or "%" in host:
        raise ToolError(f"refused: {host!r} is no host")
    if ":" in host:
        return
    last = host.rstrip(".").rpartition(".")[2]
    if _NUMBER.match(last):
        try:
            IPv4Address(host)
        except ValueError as error:
            raise ToolError(f"refused: {host!r} is an odd spelling of an IP address") from error


def _check_granted(host: str, port: int | None, scheme: str, hosts: Sequence[str] | None) -> None:
    bare = host.rstrip(".")
    usual = port is None or port == _PORTS[scheme]
    if hosts is None:
        if not usual:
            raise ToolError(f"refused: port {port} was not granted (hosts: [{bare}:{port}] would)")
        return
    for granted in hosts:
        if granted == f"{bare}:{port}" or (usual and _is_named(bare, granted.lower())):
            return
    raise ToolError(f"refused: {host!r} is none of the granted hosts ({', '.join(hosts)})")


def _is_named(host: str, granted: str) -> bool:
    if granted.startswith("*."):
        return host.endswith(granted[1:])
    return host == granted.strip("[]")


async def _address(target: httpx.URL, private: bool, resolve: Resolve) -> str:
    """The address to connect to: every answer of the resolver must be allowed."""
    host, port = target.raw_host.decode("ascii"), target.port or _PORTS[target.scheme]
    try:
        found = [ip_address(host)]
    except ValueError:
        found = [ip_address(answer) for answer in await resolve(host, port)]
    if not found:
        raise ToolError(f"{host!r} has no address")
    for address in found:
        # Link-local addresses hold the metadata of clouds: no grant opens those.
        if not is_public(address) and (not private or address.is_link_local):
            raise ToolError(
                f"refused: {host!r} is at {address}, inside this machine or its network"
            )
    return str(found[0])


async def _system_resolver(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in found]


async def _get(
    client: httpx.AsyncClient, target: httpx.URL, address: str, max_bytes: int
) -> Page | str:
    """The page, or where it redirects to."""
    host = target.raw_host.decode("ascii")
    request = client.build_request(
        "GET",
        target.copy_with(host=address),
        headers={
            "Host": target.netloc.decode("ascii"),
            "Accept-Encoding": "gzip",
            "User-Agent": "agentrt",
        },
        extensions={"sni_hostname": host},
    )
    response = await client.send(request, stream=True)
    try:
        if response.has_redirect_location:
            return str(target.join(response.headers["location"]))
        body = await _read(response, max_bytes)
    finally:
        await response.aclose()
    content_type = response.headers.get("content-type", "")
    return Page(str(target), response.status_code, content_type, body)


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked by hand: httpx would unpack a bomb before its size can be seen."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "deflate"):
        raise ToolError(f"refused: the answer is packed as {encoding!r}, and gzip was asked for")
    packed = encoding in ("gzip", "deflate")
    unpack = zlib.decompressobj(wbits=47)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += unpack.decompress(chunk, max_bytes + 1 - len(body)) if packed else chunk
        if len(body) > max_bytes:
            raise ToolError(f"refused: the answer is larger than {max_bytes:,} bytes")
    return bytes(body)


def _short(url: str) -> str:
    return url if len(url) <= 80 else url[:80] + "…"
