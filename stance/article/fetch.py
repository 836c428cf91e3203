"""Fetches a page from the web, and from nowhere else.

Whoever chooses an address must not reach what only this machine can (server-side request forgery,
OWASP): each hop of a redirect is resolved once, every address of the answer is checked, and the
connection goes to the address that was checked, so that a second answer of the DNS changes
nothing. Proxies of the environment are not used.
"""

from __future__ import annotations

import http
import ipaddress
import socket
import time
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urljoin

from stance.schema import DocumentError, require

MAX_BYTES = 20_000_000
"""Bytes of a page, decompressed."""
REDIRECTS = 5
WAIT = 10.0
"""Seconds for a connection, and for each next piece of the answer."""

_ACCEPTED = (
    "text/",
    "message/rfc822",
    "application/octet-stream",
    "application/pdf",
    "application/xhtml+xml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered: the URL after redirects, the media type, the encoding it told."""

    url: str
    content: bytes
    type: str
    charset: str | None


def fetch(url: str, *, allow_private: bool = False, seconds: float = 30) -> Page:
    """Fetch a page.

    Args:
        url: An `http` or `https` URL.
        allow_private: Let it, or a redirect, lead to addresses that are not public.
        seconds: For everything together.

    Raises:
        DocumentError: If it is no such URL, leads to an address that is not public, redirects more
            than `REDIRECTS` times, is larger than `MAX_BYTES`, is no text, is not answered with
            success, or takes too long; the message lacks the URL.
        DependencyError: If urllib3 is not installed.
    """
    require("urllib3", extra="read", purpose="fetching a page")
    deadline = time.monotonic() + seconds
    here = url
    for _ in range(REDIRECTS + 1):
        response = _request(here, allow_private, deadline)
        try:
            target = response.headers.get("Location") if 300 <= response.status < 400 else None
            if target is None:
                return _page(here, response, deadline)
            here = urljoin(here, target)
        finally:
            response.close()
    raise DocumentError(f"redirects more than {REDIRECTS} times, at last to {here[:200]}")


def _request(url: str, allow_private: bool, deadline: float) -> Any:
    import urllib3

    try:
        parts = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError:
        raise DocumentError(f"is no valid URL: {url[:200]}") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise DocumentError(f"expected an http or https URL, found {url[:200]}")
    if parts.auth:
        raise DocumentError("has a user name or password in it; leave them out")
    host = parts.host.strip("[]")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    failure = ""
    for address in _addresses(host, port, allow_private):
        # urllib3 connects to the checked address and proves the certificate of the host's name.
        secure: dict[str, Any] = {
            "server_hostname": host,
            "assert_hostname": host,
            "cert_reqs": "CERT_REQUIRED",
        }
        pool = urllib3.connection_from_url(
            f"{parts.scheme}://{f'[{address}]' if ':' in address else address}:{port}",
            timeout=min(WAIT, max(0.1, deadline - time.monotonic())),
            retries=False,
            **(secure if parts.scheme == "https" else {}),
        )
        try:
            return pool.urlopen(
                "GET",
                parts.request_uri,
                headers={
                    "Host": str(parts.netloc),
                    "User-Agent": "stance (reads one article for its user)",
                    "Accept": "text/html, application/pdf;q=0.9, text/*;q=0.8, */*;q=0.1",
                    "Accept-Encoding": "gzip, deflate",
                },
                redirect=False,
                preload_content=False,
                assert_same_host=False,
            )
        except urllib3.exceptions.HTTPError as error:
            failure = _reason(error)
    raise DocumentError(f"cannot be fetched from {host}: {failure}")


def _reason(error: Exception) -> str:
    import urllib3

    cause = error.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        told = cause.strerror
    elif isinstance(error, urllib3.exceptions.TimeoutError):
        told = "no answer in time"
    else:
        told = str(cause or error)
    return " ".join(told.split())[:200]


def _addresses(host: str, port: int, allow_private: bool) -> list[str]:
    """Resolve a host; refuse it if any of its addresses is not public."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DocumentError(f"no such host: {host}") from None
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in addresses:
        if not allow_private and not _is_public(address):
            place = address if host == address else f"{host} is at {address}, which"
            raise DocumentError(
                f"{place} is an address of this machine or a private network; "
                f"only public addresses are fetched (--allow-private lifts this)"
            )
    return addresses


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address within: where the packets go in the end.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if not inner and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return _is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _page(url: str, response: Any, deadline: float) -> Page:
    if response.status != 200:
        name = next((s.phrase for s in http.HTTPStatus if s == response.status), "")
        advice = "; open it in a browser and save it" if response.status in (401, 402, 403) else ""
        raise DocumentError(f"the server answered {response.status} {name}".rstrip() + advice)
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "application/octet-stream")
    kind = header.get_content_type()
    if not kind.startswith(_ACCEPTED):
        raise DocumentError(f"is {kind}, expected an article")
    return Page(url, _body(response, deadline), kind, header.get_content_charset())


def _body(response: Any, deadline: float) -> bytes:
    import urllib3

    content = bytearray()
    try:
        # Piece by piece as they come: a server that drips must not keep us.
        while piece := response.read1(65536, decode_content=True):
            content += piece
            if len(content) > MAX_BYTES:
                raise DocumentError(
                    f"larger than {MAX_BYTES // 1_000_000} MB, expected one article"
                )
            if time.monotonic() > deadline:
                raise DocumentError("is sent too slowly; open it in a browser and save it")
    except urllib3.exceptions.HTTPError as error:
        raise DocumentError(f"broke off while it was fetched: {_reason(error)}") from None
    return bytes(content)
