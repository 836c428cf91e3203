"""Every format that is read, on a file made for it, sound and broken and made to harm."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from email.message import EmailMessage
from pathlib import Path

import jsonschema
import pytest
import stance
from stance.article import Document, expand, read_document, split_document, worker
from stance.article import read as reading
from stance.article.formats import extract
from stance.schema import DependencyError, DocumentError, Metadata

from tests.conftest import ROOT
from tests.makers import FURNITURE, PARAGRAPHS, TITLE, docx, news_page, paragraph, pdf


def read(content: str | bytes, name: str) -> Document:
    encoded = content.encode("utf-8") if isinstance(content, str) else content
    Path(name).write_bytes(encoded)
    return read_document(name)


def refused(content: str | bytes, name: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(content, name)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    return message


def sentences(document: Document) -> list[str]:
    return [document.text[s.start : s.end] for s in split_document(document).sentences]


def apart(document: Document) -> list[str]:
    return [document.text[s.start : s.end] for s in split_document(document).boilerplate]


# --- HTML


def test_news_page_gives_headline_paragraphs_and_nothing_around_them() -> None:
    document = read(news_page(), "page.html")
    assert sentences(document) == [TITLE, *PARAGRAPHS]
    assert not [word for word in FURNITURE if word in document.text]
    assert document.metadata == Metadata(
        format="html",
        title=TITLE,
        date="2024-05-03",
        outlet="The Harbour Post",
        author="Ana Prosper",
        language="en",
    )


def test_headline_outside_the_article_is_read_once() -> None:
    page = news_page().replace(f"<h1>{TITLE}</h1>", "")
    assert sentences(read(page, "page.html")) == [TITLE, *PARAGRAPHS]


def test_page_is_told_by_its_content_whatever_its_name() -> None:
    assert read(news_page(), "page.txt").metadata.format == "html"


def test_read_more_inside_the_article_is_set_apart() -> None:
    line = "Read more: How the border dispute began"
    page = news_page(paragraphs=[*PARAGRAPHS[:2], line, *PARAGRAPHS[2:]])
    document = read(page, "page.html")
    assert sentences(document) == [TITLE, *PARAGRAPHS]
    assert apart(document) == [line]


def test_table_cells_that_are_no_sentences_are_set_apart() -> None:
    table = "<table><tr><td>Soldiers</td><td>They left on Monday.</td></tr></table>"
    document = read(news_page(paragraphs=[*PARAGRAPHS, table]), "page.html")
    assert sentences(document)[-1] == "They left on Monday."
    assert "Soldiers" in apart(document)


def test_menu_of_a_page_laid_out_in_a_table_is_set_apart() -> None:
    menu = "<td><a href='/'>Home</a><br><a href='/n'>News</a><br><a href='/c'>Contact us</a></td>"
    body = f"<b>{TITLE}</b><br><br>" + "<br><br>".join(PARAGRAPHS)
    page = (
        f"<html><head><title>{TITLE}</title></head><body>"
        f"<table><tr>{menu}<td>{body}</td></tr></table></body></html>"
    )
    document = read(page, "page.html")
    assert sentences(document) == [TITLE, *PARAGRAPHS]
    assert apart(document) == ["Home", "News", "Contact us"]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("windows-1252", "windows-1252"), ("utf-8", "windows-1252"), ("nonsense", "utf-8")],
    ids=["declared", "declared wrongly", "unknown"],
)
def test_page_in_any_encoding_is_read(declared: str, encoding: str) -> None:
    page = news_page().replace('charset="utf-8"', f'charset="{declared}"')
    assert PARAGRAPHS[1] in read(page.encode(encoding), "page.html").text


@pytest.mark.parametrize(
    "page",
    [
        "<html></html>",
        "<!DOCTYPE html><html><body><script>render('article')</script></body></html>",
        "<html><body><nav><a href='/'>Home</a></nav></body></html>",
    ],
    ids=["nothing", "script only", "navigation only"],
)
def test_page_without_an_article_is_refused(page: str) -> None:
    assert "no article in this page (does it need JavaScript" in refused(page, "page.html")


@pytest.mark.parametrize(
    "page",
    [
        news_page().replace("<article>", "<div>" * 50_000 + "<article>"),
        news_page().replace("<h1>", f"<h1 class='{'x' * 5_000_000}'>"),
        news_page().replace("<p>", "<p " + " ".join(f"a{i}='1'" for i in range(100_000)) + ">", 1),
        news_page().replace("</article>", "<b>" * 100_000 + "</article>"),
        news_page().replace("border", "bor\0der")[:-100],
    ],
    ids=["nesting", "huge attribute", "many attributes", "unclosed", "null bytes, cut short"],
)
def test_html_bomb_is_read_or_refused_in_time(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read("They left.", "a.md")  # the process is there, only the page is timed
    monkeypatch.setattr(reading, "SECONDS", 4.0)
    start = time.monotonic()
    try:
        outcome = read(page, "page.html").text
    except DocumentError as error:
        outcome = str(error)
    assert time.monotonic() - start < 6
    told = ("page.html: took longer than 4 s", "page.html: elements of this page are nested over")
    assert outcome.startswith(told) or PARAGRAPHS[1] in outcome


def test_markup_in_a_page_that_says_it_is_text_stays_text() -> None:
    line = "He wrote &lt;script&gt;alert(1)&lt;/script&gt; \u202eon the wall, the minister said."
    document = read(news_page(paragraphs=[line, *PARAGRAPHS]), "page.html")
    assert "He wrote <script>alert(1)</script> \u202eon the wall" in document.text


# --- Markdown


def test_markdown_is_read_without_its_marks() -> None:
    source = (
        "---\ntitle: Border offer\ndate: 2024-05-03 09:12\noutlet: 'The Harbour Post'\n---\n\n"
        "# Norland rejects offer\n\nNorland **rejected** the [offer](https://example.org) on\n"
        "Friday.\n\n![Soldiers at Teld.](a.jpg)\n\n- It wants a withdrawal.\n- It wants peace.\n\n"
        "> “We will *never* negotiate.”\n\n```\nprint('code')\n```\n\n0 Comments\n"
    )
    document = read(source, "article.md")
    assert sentences(document) == [
        "Norland rejects offer",
        "Norland rejected the offer on Friday.",
        "It wants a withdrawal.",
        "It wants peace.",
        "“We will never negotiate.”",
    ]
    assert apart(document) == ["Soldiers at Teld.", "0 Comments"]
    assert document.metadata == Metadata(
        "markdown", "Border offer", "2024-05-03", "The Harbour Post", language="en"
    )


def test_markdown_without_front_matter_is_titled_by_its_heading() -> None:
    metadata = read("# Talks fail\n\nThey left.", "a.md").metadata
    assert (metadata.title, metadata.date) == ("Talks fail", None)


def test_markdown_of_code_alone_is_refused() -> None:
    assert "no text in this Markdown file" in refused("```\nx = 1\n```\n", "a.md")


def test_markdown_bomb_is_read_in_time() -> None:
    start = time.monotonic()
    read("> " * 20_000 + "a\n\n" + "[" * 20_000 + "\n\n" + "*a " * 20_000, "a.md")
    assert time.monotonic() - start < 30


# --- PDF

COLUMN = (
    "Norland on Friday rejected an offer by Southmark to withdraw its",
    "troops from the border, and said that it would not negoti-",
    "ate with anyone.",
    '"We will never negotiate under threat," Foreign Minister Karan told',
    "reporters.",
)


def test_pdf_lines_are_joined_and_running_heads_left_out() -> None:
    body = ([*COLUMN], ["They left on Monday."], ["They came back on Friday,", "and met again."])
    pages = [["The Harbour Post", *lines, str(number)] for number, lines in enumerate(body, 1)]
    info = "/Title (Border offer) /Author (Ana Prosper) /CreationDate (D:20240503091200Z)"
    document = read(pdf(pages, info=info), "page.pdf")
    assert sentences(document) == [
        "Norland on Friday rejected an offer by Southmark to withdraw its troops from the border, "
        "and said that it would not negotiate with anyone.",
        '"We will never negotiate under threat," Foreign Minister Karan told reporters.',
        "They left on Monday.",
        "They came back on Friday, and met again.",
    ]
    assert document.metadata == Metadata(
        "pdf", "Border offer", "2024-05-03", author="Ana Prosper", language="en"
    )


def test_pdf_heading_and_caption_stand_alone() -> None:
    lines = ["Talks fail in Geneva", *COLUMN, "Figure 1: Soldiers at the border", *COLUMN]
    document = read(pdf([lines]), "page.pdf")
    assert sentences(document)[0] == "Talks fail in Geneva"
    assert apart(document) == ["Figure 1: Soldiers at the border"]


def test_pdf_page_without_text_is_warned_of() -> None:
    assert read(pdf([COLUMN, []]), "page.pdf").warnings == ("no text on 1 of 2 pages (scanned?)",)


def test_scanned_pdf_is_refused() -> None:
    message = refused(pdf([[], []]), "scan.pdf")
    assert "no text on any page of this PDF (a scan?); recognise its text first" in message


def encrypted(password: str) -> bytes:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf([COLUMN])))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_encrypted_pdf_is_refused_unless_it_opens_without_a_password() -> None:
    assert "encrypted PDF, it needs a password" in refused(encrypted("secret"), "a.pdf")
    assert "never negotiate" in read(encrypted(""), "a.pdf").text


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 abc",
        pdf([COLUMN])[:300],
        b"no PDF at all, but named like one",
        pdf([COLUMN]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
    ],
    ids=["header only", "cut short", "text", "pages within themselves"],
)
def test_damaged_pdf_is_refused(content: bytes) -> None:
    assert "PDF" in refused(content, "a.pdf").upper()


# --- Word


def test_word_document_gives_its_paragraphs() -> None:
    body = (
        paragraph("Talks fail", style="Heading1")
        + "<w:p><w:r><w:t>They will </w:t></w:r><w:del><w:r><w:delText>not </w:delText></w:r>"
        "</w:del><w:r><w:t>meet again.</w:t></w:r></w:p>"
        + paragraph("Soldiers at Teld.", style="Caption")
        + f"<w:tbl><w:tr><w:tc>{paragraph('Norland left.')}</w:tc></w:tr></w:tbl>"
    )
    document = read(docx(body), "a.docx")
    assert sentences(document) == ["Talks fail", "They will meet again.", "Norland left."]
    assert apart(document) == ["Soldiers at Teld."]
    assert document.metadata == Metadata(
        "docx", "Border offer", "2024-05-03", author="Ana Prosper", language="en"
    )


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ENTITIES = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (docx(""), "no text in this document"),
        (docx(paragraph("  ")), "no text in this document"),
        (b"They left.", "is no .docx document, or a damaged one"),
        (docx(paragraph("They left."))[:200], "is no .docx document, or a damaged one"),
        (zipped({}), "is a ZIP archive without word/document.xml"),
        (zipped({"a.txt": b"They left."}), "is a ZIP archive without word/document.xml"),
        (zipped({"word/document.xml": b"<w:p>"}), "damaged docx file"),
        (docx(paragraph("&b;"), prolog=ENTITIES), "declares entities; refused"),
        (
            zipped({"word/document.xml": b"<a>" + b" " * 60_000_000 + b"</a>"}),
            "larger than 50 MB decompressed",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old or encrypted Office file"),
    ],
    ids=[
        *("empty", "blank", "text", "cut", "no files", "other archive", "bad XML", "entities"),
        *("bomb", "old Office"),
    ],
)
def test_broken_word_document_is_refused(content: bytes, message: str) -> None:
    assert message in refused(content, "a.docx")


# --- Mail


def mail(plain: str = "", page: str = "", attachment: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "The Harbour Post <news@harbourpost.example>"
    message["Subject"] = "Border offer rejected – “a trick”"
    message["Date"] = "Fri, 03 May 2024 09:12:00 +0200"
    if plain:
        message.set_content(plain)
    if page:
        message.add_alternative(page, subtype="html")
    if attachment:
        message.add_attachment(b"x" * 1000, "application", "pdf", filename=attachment)
    return message


def test_mail_sets_quoted_mail_and_signature_apart() -> None:
    body = (
        "Norland left the talks.\nIt will not come back.\n\nOn Thu, 2 May 2024, Ilse wrote:\n"
        "> We will attack.\n> Soon.\n\nThat was a lie.\n\n-- \nAna Prosper\nThe Harbour Post\n"
    )
    document = read(mail(body).as_bytes(), "a.eml")
    assert sentences(document) == [
        "Norland left the talks.",
        "It will not come back.",
        "That was a lie.",
    ]
    assert "> We will attack.\n> Soon." in apart(document)
    assert document.metadata == Metadata(
        "mail", "Border offer rejected – “a trick”", "2024-05-03", "The Harbour Post", language="en"
    )
    assert document.warnings == ()


def test_mail_with_only_html_is_read_and_its_attachment_noted() -> None:
    document = read(mail(page=news_page(), attachment="offer.pdf").as_bytes(), "a.eml")
    assert sentences(document) == [TITLE, *PARAGRAPHS]
    assert document.warnings == ("attachments left out: offer.pdf",)


def test_short_html_mail_that_is_no_article_is_read_whole() -> None:
    page = "<html><body><table><tr><td>They left.</td></tr></table></body></html>"
    assert sentences(read(mail(page=page).as_bytes(), "a.eml")) == ["They left."]


def test_mail_on_standard_input_is_told_by_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    content = mail("Norland left the talks.").as_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_document("-").metadata.format == "mail"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mail(attachment="offer.pdf").as_bytes(), "no text in this mail"),
        (b"\n\nNo headers, but a text.", "is no mail (no headers)"),
        (
            b"MIME-Version: 1.0\n"
            + b"".join(
                b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (i, i)
                for i in range(3000)
            ),
            "",
        ),
    ],
    ids=["attachment only", "no headers", "nesting"],
)
def test_broken_mail_is_refused(content: bytes, message: str) -> None:
    assert message in refused(content, "a.eml")


def test_mail_in_an_unknown_encoding_is_read() -> None:
    content = mail("Norland left the talks.").as_bytes().replace(b'"utf-8"', b'"klingon"')
    assert b"klingon" in content
    assert "Norland left" in read(content, "a.eml").text


# --- Plain text, and all of them


def test_text_of_10_megabytes_is_read_at_once() -> None:
    text = "They left the talks on Monday and did not come back.\n" * 190_000
    start = time.monotonic()
    assert read(text, "a.txt").text == text
    assert time.monotonic() - start < 5


def test_text_longer_than_a_book_is_refused_before_it_is_scored(model_folder: Path) -> None:
    text = "They left the talks on Monday and did not come back.\n" * 20_000
    with pytest.raises(DocumentError, match=r"a.txt: 1,060,000 characters, expected one article"):
        stance.load(model_folder).score_article(text, name="a.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"They left.\0\0\0", "not text (null bytes)"),
        (b"\x89PNG\r\n\x1a\n", "is a picture, expected an article"),
        (b"{\\rtf1 They left.}", "is RTF; save it as .docx or plain text"),
        (b"\x1f\x8b\x08", "is compressed (gzip)"),
        (b"   \n", "empty, nothing to score"),
    ],
)
@pytest.mark.parametrize("suffix", ["txt", "html", "pdf", "docx", "md", "eml"])
def test_what_is_no_article_is_refused_under_any_name(
    content: bytes, message: str, suffix: str
) -> None:
    found = refused(content, f"a.{suffix}")
    assert message in found or (b"\0" in content and suffix in ("html", "pdf", "docx", "eml"))


@pytest.mark.parametrize("name", ["a.json", "a.JSONL", "a.csv"])
def test_data_are_refused_with_what_is_read_instead(name: str) -> None:
    found = refused(b'{"title": "Talks", "text": "They left."}', name)
    assert found.startswith(f"{name}: is data ({name[1:].lower()}), expected an article (.txt, ")
    assert "a table with one a row" in found


def test_right_to_left_and_combining_characters_keep_their_places() -> None:
    text = "\u202bהשר אמר: «לא».\u202c Il a dit e\u0301te\u0301. " + "Z\u0351\u0300\u0489" * 50
    page = news_page(paragraphs=[text, *PARAGRAPHS])
    for document in (read(text, "a.txt"), read(page, "a.html")):
        assert "e\u0301te\u0301" in document.text
        spans = split_document(document)
        assert all(document.text[s.start : s.end].strip() for s in spans.sentences)


def test_language_is_detected_whatever_the_page_declares() -> None:
    german = (
        "Der Außenminister lehnte am Montag jedes Gespräch mit der Gegenseite ab.",
        "Die Regierung werde niemals nachgeben, sagte er vor Journalisten in Berlin.",
    )
    document = read(news_page(paragraphs=german * 2, title="Kein Gespräch"), "page.html")
    assert document.metadata.language == "de"
    assert read("Nein.", "a.txt").metadata.language is None


def test_name_that_no_file_can_have_is_refused() -> None:
    names = ["a" * 5000, "a\0b"]
    assert expand(names) == names
    for name in names:
        with pytest.raises(DocumentError, match="cannot be read: "):
            read_document(name)


def test_folder_stands_for_articles_of_every_format() -> None:
    Path("folder").mkdir()
    names = ("a.txt", "b.md", "c.html", "d.htm", "e.pdf", "f.docx", "g.eml", "h.png", "i.csv")
    hidden = (".DS_Store", ".x.txt", "._a.txt", "~$f.docx")
    for name in (*names, *hidden):
        Path("folder", name).touch()
    assert expand(["folder", "https://example.org/a"]) == [
        *(f"folder/{name}" for name in names[:7]),
        "https://example.org/a",
    ]


@pytest.mark.parametrize(
    ("module", "format", "content"),
    [
        ("trafilatura", "html", news_page().encode()),
        ("pypdf", "pdf", pdf([COLUMN])),
        ("defusedxml", "docx", docx(paragraph("They left."))),
    ],
)
def test_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, format: str, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match=rf"needs {module}, .*pip install 'stance\[read"):
        extract(format, content)


def test_plain_text_needs_no_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_Worker", None)
    monkeypatch.setattr(worker, "_worker", None)
    assert read("They left.", "a.txt").text == "They left."


def test_extraction_that_takes_too_long_is_ended_and_the_next_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = news_page() * 300  # seconds, so that a busy machine is not too late
    with monkeypatch.context() as patch:
        patch.setattr(reading, "SECONDS", 0.001)
        assert "took longer than 0.001 s to read" in refused(long, "page.html")
    assert sentences(read(news_page(), "page.html"))[0] == TITLE


def test_extraction_that_dies_is_told_and_the_next_is_not() -> None:
    read("They left.", "a.md")
    assert worker._worker is not None
    worker._worker.process.kill()
    assert "the process that read it died" in refused(news_page(), "page.html")
    assert sentences(read(news_page(), "page.html"))[0] == TITLE


def test_extraction_is_bounded_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    worker.close()
    monkeypatch.setenv("STANCE_TEST", "1")
    read("They left.", "a.md")
    assert worker._worker is not None
    limits = Path(f"/proc/{worker._worker.process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert str(worker.MEMORY) in line


# --- Scored


def test_scored_document_has_text_metadata_and_offsets(model_folder: Path) -> None:
    document = read(news_page(), "page.html")
    article = stance.load(model_folder).score_article(document)
    assert (article.name, article.metadata) == ("page.html", document.metadata)
    assert all(article.text[s.start : s.end] == s.text for s in article)
    found = article.to_dict()
    schema = json.loads((ROOT / "stance" / "document.schema.json").read_text())
    jsonschema.validate(found, schema)
    assert found["metadata"]["outlet"] == "The Harbour Post"


def test_what_a_format_sets_apart_is_not_scored(model_folder: Path) -> None:
    document = read(mail("They left.\n> We will attack.\n", attachment="a.pdf").as_bytes(), "a.eml")
    article = stance.load(model_folder).score_article(document)
    assert [s.text for s in article] == ["They left."]
    assert [article.text[s.start : s.end] for s in article.boilerplate] == ["> We will attack."]
    assert "attachments left out: a.pdf" in article.warnings
