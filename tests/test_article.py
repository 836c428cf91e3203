"""Reading articles and splitting them into sentences."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from stance.article import expand, read_document, split
from stance.article.sentences import MAX_CHARACTERS
from stance.schema import DocumentError


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split(text).sentences]


def boilerplate(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split(text).boilerplate]


# Each list is an article's sentences; joined by a blank they must come apart again.
GOLD = {
    "abbreviations": [
        "U.S. Gen. Mark A. Milgram met Lt. Col. Smith at 5 p.m. on Monday.",
        "Mr. Oduya flew to the U.S. on Tuesday.",
        "Prices rose 3.5 percent vs. 2.1 percent a year ago.",
    ],
    "quotation of several sentences": [
        '"We will not go.',
        'Not now!" he said.',
        "Nobody answered.",
    ],
    "curly quotation": [
        "“There is no meeting planned.",
        "The agenda is not ready,” the minister said.",
        "He left.",
    ],
    "single quotes": ["'It is over.'", "The rebels' leader didn't say more."],
    "guillemets": ["«It is over.»", "He left."],
    "question inside a frame": ["“Why now?” she asked.", "“Go home!” he shouted."],
    "ellipsis": ["Prices rose... then fell.", "He paused."],
    "dateline": ["KYIV, May 3 (Agency) — The talks failed.", "They end today."],
    "number abbreviation": ["No. 10 refused to comment.", "Art. 5 was not invoked."],
    "unbalanced quotation": ["“We are ready.", "They are not.", "That is all."],
    "parenthesis": ["They left (nobody knows why).", "(The embassy declined to comment.)", "So."],
    "all capitals": ["BRITAIN WARNS JAPAN OVER TRADE ROW.", "TOKYO DENIES IT."],
}


@pytest.mark.parametrize("gold", GOLD.values(), ids=GOLD.keys())
def test_boundaries(gold: list[str]) -> None:
    assert sentences(" ".join(gold)) == gold


def test_headline_list_and_paragraphs_stand_alone() -> None:
    text = "Deal signed in Geneva\nThe ministers met.\n\n- first item\n- second item\n\nThe end."
    assert sentences(text) == [
        "Deal signed in Geneva",
        "The ministers met.",
        "- first item",
        "- second item",
        "The end.",
    ]


def test_hard_wrapped_lines_are_joined() -> None:
    text = "The foreign ministers of the two countries met in the capital on Monday\nand agreed."
    assert sentences(text) == [text]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_newline_parts_paragraphs(newline: str) -> None:
    assert sentences(f"He left.{newline}{newline}She stayed.") == ["He left.", "She stayed."]


@pytest.mark.parametrize(
    "line",
    [
        "0 Comments",
        "12 comments",
        "Share this article",
        "Share on Facebook | Twitter | Email",
        "Read more: Talks fail in Geneva",
        "Related stories",
        "Advertisement",
        "Sign up for our newsletter",
        "Follow us on Twitter and Facebook.",
        "Skip to content",
        "© 2024 The Daily. All rights reserved.",
        "We use cookies to improve this site.",
        "Ilse Karan in Teld. Photo: The Agency",
        "3/5/2024, 9:43 AM Talks fail - The Daily https://daily.example/talks 1/2",
        "https://daily.example/talks 2/2",
        "CLICK HERE TO GET THE DAILY APP",
        "Norland at war: live updates",
    ],
)
def test_page_furniture_is_set_apart(line: str) -> None:
    text = f"The talks failed.\n{line}"
    assert sentences(text) == ["The talks failed."]
    assert boilerplate(text) == [line]


@pytest.mark.parametrize("heading", ["1,204 Comments", "Comments (3)", "COMMENTS"])
def test_what_readers_write_below_an_article_is_set_apart(heading: str) -> None:
    told = ["Talks fail", "The talks failed.", "“No,” he said.", "They left."]
    text = "\n\n".join([told[0], heading, *told[1:], heading, "joe77\nHit them all!", "ann: No."])
    assert sentences(text) == told
    assert boilerplate(text) == [heading, heading, "joe77", "Hit them all!", "ann: No."]


@pytest.mark.parametrize(
    "line",
    [
        "Share prices fell on Monday.",
        "Comments by the minister angered Seoul.",
        "The minister made no comment.",
        "More talks are planned for May.",
        "Read the treaty, he told them, and you will see.",
        "Sign the deal or leave, the envoy said.",
        "Follow us to the border, he told them.",
    ],
)
def test_sentences_about_sharing_are_sentences(line: str) -> None:
    assert sentences(f"The talks failed.\n\n{line}") == ["The talks failed.", line]


def test_offsets_hold_on_any_text() -> None:
    alphabet = list("aB. \n\r\t\"“”«»'’!?…—-()0\u200b\ufeff\u0301é😀ש\u202e,:;")
    rng = random.Random(1)
    for _ in range(400):
        text = "".join(rng.choices(alphabet, k=rng.randrange(120)))
        result = split(text)
        last = 0
        for span in sorted([*result.sentences, *result.boilerplate], key=lambda s: s.start):
            piece = text[span.start : span.end]
            assert last <= span.start < span.end
            assert piece == piece.strip()
            last = span.end


@pytest.mark.parametrize(
    "text",
    [
        "x" * 200_000,
        "word " * 40_000,
        '"' * 100_000,
        "A b. " * 20_000,
        "\n" * 100_000,
        "a\n" * 9000,
    ],
    ids=["letters", "words", "quotes", "stops", "newlines", "lines"],
)
def test_monstrous_text_gives_bounded_sentences(text: str) -> None:
    assert all(span.end - span.start <= MAX_CHARACTERS for span in split(text).sentences)


def test_every_word_is_in_a_sentence_or_set_apart() -> None:
    text = "Talks\nfailed. “He left.\n\nShe stayed” he said\nand wept.\n0 Comments"
    parts = split(text)
    spans = [*parts.sentences, *parts.boilerplate]
    assert "".join("".join(text[s.start : s.end].split()) for s in spans) == "".join(text.split())


def write(content: bytes, name: str = "article.txt") -> str:
    Path(name).write_bytes(content)
    return name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "article.txt: empty, nothing to score"),
        (b" \n\t \n", "article.txt: empty, nothing to score"),
        (b"\xef\xbb\xbf \n", "article.txt: empty, nothing to score"),
        (b"\x89PNG\r\n\x00\x00\x01", "article.txt: is a picture, expected an article"),
        (b"talks\x00\x00\x01", r"article.txt: not text \(null bytes\)"),
        ("Der Außenminister".encode("latin-1"), r"article.txt: not UTF-8 text \(byte 6\).*iconv"),
        (b"\x01\x02\x03 talks \x04\x05", r"article.txt: not text \(control characters\)"),
    ],
)
def test_unreadable_article_is_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        read_document(write(content))
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_refused() -> None:
    Path("folder").mkdir()
    with pytest.raises(DocumentError, match=r"nope.txt: no such file"):
        read_document("nope.txt")
    with pytest.raises(DocumentError, match="folder: is a folder"):
        read_document("folder")


def test_text_is_untouched() -> None:
    text = "\ufeffHe left.\r\nShe\tstayed.\r\n"
    assert read_document(write(text.encode("utf-8"))).text == text
    assert sentences(text)[0] == "He left."


def test_utf16_with_its_mark_is_read() -> None:
    assert read_document(write("He left.".encode("utf-16"))).text == "He left."


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"He left."))
    monkeypatch.setattr("sys.stdin", stream)
    document = read_document("-")
    assert (document.name, document.text) == ("<stdin>", "He left.")


def test_folder_stands_for_its_articles_in_order() -> None:
    Path("folder").mkdir()
    for name in ("b.txt", "a.txt", "c.md", "d.png"):
        write(b"x", f"folder/{name}")
    assert expand(["-", "folder", "x.txt"]) == [
        *("-", "folder/a.txt", "folder/b.txt", "folder/c.md", "x.txt")
    ]


def test_folder_of_nothing_is_refused() -> None:
    Path("folder").mkdir()
    with pytest.raises(DocumentError, match="folder: no article in this folder"):
        expand(["folder"])


def test_a_long_run_of_blanks_is_read_once() -> None:
    blanks = "\t" * 300_000  # in minutes, were it read once for each of them
    text = f"We met.{blanks}\n\n{blanks}They left."
    assert [text[s.start : s.end] for s in split(text).sentences] == ["We met.", "They left."]
