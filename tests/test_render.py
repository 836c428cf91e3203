"""What `stance predict` shows of an article that has speakers."""

from __future__ import annotations

from stance.cli.render import WRITERS, Format
from stance.schema import (
    ActorScore,
    ArticleActor,
    Mention,
    Score,
    ScoredArticle,
    ScoredPart,
    ScoredSentence,
)


def article(*, spoken: bool = True) -> ScoredArticle:
    probabilities = {"conciliatory": 0.1, "neutral": 0.2, "hardline": 0.7}
    who, whom = Mention(0, 6, "lavrov", "name"), Mention(None, None, "ukr", "dispute")
    part = ScoredPart("No", 0, 2, "hardline", probabilities, 0.6, "direct", who, None)
    place = ("No, said Lavrov.", 0, 16, "hardline", probabilities, 0.6, False)
    sentence = (
        ScoredSentence(*place, form="direct", speaker=who, target=whom, parts=(part, part))
        if spoken
        else ScoredSentence(*place)
    )
    few, many = Score(None, None, 1), Score(0.4, (0.25, 0.75), 4)
    actors = (
        ActorScore(ArticleActor("lavrov", "Sergey Lavrov", "person", "rus"), many, few),
        ActorScore(ArticleActor("rus", "Russia", "state"), Score(None, None, 0), few),
        ActorScore(
            ArticleActor("ukr", "Ukraine", "state"), Score(None, None, 0), Score(None, None, 0)
        ),
    )
    return ScoredArticle(
        name="a.txt",
        sentences=(sentence,),
        score=0.6,
        interval=None,
        counts={"conciliatory": 0, "neutral": 0, "hardline": 1},
        model="m",
        poles=("conciliatory", "hardline"),
        actors=actors if spoken else (),
    )


def lines(**kind: bool) -> list[str]:
    text = WRITERS[Format.TABLE]([article(**kind)])
    return [" ".join(line.split()) for line in text.splitlines()]


def test_table_tells_form_speaker_and_target() -> None:
    shown = "\n".join(lines())
    assert "hardline 0.70 +0.60 direct Sergey Lavrov → Ukraine No, said Lavrov." in shown
    assert shown.count("⤷ No") == 2


def test_table_of_actors_has_means_intervals_and_too_little_evidence() -> None:
    shown = lines()
    assert "Sergey Lavrov (Russia) person 4 +0.40 [+0.25, +0.75] ─────┼─●─── 1 too few" in shown
    assert "Russia state 1 too few" in shown
    assert not any(line.startswith("Ukraine") for line in shown)


def test_table_without_a_tagger_says_so() -> None:
    shown = "\n".join(lines(spoken=False))
    assert "who says what was not looked for" in shown
    assert "form" not in shown
