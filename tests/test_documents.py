"""Documents in which no verb says who speaks: interviews, joint statements, wires in capitals."""

from __future__ import annotations

import pytest
from stance.article.sentences import split
from stance.speakers import Voices, written_small

from tests.test_speakers import KNOWN, read, speakers


def actors(voices: Voices) -> list[str | None]:
    return [v.speaker and v.speaker.actor for v in voices.sentences]


def test_labels_of_a_transcript_tell_whose_turn_it_is_until_the_next() -> None:
    text = """\
Question: Will Norway return to the table?

Jens Stoltenberg: It never left. The door is open.

Question: And if nobody comes?

Jens Stoltenberg: {They} <said> [they would].

Then we shall wait.
"""
    _, voices = read(text)
    assert actors(voices) == [
        "interviewer",
        *["stoltenberg"] * 2,
        "interviewer",
        actors(voices)[4],
        "stoltenberg",
    ]
    assert actors(voices)[4] != "interviewer"
    assert voices.sentences[2].form == "direct"


def test_q_and_a_are_labels_and_a_label_of_one_line_is_none() -> None:
    text = "Q: Will you talk to them?\nA: Never.\nQ: Why?\nA: Because they lie.\n"
    assert actors(read(text)[1]) == ["interviewer", "interviewee"] * 2
    assert actors(read("Note: the ferry is late.\n\nIt rained.\n")[1]) == [None, None]


def test_in_an_interview_without_labels_who_turns_to_you_asks() -> None:
    text = """\
An evening with Vladimir Putin

Mr. President, do you still hope for peace? I hope for it every day. Why else would I be here?

What will you tell your neighbours? That I am ready. Peace has its price.

And are you? I am. My country is.
"""
    _, voices = read(text, [False] * 11)
    found = actors(voices)[1:]
    assert [n for n, actor in enumerate(found) if actor == "interviewer"] == [0, 3, 6]
    assert {actor for actor in found if actor != "interviewer"} == {"putin"}


def test_questions_to_readers_make_no_interview() -> None:
    text = """\
The lake is rising. Would you swim in it? Do you fish? Are you fond of eels? Nobody knows why
it rises. The mayor is worried.
"""
    assert set(actors(read(text)[1])) <= {None, "mayor"}


@pytest.mark.parametrize(
    "signed",
    ["Signed: Ana Prosper, Joe Moss", "Signed:\nAna Prosper, mayor of Teld\nJoe Moss, bishop"],
)
def test_persons_who_sign_speak_jointly_and_their_names_are_no_sentence_of_theirs(
    signed: str,
) -> None:
    text = (
        f"Open letter\n\nWe want peace. We will not be silent. Our demand is talks.\n\n{signed}\n"
    )
    _, voices = read(text)
    assert [v.speaker and v.speaker.actors for v in voices.sentences[1:4]] == [
        ("ana-prosper", "joe-moss")
    ] * 3
    assert all(v.speaker is None for v in voices.sentences[4:])


def test_we_the_ministers_say_what_a_tagger_gives_to_we() -> None:
    text = """\
Joint statement

{We}, the foreign ministers of France and Poland, <condemn> [the raid].

{We} <call> [for talks].

{We} <stand> [ready].
"""
    _, voices = read(text)
    said = voices.sentences[1:]
    assert [v.speaker and v.speaker.actors for v in said] == [("fra", "pol")] * 3
    assert {v.form for v in said} == {"direct"}


def test_mr_chairman_is_spoken_to_and_does_not_speak() -> None:
    text = """\
Remarks by the Norwegian minister at the assembly

I come in peace.

{Mr. Chairman}, I <pledge> [our support].

We shall do our part.
"""
    assert actors(read(text)[1])[1:] == ["nor"] * 3


def test_a_report_is_theirs_who_were_told_to_give_one() -> None:
    text = """\
{The Teld Institute} <released a report> [that said war was near].

[The risk grows], {the report} <said>.
"""
    _, voices = read(text)
    assert speakers(voices) == [("teld-institute", "name"), ("teld-institute", "title")]


@pytest.mark.parametrize(
    ("sentence", "speaker"),
    [
        ("At the meeting, Putin <said> [that he was ready].\n", "putin"),
        ("They met Ana Prosper, the envoy, who <said> [there was hope].\n", "ana-prosper"),
        ("Moscow appealed to all of them, <arguing> [that war helps nobody].\n", "rus"),
    ],
)
def test_the_subject_of_a_verb_says_it_though_the_tagger_found_none(
    sentence: str, speaker: str
) -> None:
    text = "[“No,”] {Zelensky} <said>.\n\n" + sentence
    assert actors(read(text)[1])[1] == speaker


def sides(voices: Voices) -> dict[str, str | None]:
    return {actor.id: actor.side for actor in voices.actors}


@pytest.mark.parametrize(
    "source",
    [
        "{Ilya Moss}, who spoke for Peru,",
        "{Ilya Moss, speaking for Peru},",
        "{Ilya Moss}, on behalf of Peru,",
    ],
)
def test_whom_a_person_speaks_for_is_the_side_and_not_the_target(source: str) -> None:
    _, voices = read(f"[“No,”] <replied> {source} when Chile had spoken.\n")
    assert actors(voices) == ["ilya-moss"]
    assert sides(voices)["ilya-moss"] == "per"
    assert voices.sentences[0].target is None


def test_he_who_speaks_for_a_state_is_still_a_pronoun() -> None:
    text = "[“No,”] <said> {Ilya Moss}.\n\n{He}, speaking for Peru, <added> [that it was late].\n"
    assert actors(read(text)[1]) == ["ilya-moss"] * 2


def test_he_is_who_spoke_last_and_not_who_was_he_before() -> None:
    text = """\
{Ilya Moss} <warned> [that the lake was dying].

[It would be dry by May], {he} <said>.

[“Nonsense,”] <replied> {Joe Karan}.

{He} <called> [the warning a joke].
"""
    assert actors(read(text)[1]) == ["ilya-moss"] * 2 + ["joe-karan"] * 2


def test_who_stands_behind_said_between_commas_speaks_and_goes_on_as_he() -> None:
    text = """\
[“No,”] {Ilya Moss of Chile} <said>.

Peru saw it otherwise.

While the lake was low, <said> [its envoy, Joe Karan, Lima did not fear for the fish].

{He} <asked> [all of them to wait].
"""
    _, voices = read(text)
    assert actors(voices)[2:] == ["joe-karan"] * 2
    assert sides(voices)["joe-karan"] == "per"


@pytest.mark.parametrize("behind", ["on Friday, that it was late", "to be ready, left"])
def test_what_is_no_person_behind_said_does_not_speak(behind: str) -> None:
    text = f"{{Ilya Moss}} <agreed> [to talks].\n\nBy noon, <said> [{behind}].\n"
    assert set(actors(read(text)[1])) <= {"ilya-moss", None}


@pytest.mark.parametrize("topic", ["Peru is no member of the club.", "South Africa was invited."])
def test_its_envoy_is_that_of_the_state_which_the_sentence_before_is_about(topic: str) -> None:
    text = f"Chile took the chair.\n\n{topic}\n\n{{Its envoy, Ana Moss}}, <said> [it was late].\n"
    _, voices = read(text, [False] * 3)
    assert sides(voices)["ana-moss"] == ("per" if topic.startswith("Peru") else "zaf")


def test_two_who_propose_something_do_it_together() -> None:
    text = "The talks were called by Peru and Chile in Teld.\n"
    (voice,) = read(text)[1].sentences
    assert voice.speaker is not None
    assert voice.speaker.actors == ("per", "chl")


def test_who_leads_a_body_is_the_one_named_and_not_the_body() -> None:
    text = "[“No,”] <said> {the head of the Karpov group, Yevgeny Moss}.\n"
    assert actors(read(text)[1]) == ["yevgeny-moss"]


@pytest.mark.parametrize("who", ["Most", "Both", "Mr"])
def test_a_word_of_quantity_or_address_is_no_actor(who: str) -> None:
    _, voices = read(f"{{{who}}} <said> [that the talks had failed].\n")
    assert not voices.actors


def test_the_death_of_somebody_does_nothing_that_he_does() -> None:
    assert actors(read("The execution of Omar Said led to protests in Teld.\n")[1]) == [None]


def small(text: str) -> str:
    return written_small(text, split(text).sentences, KNOWN)


def test_capitals_are_written_small_but_for_names() -> None:
    text = "RUSSIA SAID ON FRIDAY THAT NATO WOULD PAY. SPOKESMAN ILYA MOSS SAID SO.\n\nHe is Moss."
    assert small(text) == (
        "Russia said on Friday that NATO would pay. Spokesman Ilya Moss said so.\n\nHe is Moss."
    )
    headline = "TELD TALKS OVER SAYS KARAN\n\nThe envoy of Teld, Ilse Karan, left the talks.\n"
    assert small(headline).startswith("Teld talks over says Karan\n")


@pytest.mark.parametrize("text", ["NATO", "İSTANBUL İLE İZMİR İÇİN", "He left. BBC NEWS", ""])
def test_what_is_no_sentence_in_capitals_stays_and_no_place_moves(text: str) -> None:
    assert len(small(text)) == len(text)
    assert "NATO" not in text or small(text) == text
