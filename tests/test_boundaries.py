"""Where sentences end: the gold set, the rules that news adds, and properties of any text."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stance.article import split
from stance.article.sentences import MAX_CHARACTERS, blocks

from tests.conftest import ROOT


def load_benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "boundaries_benchmark", ROOT / "benchmarks/boundaries.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


benchmark = load_benchmark()


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split(text).sentences]


def test_gold_has_six_hundred_boundaries_in_two_halves() -> None:
    dev, test = (benchmark.read_gold(benchmark.FOLDER / f"{half}.txt") for half in ("dev", "test"))
    assert sum(len(passage.gold) for passage in dev + test) >= 600
    assert min(len(dev), len(test)) >= 20
    assert not {passage.text for passage in dev} & {passage.text for passage in test}


def test_dev_half_is_split_right() -> None:
    dev = benchmark.read_gold(benchmark.FOLDER / "dev.txt")
    right, found, gold, _, _ = map(
        sum, zip(*(benchmark.counts(p, benchmark.ours(p.text)) for p in dev), strict=True)
    )
    assert 2 * right / (found + gold) >= 0.99


def test_published_rules_hold_but_one() -> None:
    rules = benchmark.read_gold(benchmark.FOLDER / "rules.txt")
    broken = [rule.name for rule in rules if benchmark.ours(rule.text) != rule.gold]
    assert len(rules) == 48
    assert broken == ["r48"]  # three points with blanks, said to open the sentence behind them


def test_benchmark_counts_exact_boundaries_and_whole_sentences() -> None:
    text = "One two. Three. Four."
    passage = benchmark.Passage("x", text, benchmark.ends(["One two.", "Three.", "Four."]))
    assert passage.gold == {7, 13}
    assert benchmark.counts(passage, frozenset({7, 13})) == [2, 2, 2, 3, 3]
    assert benchmark.counts(passage, frozenset({7, 10, 13})) == [2, 3, 2, 2, 3]
    assert benchmark.counts(passage, frozenset()) == [0, 0, 2, 0, 3]
    assert benchmark.ours(text) == passage.gold
    assert benchmark.by_paragraph(lambda part: part.split(". "))("A. B\n\nC") == {1, 2}


# Each list is a text's sentences; joined by a blank they must come apart again.
GOLD = {
    "acronym before a name": ["The U.S. Senate met.", "U.S.-Ruthian ties are cold."],
    "acronym before a sentence": ["She fled to the U.S.", "The others stayed.", "“I am here.”"],
    "acronym in capitals": ["TOKYO WARNED THE U.S. AND THE EC.", "IT SAID NO MORE."],
    "initials": ["J. D. Farrow met S.T. Okafor.", "It was you and I.", "He left."],
    "titles": ["Lt. Gen. (ret.) A. B. Moss and Amb. Reyes spoke.", "Dr. Lin didn't."],
    "company": ["Tolland & Sons Inc. Chairman Bob Lee left Webb & Co.", "The firm closed."],
    "unit": ["It lost 3.5 pct.", "Analysts shrugged.", "It owes 5 mln dlrs.", "Lenders know."],
    "number": ["See No. 10, Art. IV and para. 3 (a).", "He said no.", "Roth agreed."],
    "word like one": ["They told me.", "Vesk left in May.", "Guards said no.", "No.", "So."],
    "hour": ["At 5 a.m. Mrs. Ode ate.", "It ended at 6 p.m. Oslo time.", "He ate at 9 p.m.", "So?"],
    "date": ["It was on Thurs. 5 Sept. 2019.", "He left on Jan. 3.", "Then came Feb. 11."],
    "question and its attribution": ["“Why now?” Gen. Roth asked.", "“Go!” the crowd cried."],
    "question and a sentence": ["“Why now?”", "Nobody answered.", "“Go!”", "The crowd left."],
    "quotation in a quotation": ["“He said, ‘Sign.’”", "“And, ‘Sign here.", "Now.’”", "She did."],
    "question after a stop": ["“Sanctions?", "We know them,” he said.", "“They bore us.”"],
    "colon": ["He wrote: “It is late.", "Go home.”", "Nobody did; it rained."],
    "parentheses": ["He left (nobody knows why!) at noon.", "(She knew.", "She hid it.)", "So?"],
    "stage direction": ["I was glad.", "(Laughter.)", "Then I read it.", "[Crosstalk.]", "Next."],
    "dateline with a stop": ["LIMA, May 27, 1910. – The text is out.", "It is short."],
    "dateline with an agency": ["TALVA, 17 September. /NOVA/. The door is open.", "Enter."],
    "dateline with a dash": ["KYIV, May 3 (Agency) — Talks failed.", "They end."],
    "headline run on": ["Talks fail on river", "NEW TARN, May 7 (AGY) -- We met.", "We left."],
    "numbered in line": ["1. Withdraw.", "2. Disarm the rest by 5 p.m. on Friday.", "3. Go home."],
    "numbered without stops": ["1) Withdraw", "2) Disarm", "3) Go home"],
    "items in a sentence": ["They asked (a) for water; (b) for rest.", "They got (1) and (2)."],
    "ellipsis": ["We have met … and met.", "And then...", "No, that is all …", "It is not."],
}  # fmt: skip


@pytest.mark.parametrize("gold", GOLD.values(), ids=GOLD.keys())
def test_boundaries(gold: list[str]) -> None:
    assert sentences(" ".join(gold)) == gold


@pytest.mark.parametrize(
    "gold",
    [
        ["Talks stalled.", "The two left."],
        ['"We left.', 'They stayed," he said.'],
        ["He said no more.", '"They drove past us.', 'They waved," she said.'],
        ["It is set for April 2.", "Envoys will come."],
    ],
)
def test_lost_blanks_part_sentences(gold: list[str]) -> None:
    assert sentences("".join(gold)) == gold


@pytest.mark.parametrize(
    "text",
    ["Write to A.Moss@example.org or read http://example.org/a.Html today.", "S.T.Okafor left."],
)
def test_addresses_and_initials_are_not_cut(text: str) -> None:
    assert sentences(text) == [text]


def test_lines_broken_for_width_are_one_sentence_and_a_headline_above_is_another() -> None:
    text = (
        "Ministers fail again in Geneva\n"
        "Fisheries ministers of four coastal states broke up late on Monday with no\n"
        "Danish or Polish delegate in the room, and nobody expected them to do so in\n"
        "St. Osyth, where the next round is due to begin on the third of March."
    )
    headline, body = text.split("\n", 1)
    assert sentences(text) == [headline, body]


def test_an_indented_line_opens_a_paragraph_but_not_within_an_item() -> None:
    paragraphs = [
        "The minister met the envoys of seven states at the offices of Tolland",
        "Roth Inc.",
        "    Lenders will meet again on Monday, a spokesman for the larger of the",
        "two groups said.",
    ]
    first, second = "\n".join(paragraphs[:2]), "\n".join(paragraphs[2:]).strip()
    assert sentences(f"{first}\n    {second}") == [first, second]
    item = (
        "- The minister met the envoys of seven states in the hall of the old\n  Senate building."
    )
    assert sentences(item) == [item]


def test_capitals_broken_for_width_are_one_sentence() -> None:
    text = (
        "MINISTERS OF FOUR STATES BROKE UP WITHOUT AGREEMENT ON THE\n"
        "ZONE THAT HAS KEPT TRAWLERS IN HARBOUR SINCE THE MIDDLE OF\n"
        "AUGUST."
    )
    assert sentences(text) == [text]


def test_chronology_agenda_and_signatures_stand_line_by_line() -> None:
    lines = [
        "12 Jan. 1994: Treaty of Selm signed in the presence of both presidents",
        "Sept. 2011 - Dam handed to a joint company, Selm Hydro S.A.",
        "14:00 – Foreign minister before the committee of the upper house",
        "",
        "Prof. K. Anders, Lund",
        "Dr. Ruth Mbeki, Durban",
    ]
    assert sentences("\n".join(lines)) == [line for line in lines if line]


FRAGMENTS = (
    'The U.S. |Gen. |a.m. |No. |1. |(b) |• |Mr. X|he said|. |! |? |… |... |." |.” |“|"|\'|‘|’|«|»'
    "|(|)|[|]|\n|\n\n|\r\n|\u2028|\x00|\u0301|\u200b|\ufeff|\u202e|שלום. |مرحبا؟ |😀|—| |\t"
    "|LIMA, May 3 |0 Comments\n|word |A. |é|\x1c|\x85"
).split("|")
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.characters(), max_size=60).map("".join)


@given(TEXTS)
@example("")
@example("“”" * 9)
@example("\x85A.\x1cB. C.\x00")
@settings(max_examples=200, deadline=None, database=None, derandomize=True)
def test_offsets_hold_and_no_word_is_lost_in_any_text(text: str) -> None:
    result = split(text)
    spans = sorted([*result.sentences, *result.boilerplate], key=lambda span: span.start)
    rest, last = [], 0
    for span in spans:
        piece = text[span.start : span.end]
        assert last <= span.start < span.end <= len(text)
        assert piece == piece.strip()
        rest.append(text[last : span.start])
        last = span.end
    rest.append(text[last:])
    assert not any(character.isalpha() for character in "".join(rest))


@given(TEXTS, TEXTS)
@settings(max_examples=100, deadline=None, database=None, derandomize=True)
def test_paragraphs_are_split_by_themselves(first: str, second: str) -> None:
    second = second.strip()
    offset = len(first) + 2
    apart = [(s.start, s.end) for s in split(first).sentences]
    apart += [(s.start + offset, s.end + offset) for s in split(second).sentences]
    joined = split(f"{first}\n\n{second}").sentences
    assert [(s.start, s.end) for s in joined] == apart


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000 + "end.",
        "“" * 50_000,
        "'\"«" * 20_000,
        "שלום עולם. " * 5_000,
        "e\u0301\u0323\u0308. " * 10_000,
        "Talks\x00failed.\x00 " * 5_000,
        "(" * 50_000 + "a",
        "1. a 2. b " * 5_000,
        "U.S. The " * 5_000,
        "A.A." * 20_000,
        "“Why?” Gen. " * 5_000,
    ],
    ids="words marks mixed rtl combining null brackets items acronyms initials questions".split(),
)
def test_monsters_give_bounded_sentences_and_lose_no_word(text: str) -> None:
    spans = split(text).sentences
    assert all(span.end - span.start <= MAX_CHARACTERS for span in spans)
    kept = "".join(text[span.start : span.end] for span in spans)
    assert sum(map(str.isalpha, kept)) == sum(map(str.isalpha, text))


def test_blocks_are_what_stands_alone() -> None:
    text = "A headline\nA sentence. Another.\n\n- an item\n- an item\n"
    found = [text[block.start : block.end] for block in blocks(text)]
    assert found == ["A headline", "A sentence. Another.", "- an item", "- an item"]
