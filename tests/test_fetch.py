"""Pages from the web: a server of this machine plays the good and the bad ones."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest
from stance.article import fetch as fetching
from stance.article import read_document
from stance.article.fetch import fetch
from stance.schema import DependencyError, DocumentError

from tests.makers import PARAGRAPHS, TITLE, news_page, pdf


class Handler(BaseHTTPRequestHandler):
    """Answers by path; `/to/URL` redirects to URL."""

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("/")[0]
        with suppress(OSError):  # the reader had enough and went away
            getattr(self, f"_{name}", self._missing)()

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, content: bytes, kind: str | None = "text/html", **headers: str) -> None:
        self.send_response(200)
        if kind:
            self.send_header("Content-Type", kind)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _page(self) -> None:
        self._send(news_page().encode("utf-8"))

    def _cyrillic(self) -> None:
        text = "Министр отказался от переговоров и покинул зал заседаний в понедельник. " * 5
        self._send(text.encode("koi8-r"), "text/plain; charset=koi8-r")

    def _nameless(self) -> None:
        self._send(pdf([["They left the talks on Monday."]]), None)

    def _packed(self) -> None:
        self._send(gzip.compress(news_page().encode("utf-8")), Content_Encoding="gzip")

    def _bomb(self) -> None:
        self._send(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip")

    def _broken(self) -> None:
        self._send(b"this is not gzip at all", Content_Encoding="gzip")

    def _empty(self) -> None:
        self._send(b"")

    def _picture(self) -> None:
        self._send(b"\x89PNG", "image/png")

    def _endless(self) -> None:
        self._send(b"")
        while True:
            self.wfile.write(b"<p>They left.</p>" * 10_000)

    def _slow(self) -> None:
        self._send(b"")
        for _ in range(100):
            self.wfile.write(b"<p>")
            self.wfile.flush()
            time.sleep(0.1)

    def _dumb(self) -> None:
        time.sleep(5)

    def _to(self) -> None:
        self._redirect(self.path.removeprefix("/to/"))

    def _loop(self) -> None:
        self._redirect(f"/loop/{self.path.count('/')}/{'x/' * self.path.count('/')}")

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

    def _forbidden(self) -> None:
        self.send_error(403)

    def _missing(self) -> None:
        self.send_error(404)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def refused(url: str, *, allow_private: bool = True, seconds: float = 5) -> str:
    start = time.monotonic()
    with pytest.raises(DocumentError) as caught:
        fetch(url, allow_private=allow_private, seconds=seconds)
    assert time.monotonic() - start < seconds + 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_page_of_the_web_is_read_with_where_and_when(site: str) -> None:
    document = read_document(f"{site}/to//page/story", allow_private=True)
    assert document.text.startswith(TITLE)
    assert all(paragraph in document.text for paragraph in PARAGRAPHS)
    assert document.name == f"{site}/to//page/story"
    metadata = document.metadata
    assert (metadata.url, metadata.outlet) == (f"{site}/page/story", "The Harbour Post")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", metadata.retrieved or "")


def test_format_and_encoding_are_the_servers_or_the_contents(site: str) -> None:
    plain = read_document(f"{site}/cyrillic", allow_private=True)
    assert plain.text.startswith("Министр отказался")
    assert (plain.metadata.format, plain.metadata.language) == ("text", "ru")
    assert read_document(f"{site}/nameless", allow_private=True).metadata.format == "pdf"
    assert TITLE in read_document(f"{site}/packed", allow_private=True).text


def test_address_of_this_machine_is_refused_with_its_name_and_the_way_out(site: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_document(f"{site}/page")
    assert str(caught.value) == (
        f"{site}/page: 127.0.0.1 is an address of this machine or a private network; "
        f"only public addresses are fetched (--allow-private lifts this)"
    )


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "10.0.0.1", "172.16.0.1"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
        *("[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "[ff02::1]"),
    ],
)
def test_address_that_is_not_public_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib3.connection_from_url", None)  # nothing is even tried
    message = refused(f"http://{host}/", allow_private=False)
    assert "is an address of this machine or a private network; only public" in message


def answer(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let a name have these addresses, one answer after the other, and an address itself."""
    number = count()

    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        named = not host.replace(".", "").isdigit()
        found = addresses[min(next(number), len(addresses) - 1)].split() if named else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(fetching.socket, "getaddrinfo", resolve)


def test_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "93.184.216.34 10.0.0.1")
    message = refused("http://news.example/", allow_private=False)
    assert "news.example is at 10.0.0.1, which is an address of this machine" in message


def test_redirect_to_a_private_address_is_refused(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first hop passes, as a public address would; the second is the server's own.
    checked = iter([True])
    monkeypatch.setattr(fetching, "_is_public", lambda _: next(checked, False))
    message = refused(f"{site}/to/{site}/page", allow_private=False)
    assert "127.0.0.1 is an address of this machine" in message


def test_connection_goes_to_the_address_that_was_checked(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that has another address when it is asked a second time (DNS rebinding).
    port = site.rpartition(":")[2]
    answer(monkeypatch, "127.0.0.1", "192.0.2.1")
    monkeypatch.setattr(fetching, "_is_public", lambda address: address == "127.0.0.1")
    page = fetch(f"http://news.example:{port}/page")
    assert TITLE.encode() in page.content


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("loop", r"redirects more than 5 times, at last to http://127.0.0.1:\d+/loop/.*"),
        ("missing", "the server answered 404 Not Found"),
        ("forbidden", "the server answered 403 Forbidden; open it in a browser and save it"),
        ("picture", "is image/png, expected an article"),
        ("endless", "larger than 20 MB, expected one article"),
        ("bomb", "larger than 20 MB, expected one article"),
        ("broken", "broke off while it was fetched: .*"),
        ("to/file:///etc/passwd", "expected an http or https URL, found file:///etc/passwd"),
        ("to/ftp://example.org/a", "expected an http or https URL, found ftp://example.org/a"),
    ],
)
def test_bad_answer_is_told_in_one_line(site: str, path: str, message: str) -> None:
    assert re.fullmatch(message, refused(f"{site}/{path}"))


def test_slow_server_is_left(site: str) -> None:
    assert "is sent too slowly" in refused(f"{site}/slow", seconds=1)
    assert "no answer in time" in refused(f"{site}/dumb", seconds=1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://", "expected an http or https URL, found http://"),
        ("http://[::1/", "is no valid URL"),
        ("http://user:secret@example.org/", "has a user name or password in it; leave them out"),
        ("http://no-such-host.invalid/", "no such host: no-such-host.invalid"),
        (f"http://{'a' * 300}.example/", "no such host"),
        ("http://127.0.0.1:1/", "cannot be fetched from 127.0.0.1: Connection refused"),
    ],
)
def test_url_that_leads_nowhere_is_told(url: str, message: str) -> None:
    assert re.match(message, refused(url))


def test_empty_answer_is_told(site: str) -> None:
    with pytest.raises(DocumentError, match="/empty: the server sent an empty page"):
        read_document(f"{site}/empty", allow_private=True)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "urllib3", None)
    with pytest.raises(DependencyError, match=r"needs urllib3, .*pip install 'stance\[read\]'"):
        fetch("http://example.org/")


def test_a_file_that_is_named_like_no_url_is_a_file() -> None:
    Path("http:").mkdir()
    Path("http:/a.txt").write_text("They left.")
    assert read_document("http:/a.txt").text == "They left."
