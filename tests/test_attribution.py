"""Who is reported to have said what: reading, decoding, linking, training and scoring."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stance.article import split
from stance.artifact import champion, read_manifest
from stance.attribution import Tagger, find
from stance.attribution.decoding import decode
from stance.attribution.evaluation import head, speakers_right
from stance.attribution.frames import according, frames
from stance.attribution.linking import link
from stance.attribution.quotations import is_speech, quotations
from stance.attribution.scores import span_scores
from stance.attribution.words import ROLES, TAGS, Words, read_words, runs, tags, windows
from stance.config import AttributionConfig
from stance.corpus.attributions import MarkedText, load_marked
from stance.schema import Attribution, DataError, ModelError, Span

from tests.conftest import ROOT
from tests.test_floors import HEAVY, loaded_by

SAID = (
    ('"we will never negotiate," the army said.', "the army", "said", '"we will never negotiate,"'),
    ('the ministers said "we welcome peace."', "the ministers", "said", '"we welcome peace."'),
    ("people met on monday.", "", "", ""),
    ("they met in the border town.", "", "", ""),
)


def write_articles(folder: Path, copies: int = 4) -> Path:
    """Write a corpus whose articles say four sentences in another order each time."""
    folder.mkdir(parents=True, exist_ok=True)
    articles = []
    for name in ("train", "dev", "test"):
        rows = []
        for copy in range(copies if name == "train" else 2):
            id = f"{name}-{copy}"
            text, sentences, attributions = f"{id} monday", [], []
            for number in range(4):
                sentence, *said = SAID[(number + copy) % 4]
                sentence = f"{copy} {number} {name} {sentence}"
                start = len(text) + 1
                text = f"{text}\n{sentence}"
                key = f"{id}-{number}"
                sentences.append(
                    {"id": key, "start": start, "end": len(text), "label": "neutral"}
                    | {"form": "x", "speaker": None, "target": None}
                )
                rows.append({"id": key, "text": sentence, "label": "neutral", "group": id})
                if said[0]:
                    places = [[start + sentence.index(p), 0] for p in said]
                    spans = [[[s, s + len(p)]] for (s, _), p in zip(places, said, strict=True)]
                    named = dict(zip(("sources", "cues", "contents"), spans, strict=True))
                    attributions.append({"sentence": key, **named})
            articles.append({"id": id, "title": "", "text": text, "sentences": sentences})
            articles[-1]["attributions"] = attributions
        content = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
    content = "".join(json.dumps(article) + "\n" for article in articles)
    (folder / "articles.jsonl").write_text(content, encoding="utf-8")
    return folder


def tagger_settings(encoder: Path, data: Path, output: Path, **train: object) -> AttributionConfig:
    learn = {"epochs": 12, "batch_size": 2, "learning_rate": 5e-3, "head_learning_rate": 3e-2}
    return AttributionConfig.model_validate(
        {
            "encoder": {"name": str(encoder), "max_length": 48},
            "data": {"path": str(data)},
            "train": {**learn, "precision": "fp32", "frozen": 0, "early_stopping": 12, **train},
            "tracking": {"enabled": False},
            "output": str(output),
        }
    )


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_articles(tmp_path_factory.mktemp("marked"))


@pytest.fixture(scope="module")
def tagger_folder(
    tiny_encoder: Path, articles: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from stance.attribution.training import train_tagger

    models = tmp_path_factory.mktemp("models") / "attribution"
    return train_tagger(tagger_settings(tiny_encoder, articles, models)).folder


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(tiny_encoder / "tokenizer.json"))


def spans(text: str, *parts: str) -> tuple[Span, ...]:
    return tuple(Span(text.index(part), text.index(part) + len(part)) for part in parts)


def said(text: str, source: str, cue: str, *contents: str) -> Attribution:
    one = [spans(text, part) if part else () for part in (source, cue)]
    return Attribution(one[0], one[1], spans(text, *contents))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('He said "no." She left.', ['"no."']),
        ("“He said ‘no’ to us,” she said, “twice.”", ["“He said ‘no’ to us,”", "“twice.”"]),
        ("It's the dogs' day, 'a fine day,' he said.", ["'a fine day,'"]),
        ("‘It’s ours,’ he said.", ["‘It’s ours,’"]),
        ("« Non », dit-il.", ["« Non »"]),
        ('“We met," he said. "We left,” she said.', ['“We met,"', '"We left,”']),
        ('“He said "no" and left,” she said.', ['“He said "no" and left,”']),
        ("“We met,“ he said. “We left.”", ["“We met,“", "“We left.”"]),
        ('"One.\n\n"Two," he said.', ['"One.', '"Two,"']),
        ("The '90s and the workers' party", []),
        ('"""', ['""']),
        ("", []),
    ],
)
def test_quotations_run_from_mark_to_mark(text: str, found: list[str]) -> None:
    assert [text[s.start : s.end] for s in quotations(text)] == found


def test_a_text_of_nothing_but_marks_is_read(tokenizer: Any) -> None:
    for text in ('"' * 5000, "“" * 5000, "'" * 5000, "\u0301" * 50, "\x00"):
        words = read_words(text, [], tokenizer)
        assert len(words.first) == len(words.spans)
        assert len(words.looks) == len(words.ids)


def test_a_million_marks_that_close_nothing_are_read_in_seconds() -> None:
    started = time.process_time()
    for text in (" 'a" * 300_000, "“" * 300_000, "''a " * 200_000):
        quotations(text)
    text = '"a" ' * 20_000
    assert len(list(frames(text, split(text).sentences, quotations(text)))) == 20_000
    assert time.process_time() - started < 10


def test_words_know_their_tokens_case_quotation_and_place(tokenizer: Any) -> None:
    text = 'The ARMY met.\n"Never," they said.'
    words = read_words(text, split(text).sentences, tokenizer)
    forms = [text[s.start : s.end] for s in words.spans]
    assert forms == ["The", "ARMY", "met", ".", '"', "Never", ",", '"', "they", "said", "."]
    assert words.opens.nonzero()[0].tolist() == [0, 4]
    looks = [words.looks[token] for token in words.first]
    case, quotation, opens = ([x // d % m for x in looks] for d, m in ((1, 3), (3, 4), (12, 3)))
    assert case == [1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert quotation == [0, 0, 0, 0, 1, 2, 2, 3, 0, 0, 0]
    assert opens == [2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("overlap", [0, 0.25])
@pytest.mark.parametrize("size", [8, 20, 500])
def test_windows_hold_every_word_and_no_more_tokens_than_fit(
    tokenizer: Any, size: int, overlap: float
) -> None:
    text = " ".join(sentence for sentence, *_ in SAID * 5)
    words = read_words(text, split(text).sentences, tokenizer)
    ranges = windows(words, size, overlap=overlap)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == len(words.spans)
    for (low, high), (after, _) in itertools.pairwise(ranges):
        assert low < after <= high
        assert overlap or after == high
    for low, high in ranges:
        ids, looks, places = words.window(low, high)
        assert len(ids) == len(looks) <= size
        assert len(places) == high - low
        assert places[0] == 0


def test_tags_take_the_outer_attribution_and_are_cut_at_sentences(tokenizer: Any) -> None:
    text = 'he said "they said no. we met." monday'
    outer = said(text, "he", "said", '"they said no. we met."')
    cue = text.index("said no")
    inner = Attribution(spans(text, "they"), (Span(cue, cue + 4),), spans(text, "no"))
    words = read_words(text, [Span(0, 22), Span(23, 32), Span(33, 38)], tokenizer)
    found = [
        (ROLES[role], text[words.spans[low].start : words.spans[high - 1].end])
        for role, low, high in runs(tags(words, [inner, outer]))
    ]
    expected = [("source", "he"), ("cue", "said"), ("content", '"they said no.')]
    assert found == [*expected, ("content", 'we met."')]


def every_path(scores: NDArray[np.float64], steps: NDArray[np.float64]) -> dict[Any, float]:
    count, k = scores.shape
    return {
        path: sum(scores[i, t] for i, t in enumerate(path))
        + sum(steps[a, b] for a, b in itertools.pairwise(path))
        for path in itertools.product(range(k), repeat=count)
    }


def allowed(path: tuple[int, ...], opens: tuple[bool, ...]) -> bool:
    names = [TAGS[tag] for tag in path]
    return not any(
        (name[0] == "I" and (opened or before[2:] != name[2:]))
        or (name in ("B-source", "B-cue") and not opened and before[2:] == name[2:])
        for before, name, opened in zip(["O", *names], names, opens, strict=False)
    )


def test_decoding_finds_the_likeliest_allowed_tags_and_their_probability() -> None:
    draw = np.random.default_rng(0)
    opens = (True, False, True, False)
    for _ in range(5):
        scores, steps = draw.normal(size=(4, len(TAGS))) * 2, draw.normal(size=(7, 7))
        paths = {p: v for p, v in every_path(scores, steps).items() if allowed(p, opens)}
        best = max(paths, key=lambda path: paths[path])
        path, sure = decode(scores, steps, np.array(opens), np.zeros(4, dtype=np.int64))
        assert tuple(path.tolist()) == best
        total = sum(map(np.exp, paths.values()))
        for word, tag in enumerate(best):
            mass = sum(np.exp(v) for p, v in paths.items() if p[word] == tag)
            assert sure[word] == pytest.approx(mass / total)


def test_chain_loss_is_minus_the_log_of_the_share_of_the_marked_path() -> None:
    import torch
    from stance.encoder import chain_loss

    draw = np.random.default_rng(1)
    scores, steps = draw.normal(size=(2, 3, 4)), draw.normal(size=(4, 4))
    labels = [[1, 3, 0], [2, 2, -100]]
    found = chain_loss(torch.tensor(scores), torch.tensor(steps).float(), torch.tensor(labels))
    for row, (length, loss) in enumerate(zip((3, 2), found.tolist(), strict=True)):
        paths = every_path(scores[row, :length], steps)
        share = np.exp(paths[tuple(labels[row][:length])]) / sum(map(np.exp, paths.values()))
        assert loss == pytest.approx(-np.log(share), rel=1e-5)


def linked(text: str, *marked: Attribution, tokenizer: Any) -> list[list[list[str]]]:
    """Link spans that are tagged as marked, and return the words of each part."""
    sentences = split(text).sentences
    words = read_words(text, sentences, tokenizer)
    numbers = tags(words, marked)
    found = link(text, sentences, words, numbers, np.ones(len(numbers)))
    return [
        [[text[s.start : s.end] for s in part] for part in (a.sources, a.cues, a.contents)]
        for a in found
    ]


def sources_of(text: str, source: str, cue: str, content: str, *, tokenizer: Any) -> list[str]:
    """Return the sources of the first attribution that is linked from such tags."""
    return linked(text, said(text, source, cue, content), tokenizer=tokenizer)[0][0]


def test_a_quotation_keeps_its_speaker_over_sentences_and_paragraphs(tokenizer: Any) -> None:
    text = '"We refuse," Lavrov said. "We will never agree."\n\n"We are ready." People met.'
    first = said(text, "Lavrov", "said", '"We refuse,"', '"We will never agree."')
    second = said(text, "", "", '"We are ready."')
    contents = ['"We refuse,"', '"We will never agree."', '"We are ready."']
    assert linked(text, first, second, tokenizer=tokenizer) == [[["Lavrov"], ["said"], contents]]


def test_a_quotation_that_words_of_the_reporter_interrupt_goes_on_as_one(tokenizer: Any) -> None:
    text = '"We refuse," Amsel said. "This is a test of" their will "that we shall pass."'
    marked = (
        said(text, "Amsel", "said", '"We refuse,"'),
        said(text, "", "", '"This is a test of" their will "that we shall pass."'),
    )
    ((source, _, contents),) = linked(text, *marked, tokenizer=tokenizer)
    assert (source, len(contents)) == (["Amsel"], 2)


def test_a_quotation_is_hers_who_stands_right_beside_it_not_whose_verb_is_nearer(
    tokenizer: Any,
) -> None:
    text = 'Brell left, and Amsel joked, "We never met," drawing loud cheers.'
    marked = (
        said(text, "Amsel", "joked", '"We never met,"'),
        said(text, "loud", "drawing", "cheers"),
    )
    assert linked(text, *marked, tokenizer=tokenizer)[0][:2] == [["Amsel"], ["joked"]]


def test_what_is_said_at_a_paragraphs_end_is_said_of_the_quotation_before_it(
    tokenizer: Any,
) -> None:
    text = '"We refuse," Amsel added.\n\n"We met them," Brell conceded.'
    marked = (
        said(text, "Amsel", "added", '"We refuse,"'),
        said(text, "Brell", "conceded", '"We met them,"'),
    )
    assert [found[0] for found in linked(text, *marked, tokenizer=tokenizer)] == [
        ["Amsel"],
        ["Brell"],
    ]


def test_each_content_goes_to_its_own_speaker(tokenizer: Any) -> None:
    text = "Lavrov said they met, while Putin told people that talks will end."
    marked = (
        said(text, "Lavrov", "said", "they met"),
        said(text, "Putin", "told people", "that talks will end"),
    )
    assert linked(text, *marked, tokenizer=tokenizer) == [
        [["Lavrov"], ["said"], ["they met"]],
        [["Putin"], ["told people"], ["that talks will end"]],
    ]


def test_a_second_verb_has_the_speaker_of_the_first(tokenizer: Any) -> None:
    text = "Lavrov said they met and added that talks will end."
    marked = (
        said(text, "Lavrov", "said", "they met"),
        said(text, "", "added", "that talks will end"),
    )
    assert linked(text, *marked, tokenizer=tokenizer)[1][0] == ["Lavrov"]


def test_an_interrupted_quotation_is_one(tokenizer: Any) -> None:
    text = '"We refuse," Lavrov said, "to meet."'
    marked = said(text, "Lavrov", "said", '"We refuse,"', '"to meet."')
    expected = [[["Lavrov"], ["said"], ['"We refuse,"', '"to meet."']]]
    assert linked(text, marked, tokenizer=tokenizer) == expected


def test_a_quotation_of_several_sentences_is_its_last_ones_speakers(tokenizer: Any) -> None:
    text = 'Putin refused. "Is it perfect? It is not," Lavrov said.'
    marked = said(text, "Lavrov", "said", '"Is it perfect?', 'It is not,"')
    expected = [[["Lavrov"], ["said"], ['"Is it perfect?', 'It is not,"']]]
    assert linked(text, marked, tokenizer=tokenizer) == expected


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ('"We refuse," Sergei Lavrov said.', "Sergei Lavrov"),
        ('"We refuse," said the minister on Monday.', "the minister"),
        ('"We refuse," he said.', "he"),
    ],
)
def test_an_untagged_name_beside_the_cue_of_a_quotation_is_its_source(
    tokenizer: Any, text: str, source: str
) -> None:
    marked = said(text, "", "said", '"We refuse,"')
    assert linked(text, marked, tokenizer=tokenizer) == [[[source], ["said"], ['"We refuse,"']]]


def test_a_quotation_goes_on_with_the_last_of_its_paragraph_not_with_what_is_nearer(
    tokenizer: Any,
) -> None:
    text = '"We refuse," Amsel said of Brell, who fears war. "We will never agree."'
    marked = (
        said(text, "Amsel", "said", '"We refuse,"'),
        said(text, "who", "fears", "war"),
        said(text, "", "", '"We will never agree."'),
    )
    contents = ['"We refuse,"', '"We will never agree."']
    assert linked(text, *marked, tokenizer=tokenizer)[0] == [["Amsel"], ["said"], contents]


def test_a_quotation_in_a_paragraph_of_its_own_is_hers_whose_words_a_colon_announces(
    tokenizer: Any,
) -> None:
    text = 'Brell refused. Amsel went on to say:\n\n"We will never agree."'
    marked = said(text, "Amsel", "went on to say", '"We will never agree."')
    expected = [[["Amsel"], ["went on to say"], ['"We will never agree."']]]
    assert linked(text, marked, tokenizer=tokenizer) == expected


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ('Brell met Roth. Amsel agrees. "We will meet."', "agrees"),
        ('Brell met Roth.\n\n"We will meet."\n\n- Amsel', "-"),
    ],
)
def test_a_quotation_is_hers_of_whom_the_sentence_beside_it_only_tells_that(
    tokenizer: Any, text: str, cue: str
) -> None:
    marked = said(text, "Amsel", cue, '"We will meet."')
    expected = [[["Amsel"], [cue], ['"We will meet."']]]
    assert linked(text, marked, tokenizer=tokenizer) == expected


def test_who_is_named_in_readers_comments_says_nothing_of_the_article(tokenizer: Any) -> None:
    text = '"We refuse." It rained. People met.\n\n3 Comments\n\nLavrov said a lot.'
    rest = said(text, "Lavrov", "said", "a lot")
    alone = said(text, "", "", '"We refuse."')
    assert linked(text, alone, rest, tokenizer=tokenizer) == [[[], [], ['"We refuse."']]]


def test_quotations_that_fill_a_paragraph_take_no_longer_each_than_a_few(tokenizer: Any) -> None:
    def seconds(copies: int) -> float:
        text = '"We refuse it," Lavrov said. ' + '"We will fight on." ' * copies
        sentences = split(text).sentences
        words = read_words(text, sentences, tokenizer)
        begins = words.opens & (words.form == TAGS.index("I-content"))
        numbers = np.where(begins, TAGS.index("B-content"), words.form)
        started = time.process_time()
        (found,) = link(text, sentences, words, numbers, np.ones(len(numbers)))
        assert len(found.contents) == copies + 1
        return time.process_time() - started

    seconds(10)
    assert seconds(4000) < 20 * max(seconds(400), 0.03)


def test_who_is_told_something_does_not_say_it(tokenizer: Any) -> None:
    text = "Roth came. They told the harbour union that they met."
    marked = said(text, "the harbour union", "told", "that they met")
    found = linked(text, marked, tokenizer=tokenizer)
    assert [parts[0] for parts in found if parts[1]] in ([], [[]])


@pytest.mark.parametrize(
    ("tagged", "source"),
    [
        ("As Amsel", "Amsel"),
        ("Asked about Brell, Amsel", "Amsel"),
        ("the minister of Brell, Jonas Amsel", "the minister of Brell, Jonas Amsel"),
    ],
)
def test_what_stands_before_a_source_is_no_part_of_it(
    tokenizer: Any, tagged: str, source: str
) -> None:
    text = f"{tagged}, said that they met."
    found = sources_of(text, tagged, "said", "that they met", tokenizer=tokenizer)
    assert found == [source]


@pytest.mark.parametrize(
    "source",
    [
        "Fred Amsel, minister of Brell",
        "Suckling, who is minister of Brell",
        "retired General Jonas Amsel, who served in Brell",
    ],
)
def test_a_name_that_looks_like_a_participle_stays_in_its_source(
    tokenizer: Any, source: str
) -> None:
    text = f'"No," said {source}.'
    assert sources_of(text, source, "said", '"No,"', tokenizer=tokenizer) == [source]


def test_an_article_alone_is_a_source_up_to_the_verb(tokenizer: Any) -> None:
    text = '"No," an angry Amsel said.'
    assert sources_of(text, "an", "said", '"No,"', tokenizer=tokenizer) == ["an angry Amsel"]


@pytest.mark.parametrize(
    ("text", "tagged", "source"),
    [
        ('"No," said Mr. Amsel.', "Mr", "Mr. Amsel"),
        ('"No," said Jonas P. Amsel of Brell.', "Jonas", "Jonas P. Amsel"),
        ('"No," said Amsel Friday.', "Amsel", "Amsel"),
        ('"No," said Mr. Amsel\'s party.', "Mr", "Mr. Amsel"),
        ("Amsel Leaves Brell Talks: 'No.'", "Amsel", "Amsel"),
        ('"No," said the old harbour union of Brell.', "the old", "the old harbour union of Brell"),
        ('Some miners gathered and said, "No."', "Some", "Some miners"),
    ],
)
def test_a_source_that_is_cut_goes_on_to_the_end_of_its_name(
    tokenizer: Any, text: str, tagged: str, source: str
) -> None:
    content = text[text.index("No") - 1 : text.index("No") + 4]
    cue = "said" if "said" in text else ":"
    assert sources_of(text, tagged, cue, content, tokenizer=tokenizer) == [source]


@pytest.mark.parametrize(
    ("text", "cue", "source"),
    [
        ('Asked about Brell, Amsel said "never" to talks.', "said", "Amsel"),
        ('Another man close to Roth said, "We never met."', "said", "Another man close to Roth"),
        ('Of the miners, 40 percent also said "never" again.', "said", "40 percent"),
        ('Below the line it reads, "never" and no more.', "reads", "it"),
        ('The strike, which Amsel on Monday named "just," went on.', "named", "Amsel"),
    ],
)
def test_a_cue_without_a_source_has_the_subject_right_before_it(
    tokenizer: Any, text: str, cue: str, source: str
) -> None:
    content = text[text.index('"') : text.rindex('"') + 1]
    assert sources_of(text, "", cue, content, tokenizer=tokenizer) == [source]


def test_a_participle_has_the_source_of_the_verb_before_it(tokenizer: Any) -> None:
    text = 'Amsel praised peace in a letter to Roth, telling people, "We will meet."'
    marked = (
        said(text, "Amsel", "praised", "peace"),
        said(text, "Roth", "telling", '"We will meet."'),
    )
    assert linked(text, *marked, tokenizer=tokenizer)[1][0] == ["Amsel"]


def test_a_quotation_over_paragraphs_is_one_whoever_is_named_before(tokenizer: Any) -> None:
    text = 'Brell wants war. "We refuse.\n\n"We will never agree," Amsel said.'
    marked = (
        said(text, "Brell", "wants", "war"),
        said(text, "Amsel", "said", '"We refuse.', '"We will never agree,"'),
    )
    contents = ['"We refuse.', '"We will never agree,"']
    assert linked(text, *marked, tokenizer=tokenizer)[1] == [["Amsel"], ["said"], contents]


def test_span_scores_are_exact_and_by_overlap() -> None:
    gold = [np.array([1, 2, 3, 5, 6, 6])]
    found = [np.array([1, 2, 0, 5, 6, 0])]
    scores = span_scores(gold, found)
    assert (scores["source"].exact, scores["source"].overlap) == (1, 1)
    assert (scores["cue"].exact, scores["cue"].overlap) == (0, 0)
    assert (scores["content"].exact, scores["content"].overlap) == (0, 1)
    assert scores["content"].exact_interval == (0, 0)


@pytest.mark.parametrize(
    ("source", "its_head"),
    [
        ("the Russian foreign minister, Sergei Lavrov", "minister"),
        ("a spokesman for Mr. Trump", "spokesman"),
        ("Mr. Trump", "Trump"),
        ("he", "he"),
        ("people who met", "people"),
        ("Mr. Trump’s", "Trump"),
    ],
)
def test_head_of_a_source(source: str, its_head: str) -> None:
    span = head(source, Span(0, len(source)))
    assert source[span.start : span.end] == its_head


def test_speaker_counts_if_the_heads_are_the_same() -> None:
    text = '"No," Lavrov, the minister, said. "Yes," Putin said.'
    gold = [
        said(text, "Lavrov, the minister", "said", '"No,"'),
        said(text, "Putin", "said", '"Yes,"'),
    ]
    found = [said(text, "Lavrov", "said", '"No,"', '"Yes,"')]
    assert speakers_right(text, gold, found) == [True, False]


@pytest.mark.parametrize(
    ("named", "right"), [("Sergei Lavrov", True), ("Mr. Amsel", False), ("the union", False)]
)
def test_a_name_beside_the_head_counts_and_one_within_it_does_not(named: str, right: bool) -> None:
    text = '"No," the minister for the union, Sergei Lavrov, who met Mr. Amsel, said.'
    gold = [said(text, text[6:66].rstrip(", "), "said", '"No,"')]
    assert speakers_right(text, gold, [said(text, named, "said", '"No,"')]) == [right]


_PAGE = "the front page of the Brell Courier"


@pytest.mark.parametrize(
    ("text", "source", "cue"),
    [
        ('"We refuse," Mira Amsel told reporters.', "Mira Amsel", "told"),
        ('"We refuse," she later said.', "she", "said"),
        ('"We refuse!" said one of the miners.', "one of the miners", "said"),
        (
            '"We refuse," Ms. Amsel, the chief of staff, said.',
            "Ms. Amsel, the chief of staff",
            "said",
        ),
        ('Amsel then began by saying, "We refuse."', "Amsel", "saying"),
        (
            '"We refuse," the ministry’s chief of staff added.',
            "the ministry’s chief of staff",
            "added",
        ),
        ('"Fair" though it may look to some, he said.', "he", "said"),
        ('"Unfair" in every way, said Jonas Amsel of Brell.', "Jonas Amsel of Brell", "said"),
        ('Of Brell, the old minister said: "We refuse."', "the old minister", "said"),
        ('Amsel, who lost two elections, said on Monday, "We refuse."', "Amsel", "said"),
        ('They will meet, Amsel said, adding, "We refuse."', "Amsel", "adding"),
        ('It met, and then Amsel wrote in a letter:\n\n"We refuse."', "Amsel", "wrote"),
        (
            'Ana Roth of the Port of Brell told us, "We refuse."',
            "Ana Roth of the Port of Brell",
            "told",
        ),
        ('The union disagrees. "We refuse. We never met."', "The union", "disagrees"),
        ('"We refuse. We never met."\n\n- Mira Amsel, at the rally', "Mira Amsel", "-"),
        ('"We refuse to meet!" some miners bellowed, as they marched.', "some miners", "bellowed"),
        ('"We refuse," it also advised them.', "it", "advised"),
        (
            '"We refuse," Amsel, the head of the port, posted.',
            "Amsel, the head of the port",
            "posted",
        ),
        ('"We refuse," the two write.', "the two", "write"),
        ('"We refuse," trumpets the front page of the Brell Courier.', _PAGE, "trumpets"),
        ('"Do we refuse?" Amsel blurted out.', "Amsel", "blurted out"),
        ('"Do we refuse?" Amsel went on, as if they had.', "Amsel", "went"),
        ('When Brell called, Amsel hit back, "We refuse."', "Amsel", "hit back"),
        ('It is late, and she texted: "We refuse."', "she", "texted"),
        ('They left, with Amsel loudly yelling: "We refuse."', "Amsel", "yelling"),
        ('It was Amsel who told us when asked in Brell: "We refuse."', "who", "told"),
        ('"Do we refuse?" Jonas P. Amsel blurted out.', "Jonas P. Amsel", "blurted out"),
        ("\"They call it 'a start,' \" she said.", "she", "said"),
        ('From the letter of Amsel: "We refuse."', "the letter of Amsel", ":"),
        ('Another man close to Roth said: "We refuse."', "Another man close to Roth", "said"),
    ],
)
def test_the_form_beside_a_quotation_tells_whose_it_is(text: str, source: str, cue: str) -> None:
    ((_, frame),) = frames(text, split(text).sentences, quotations(text))
    assert frame is not None
    who, verb, _ = frame
    assert who is not None
    assert (text[who.start : who.end], text[verb.start : verb.end]) == (source, cue)


@pytest.mark.parametrize(
    "text",
    [
        '"We refuse." He says not to ask for a vote.',
        '"We refuse," which Amsel thinks will end the talks.',
        'They called it "the war that never said its name" and left.',
        "Amsel said that they refuse.",
        '"Will they refuse?" Amsel moved to Brell in spring.',
        '"Will they refuse?" Amsel says that they will.',
        'Named "the old fox," the miner retired.',
        'When the strike ended, "refuse" was in all mouths.',
        'They have three new rules: "We never refuse."',
    ],
)
def test_other_words_beside_a_quotation_are_no_frame(text: str) -> None:
    assert [f for _, f in frames(text, split(text).sentences, quotations(text)) if f] == []


def test_according_to_names_its_source_within_its_sentence() -> None:
    text = "They met, according to a spokesman for Amsel. Brell was away."
    ((source, cue, _),) = according(text, split(text).sentences)
    assert source is not None
    assert text[source.start : source.end] == "a spokesman for Amsel"
    assert text[cue.start : cue.end] == "according to"


def test_what_is_not_quoted_does_not_go_on_with_what_was_said(tokenizer: Any) -> None:
    text = '"We refuse," Amsel said. Brell blamed the weather.'
    marked = (
        said(text, "Amsel", "said", '"We refuse,"'),
        said(text, "", "", "Brell blamed the weather"),
    )
    assert [found[0] for found in linked(text, *marked, tokenizer=tokenizer)] == [["Amsel"], []]


def test_a_form_beside_a_quotation_decides_between_tags_that_are_as_likely() -> None:
    scores = np.zeros((3, len(TAGS)))
    form = np.array([TAGS.index("B-source"), TAGS.index("I-source"), TAGS.index("B-cue")])
    path, _ = decode(scores, np.zeros((7, 7)), np.zeros(3, dtype=bool), form)
    assert path.tolist() == form.tolist()


def test_two_sources_do_not_touch_within_a_sentence() -> None:
    scores = np.zeros((2, len(TAGS)))
    scores[:, TAGS.index("B-source")] = 9.0
    none = np.zeros(2, dtype=np.int64)
    path, _ = decode(scores, np.zeros((7, 7)), none > 0, none)
    assert [TAGS[tag] for tag in path].count("B-source") == 1
    path, _ = decode(scores, np.zeros((7, 7)), np.array([True, True]), none)
    assert [TAGS[tag] for tag in path] == ["B-source", "B-source"]


def test_tagger_finds_spans_of_the_untouched_text(tagger_folder: Path) -> None:
    text = 'train 0\n\n  "we will never negotiate,"   the army said.\npeople met on monday.'
    tagger = Tagger(tagger_folder)
    (found,) = tagger.attributions(text, split(text).sentences)
    parts = (found.sources, found.cues, found.contents)
    words = [[text[span.start : span.end] for span in part] for part in parts]
    assert words == [["the army"], ["said"], ['"we will never negotiate,"']]
    assert 0.5 < found.probability <= 1


def test_tagger_learns_and_says_how_well(tagger_folder: Path, articles: Path) -> None:
    manifest = read_manifest(tagger_folder)
    assert manifest.dev["f1"] > 0.9
    assert manifest.dev["speakers"] == 1
    assert manifest.labels == TAGS
    assert champion(tagger_folder.parent) == tagger_folder
    assert (tagger_folder / "run" / "history.jsonl").is_file()


def test_saved_graph_says_what_the_model_says(tagger_folder: Path, articles: Path) -> None:
    from stance.attribution.training import window_rows
    from stance.encoder import load_tagger, token_scores

    tagger, model = Tagger(tagger_folder, precision="fp32"), load_tagger(tagger_folder)
    text = load_marked(str(articles), "test")[0]
    rows = window_rows(text, tagger.scorer.tokenizer, 46)
    assert len(rows) > 1
    graph, transitions = tagger.scorer.logits(
        [(row["input_ids"][1:-1], row["looks"][1:-1]) for row in rows]
    )
    for row, found in zip(rows, graph, strict=True):
        expected = token_scores(model, row["input_ids"], row["looks"])[1:-1]
        assert np.allclose(found, expected, atol=1e-4)
    assert np.allclose(transitions, model.transitions.detach().numpy())


def test_a_tagger_reads_in_8_bits_if_it_finds_the_same(
    tagger_folder: Path, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stance.attribution import training
    from stance.attribution.evaluation import evaluate_tagger

    told = read_manifest(tagger_folder)
    assert told.precision == "int8"
    assert told.int8["accepted"]
    assert told.int8["agreement"] >= 0.99

    copy = tmp_path / "tagger"
    shutil.copytree(tagger_folder, copy)
    texts = load_marked(str(articles), "test")
    exact = Tagger(copy, precision="fp32")
    figures = evaluate_tagger(exact, texts)
    monkeypatch.setattr(training, "AGREEMENT", 1.01)
    assert training.add_int8(exact, texts, texts, figures) == figures
    refused = read_manifest(copy)
    assert refused.precision == "fp32"
    assert not refused.int8["accepted"]
    assert not (copy / "model.int8.onnx").exists()
    with pytest.raises(ModelError, match="no int8 network"):
        Tagger(copy, precision="int8")


def test_a_long_text_reads_as_its_parts_do(tagger_folder: Path) -> None:
    tagger = Tagger(tagger_folder)
    one = "\n".join(f"0 {n} train {sentence}" for n, (sentence, *_) in enumerate(SAID))
    text = "\n".join([one] * 6)
    found = tagger.attributions(text, split(text).sentences)
    assert len(found) == 12
    assert {text[a.sources[0].start : a.sources[0].end] for a in found} == {
        "the army",
        "the ministers",
    }


def test_reading_loads_no_training_stack(tagger_folder: Path) -> None:
    code = (
        "from stance.attribution import Tagger; from stance.article import split; t = 'we met.'; "
        f"Tagger({str(tagger_folder)!r}).attributions(t, split(t).sentences)"
    )
    assert not loaded_by(code) & HEAVY


def test_a_killed_training_goes_on_and_ends_as_if_nothing_had_happened(
    tiny_encoder: Path, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import load_file
    from stance import tracking
    from stance.attribution.training import train_tagger

    options = {"epochs": 3, "checkpoint_minutes": 0}
    whole = train_tagger(tagger_settings(tiny_encoder, articles, tmp_path / "a", **options))
    metrics = tracking.Run.metrics

    def killed(run: tracking.Run, step: int, values: dict[str, float]) -> None:
        if step > 5:
            raise KeyboardInterrupt
        metrics(run, step, values)

    settings = tagger_settings(tiny_encoder, articles, tmp_path / "b", **options)
    with monkeypatch.context() as patch:  # undoing it all would leave the test's own folder
        patch.setattr(tracking.Run, "metrics", killed)
        with pytest.raises(KeyboardInterrupt):
            train_tagger(settings)
    assert not list((tmp_path / "b").glob("2*"))
    again = train_tagger(settings)
    assert read_manifest(again.folder).provenance["continued"] == 1
    for file in ("model.safetensors", "head.safetensors"):
        one, other = (load_file(t.folder / file) for t in (whole, again))
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_worse_tagger_is_not_put_to_use(
    tiny_encoder: Path, articles: Path, tagger_folder: Path
) -> None:
    from stance.attribution.training import train_tagger

    untaught = {"epochs": 1, "learning_rate": 1e-9, "head_learning_rate": 1e-9}
    settings = tagger_settings(tiny_encoder, articles, tagger_folder.parent, **untaught)
    worse = train_tagger(settings)
    assert not worse.promoted
    assert "stays in use" in worse.verdict
    assert champion(tagger_folder.parent) == tagger_folder


def test_the_tagger_in_use_is_found_or_there_is_none(tagger_folder: Path, tmp_path: Path) -> None:
    found = find(tagger_folder.parent.parent)
    assert found is not None
    assert found.folder == tagger_folder
    assert find(tmp_path) is None


def test_a_model_of_sentences_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="not an attribution tagger"):
        Tagger(model_folder)


def test_a_source_without_attributions_is_told() -> None:
    with pytest.raises(DataError, match="has no attributions; expected public:polnear"):
        load_marked("public:fomc", "train")


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ('"We will never negotiate," he said.', True),
        ('"We will not meet\n\n"nor negotiate," he said.', True),
        ('He read "The Art of the Deal."', False),
        ('It was "used up," he said.', False),
        ('"We will never negotiate\n\nThey met.', False),
    ],
)
def test_speech_is_told_from_titles_and_marked_words(text: str, speech: bool) -> None:
    assert is_speech(text, quotations(text)[0]) is speech


def test_a_quotation_that_is_speech_is_content_to_its_end(tagger_folder: Path) -> None:
    text = '0 0 train "they met and they never talk to people," monday in the town.'
    tagger = Tagger(tagger_folder)
    words = tagger.read(text, split(text).sentences)
    numbers, _ = tagger.tags(words)
    speech = words.form >= TAGS.index("B-content")
    roles = {ROLES[(tag - 1) // 2] for tag in numbers[speech]}
    assert roles == {"content"}
    after = int(speech.nonzero()[0][-1]) + 1
    assert TAGS[numbers[after]] != "I-content"


def test_marked_up_text_is_read_without_its_marks(tmp_path: Path) -> None:
    marked = (
        "# a comment\n\n=== one | wire\n[S1 Lavrov][C1 :] [Q1 No]\n\n[S12 He] [C1 wants] [Q1 talks]"
    )
    second = " and [C2 fears] [Q2 a wider war].\n\n=== two | wire\nThey met.\n"
    (tmp_path / "train.txt").write_text(marked + second)
    one, two = load_marked(str(tmp_path), "train")
    assert one.text == "Lavrov: No\n\nHe wants talks and fears a wider war."
    parts = [
        [[one.text[s.start : s.end] for s in part] for part in (a.sources, a.cues, a.contents)]
        for a in one.attributions
    ]
    assert parts == [
        [["Lavrov"], [":"], ["No"]],
        [["He"], ["wants"], ["talks"]],
        [["He"], ["fears"], ["a wider war"]],
    ]
    assert (two.text, two.attributions) == ("They met.", ())
    assert load_marked(str(tmp_path), "dev") == []


def test_faulty_marks_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("#\n\n=== one\n[S1 He] [C1 left].\n\n=== two\n[Q1 No.\n")
    with pytest.raises(DataError, match="no content") as told:
        load_marked(str(tmp_path), "train")
    assert [problem.line for problem in told.value.problems] == [3, 6]


def test_project_marked_up_texts_are_sound() -> None:
    texts = load_marked(str(ROOT / "data" / "attributions"), "train")
    assert len(texts) == 53
    assert sum(len(text.attributions) for text in texts) == 546


def test_words_of_no_text_are_none(tokenizer: Any) -> None:
    words = read_words("", [], tokenizer)
    assert isinstance(words, Words)
    assert windows(words, 10) == []
    assert isinstance(MarkedText("a", "", (), ()), MarkedText)
