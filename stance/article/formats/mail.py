"""Mail (RFC 5322, MIME): the text of a message, its subject, date and sender."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from itertools import groupby

from stance.article.document import Document, compose, tidy
from stance.article.formats import html
from stance.schema import DocumentError, Metadata, Span, require

_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_QUOTED = re.compile(r"[ \t]*>")
_SIGNATURE = re.compile(r"^-- ?$", re.M)
_SAID = re.compile(
    r"(?:On\s.{5,200}\swrote:|-{3,} ?(?:Original|Forwarded) [Mm]essage ?-{3,})", re.S
)
STUB = 200
"""Characters below which a plain part only points to the message's HTML part."""


def read(content: bytes, charset: str | None = None) -> Document:
    """Extract the text of a message; quoted mail and the signature are set apart.

    Raises:
        DocumentError: If it is no message, or has no text.
        DependencyError: If it is HTML only and trafilatura is not installed.
    """
    try:
        message = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(message, EmailMessage)
        plain = _content(message, "plain")
        page = _content(message, "html") if len(plain.strip()) < STUB else ""
        attached = [part.get_filename("unnamed") for part in message.iter_attachments()]
    except RecursionError:
        raise DocumentError("parts of this mail are nested too deeply") from None
    if not message.keys():
        raise DocumentError("is no mail (no headers); give it a name that ends in .txt")
    text, apart = _from_html(page) if page.strip() else compose(_paragraphs(plain))
    if not text:
        raise DocumentError("no text in this mail, nothing to score")
    metadata = Metadata(
        format="mail",
        title=tidy(str(message["subject"] or "")) or None,
        date=_date(message),
        outlet=_sender(message),
        language=str(message["content-language"] or "").partition("-")[0].lower() or None,
    )
    names = ", ".join(tidy(name) for name in attached[:5])
    more = f" and {len(attached) - 5} more" if len(attached) > 5 else ""
    warnings = (f"attachments left out: {names}{more}",) if attached else ()
    return Document("", text, metadata, apart, warnings)


def _content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # an encoding that nobody knows
        payload = part.get_payload(decode=True)
        return html.decode(payload, None) if isinstance(payload, bytes) else ""


def _from_html(page: str) -> tuple[str, tuple[Span, ...]]:
    try:
        document = html.read(page.encode("utf-8", "replace"), "utf-8")
        return document.text, document.boilerplate
    except DocumentError:  # a message is seldom laid out like an article
        trafilatura = require("trafilatura", extra="read", purpose="reading a mail in HTML")
        return compose([(trafilatura.html2txt(page), False)])


def _paragraphs(body: str) -> Iterator[tuple[str, bool]]:
    """Yield paragraphs, quoted lines apart from the writer's; after the signature all is apart."""
    body = body.replace("\r\n", "\n")
    signature = _SIGNATURE.search(body)
    end = signature.start() if signature else len(body)
    for paragraph in _EMPTY_LINE.split(body[:end]):
        for quoted, lines in groupby(paragraph.split("\n"), lambda line: bool(_QUOTED.match(line))):
            text = "\n".join(lines)
            yield text, quoted or bool(_SAID.fullmatch(text.strip()))
    yield body[end:], True


def _date(message: EmailMessage) -> str | None:
    try:
        return parsedate_to_datetime(str(message["date"])).date().isoformat()
    except (TypeError, ValueError):
        return None


def _sender(message: EmailMessage) -> str | None:
    """Return the sender's name, or the domain of a sender without one."""
    address = next(iter(getattr(message["from"], "addresses", ())), None)
    return (tidy(address.display_name) or address.domain or None) if address else None
