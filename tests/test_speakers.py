from __future__ import annotations

import re
import time

import pytest
from stance.actors import gazetteer, read_actors
from stance.article.sentences import split
from stance.schema import FORMS, Attribution, DataError, Span
from stance.speakers import Gazetteer, Voices, identify

KNOWN = Gazetteer(gazetteer())


def attributions(text: str) -> list[Attribution]:
    """Attributions marked in a text: {source} <cue> [content], one line each to itself."""
    found = []
    for line in re.finditer(r"[^\n]+", text):
        spans = {
            kind: tuple(
                Span(line.start() + m.start(), line.start() + m.end())
                for m in re.finditer(pattern, line.group())
            )
            for kind, pattern in (("s", r"\{[^}]*\}"), ("c", r"<[^>]*>"), ("t", r"\[[^\]]*\]"))
        }
        if any(spans.values()):
            found.append(Attribution(spans["s"], spans["c"], spans["t"]))
    return found


def read(marked: str, moves: list[bool] | None = None) -> tuple[str, Voices]:
    """Identify the speakers of a text whose attributions are marked; marks are taken out."""
    plain, places = "", []
    for character in marked:
        places.append(len(plain))
        if character not in "{}<>[]":
            plain += character
    places.append(len(plain))

    def moved(span: Span) -> Span:
        return Span(places[span.start + 1], places[span.end - 1])

    found = [
        Attribution(
            tuple(map(moved, a.sources)), tuple(map(moved, a.cues)), tuple(map(moved, a.contents))
        )
        for a in attributions(marked)
    ]
    return plain, identify(plain, split(plain).sentences, found, moves=moves, actors=KNOWN)


def speakers(voices: Voices) -> list[tuple[str, str] | None]:
    return [v.speaker and (v.speaker.actor, v.speaker.how) for v in voices.sentences]


LAVROV = """\
[Talks are off], {the Russian foreign minister, Sergei Lavrov,} <said>.

{The minister} <added> [that Kyiv had not answered].

[“We shall wait.”]

{He} <warned> [that Ukraine would pay].

{Moscow} <says> [it wants peace].

{Russian officials} <declined> [to name a date].
"""


def test_name_title_pronoun_and_capital_resolve_with_how() -> None:
    _, voices = read(LAVROV)
    assert speakers(voices) == [
        ("lavrov", "name"),
        ("lavrov", "title"),
        ("lavrov", "continued"),
        ("lavrov", "pronoun"),
        ("rus", "metonymy"),
        ("rus", "office"),
    ]
    lavrov = next(actor for actor in voices.actors if actor.id == "lavrov")
    assert (lavrov.name, lavrov.type, lavrov.side) == ("Sergey Lavrov", "person", "rus")


def test_no_minister_is_another_and_a_leader_goes_by_any_title() -> None:
    text = """\
{Sergei Shoigu, the Russian defence minister,} <said> [no].

{The Russian foreign minister} <said> [yes].

{Belarusian President Aleksandr Lukashenko} <said> [maybe].

{The Belarusian leader} <said> [more].
"""
    _, voices = read(text)
    found = [s and s[0] for s in speakers(voices)]
    assert found == ["sergei-shoigu", "rus", "lukashenko", "lukashenko"]


def test_a_name_beside_its_office_is_one_source_though_the_tagger_took_half() -> None:
    text = "Sergei Shoigu, {the Russian defence minister}, <said> [no].\n"
    plain, voices = read(text)
    speaker = voices.sentences[0].speaker
    assert speaker is not None
    assert plain[speaker.start : speaker.end] == "Sergei Shoigu, the Russian defence minister"


def test_spans_of_mentions_index_the_text() -> None:
    text, voices = read(LAVROV)
    lavrov = next(actor for actor in voices.actors if actor.id == "lavrov")
    words = [text[span.start : span.end] for span in lavrov.mentions]
    assert words == ["the Russian foreign minister, Sergei Lavrov,", "The minister", "He"]


def test_forms_tell_quotation_from_report_and_deed() -> None:
    text = """\
[“We will not go,”] <said> {Olha Bondar, a member of parliament}.

{Bondar} <called> [the offer “an insult” to her country].

{She} <denied> [that the seat had been promised].

Turkish jets bombed a village in Syria on Monday.

The river rises in the hills.
"""
    _, voices = read(text, moves=[True, True, False, True, False])
    assert [v.form for v in voices.sentences] == [
        "direct",
        "mixed",
        "indirect",
        "narration",
        "background",
    ]
    assert {v.form for v in voices.sentences} == set(FORMS)
    assert [s and s[0] for s in speakers(voices)] == ["olha-bondar"] * 3 + ["tur", None]


def test_a_term_in_marks_makes_no_sentence_a_quotation() -> None:
    text = "What {Moscow} <calls> [a “special military operation”] has gone on since 2022.\n"
    assert read(text)[1].sentences[0].form == "mixed"


def test_one_surname_is_one_actor_and_she_is_no_he() -> None:
    text = """\
[Yes], <said> {Anna Weber, the union's lawyer}.

[No], <said> {Karl Braun, a director}.

{She} <left> [without a word].

{Weber} <smiled> [at last].

{He} <shrugged> [it off].
"""
    _, voices = read(text)
    assert [s and s[0] for s in speakers(voices)] == [
        "anna-weber",
        "karl-braun",
        "anna-weber",
        "anna-weber",
        "karl-braun",
    ]


def test_targets_are_those_addressed_named_or_the_other_party() -> None:
    text = """\
{Iran} <told> Oman [that it would return to the table].

{Tehran} <condemned> [the Israeli strike in Damascus].

{Israel} <urged> [both sides to stop].

{Iran} <promised> [revenge].

Iran and Israel traded blows, and Israel blamed Iran.
"""
    _, voices = read(text)
    targets = [v.target and (v.target.actor, v.target.how) for v in voices.sentences]
    assert targets[:4] == [
        ("omn", "addressee"),
        ("isr", "named"),
        ("all-parties", "named"),
        ("isr", "dispute"),
    ]


HARMED = """\
{Norway's premier} <said> [Russia and Russia alone had chosen this].

{The premier} <said> [Russia must go, and that an attack on Ukraine would cost it dearly].

{She} <said> [that invading Ukraine was a crime].

{Moscow} <threatened> [a strike on Kyiv].

{Oslo} <warned> [that a war with Ukraine would ruin them].

{The premier} praised Poland, <saying> [that Norway was not alone].
"""


def test_words_about_harm_go_to_who_does_it() -> None:
    _, voices = read(HARMED)
    targets = [v.target and (v.target.actor, v.target.how) for v in voices.sentences]
    assert targets[2:] == [
        ("rus", "dispute"),
        ("ukr", "addressee"),
        ("rus", "pronoun"),
        ("pol", "addressee"),
    ]


def test_a_sentence_without_a_move_has_no_target_unless_addressed() -> None:
    text = "{Iran} <said> [Israel was holding elections].\n\n{Iran} <told> Israel [the time].\n"
    _, voices = read(text, moves=[False, False])
    assert [v.target and v.target.actor for v in voices.sentences] == [None, "isr"]


def test_two_speakers_in_a_sentence_are_parts() -> None:
    text = "Seoul offered flour to the North; Pyongyang fired three missiles into the sea.\n"
    plain, voices = read(text)
    (voice,) = voices.sentences
    assert [part.speaker and part.speaker.actor for part in voice.parts] == ["kor", "prk"]
    assert plain[voice.parts[1].span.start : voice.parts[1].span.end].startswith("Pyongyang")


@pytest.mark.parametrize(
    ("told", "doer"),
    [
        ("{Erdogan} last week met both of the envoys twice in the hope [of a truce].", "erdogan"),
        ("Peace is far off, after {Kyiv’s} <refusal> [to yield], and the fighting goes on.", None),
        ("Peace is far off, torn by {Kyiv’s} <refusal> [to yield land or water].", None),
        ('In 1991 the south, in what many <call> ["the long night"], was left to itself.', None),
    ],
)
def test_a_deed_is_told_and_not_said_whatever_is_hoped_for_or_refused_in_it(
    told: str, doer: str | None
) -> None:
    _, voices = read(f"{told}\n")
    (voice,) = voices.sentences
    assert voice.form == "narration"
    assert (voice.speaker and voice.speaker.actor) == doer


def test_a_pronoun_means_the_same_in_all_that_it_says() -> None:
    text = (
        "Trump came. Putin has struck a calm tone.\nHe praised Trump, suggesting that it helps.\n"
    )

    def at(words: str) -> tuple[Span, ...]:
        return (Span(text.rindex(words), text.rindex(words) + len(words)),)

    found = [
        Attribution(at("Putin"), at("struck"), at("a calm tone")),
        Attribution(at("He"), at("praised"), at("Trump")),
        Attribution(at("He"), at("suggesting"), at("that it helps")),
    ]
    voices = identify(text, split(text).sentences, found, actors=KNOWN)
    assert [found and found[0] for found in speakers(voices)][1:] == ["putin", "putin"]


def test_what_makes_up_most_of_a_sentence_is_said_though_a_noun_tells_so() -> None:
    _, voices = read("{Kyiv’s} <demand> [that the prisoners be freed by May] stands.\n")
    assert [found and found[0] for found in speakers(voices)] == ["ukr"]


@pytest.mark.parametrize(
    "said",
    [
        "My fellow Costa Ricans, I thank you. We shall never yield. I ask Panama to wait.",
        "I know Peru. My country is Peru. We shall never yield. I ask the miners to wait.",
    ],
)
def test_a_speech_that_does_not_say_whose_it_is_is_its_states(said: str) -> None:
    _, voices = read(f"Address to the nation on the border\n\nGood evening. {said}\n")
    state = "cri" if "Costa" in said else "per"
    assert {found[0] for found in speakers(voices)[2:] if found} == {state}


def test_a_speech_is_not_theirs_whom_it_names_most() -> None:
    _, voices = read(
        "Remarks at the signing\n\nOn behalf of Norway, I welcome you. Israel is here. We greet "
        "Israel. I thank Israel. We are glad.\n"
    )
    assert {found[0] for found in speakers(voices)[1:] if found} == {"nor"}


def test_a_quotation_goes_on_with_whom_it_is_of_and_not_with_whom_it_names() -> None:
    text = "“{Mr. Putin} <agreed> [to talk],” Biden said.\n"
    plain = re.sub(r"[{}<>\[\]]", "", text) + "“We should try,” he hopes.\n"
    inner = Attribution((Span(1, 10),), (Span(11, 17),), (Span(18, 25),))
    biden = plain.index("Biden")
    outer = Attribution((Span(biden, biden + 5),), (), (Span(0, biden - 1),))
    start = plain.index("“We")
    later = Attribution((), (), (Span(start, start + 15),))
    voices = identify(plain, split(plain).sentences, [outer, inner, later], actors=KNOWN)
    assert speakers(voices) == [("biden", "name"), ("biden", "continued")]


def test_what_is_no_name_is_no_actor() -> None:
    text = "{He} <said> [no].\n\nInvading Ukraine will hurt. According to Lavrov, it hurts.\n"
    _, voices = read(text)
    assert {"invading", "according"}.isdisjoint(actor.id for actor in voices.actors)


def test_a_title_is_of_whom_the_article_gave_it_to_in_passing() -> None:
    text = "President Biden spoke on Tuesday.\n\n{The president} <said> [no].\n"
    _, voices = read(text, moves=[False, True])
    assert speakers(voices)[1] == ("biden", "title")


def test_a_name_in_the_middle_of_a_sentence_is_of_the_office_beside_it() -> None:
    _, voices = read("In Oslo, Ana Roth, {US envoy for the north,} <said> [no].\n")
    assert speakers(voices) == [("ana-roth", "name")]


def test_what_nobody_is_found_to_say_is_told() -> None:
    _, voices = read("<Fears> [of a war] grow as Norway sends ships.\n")
    assert voices.sentences[0].form == "narration"


def test_an_abbreviated_state_is_a_doer_at_the_end_of_its_phrase() -> None:
    _, voices = read("The U.S. has sent warships.\n")
    assert [found and found[0] for found in speakers(voices)] == ["usa"]


def test_an_office_before_a_colon_is_the_one_named_before() -> None:
    text = "{The spokesman} <said> [no].\n\n{Spokesman}: [We shall wait.]\n"
    _, voices = read(text)
    assert [found and found[1] for found in speakers(voices)] == ["description", "title"]


def test_the_other_side_is_whom_the_article_names_most_beside_the_speaker() -> None:
    text = """\
Peru spoke once, and Chile was there.

{The Brell Harbour Union} <said> [no].

{It} <refused> [to sign].

{The union} <called> [the ministry deaf].

{Peru} <promised> [revenge].
"""
    _, voices = read(text)
    target = voices.sentences[-1].target
    assert target is not None
    assert (target.actor, target.how) == ("brell-harbour-union", "dispute")


def test_quotation_inside_a_report_belongs_to_the_one_inside() -> None:
    text = "{State radio} <quoted> {a general} <as saying> [the port would burn].\n"
    outer, inner = text.index("["), text.index("{a")
    plain = re.sub(r"[{}<>\[\]]", "", text)
    source, general = Span(0, 11), Span(plain.index("a general"), plain.index("a general") + 9)
    content = Span(plain.index("the port"), len(plain) - 2)
    found = [
        Attribution((source,), (), (Span(general.start, content.end),)),
        Attribution((general,), (), (content,)),
    ]
    assert outer > inner
    voices = identify(plain, split(plain).sentences, found, actors=KNOWN)
    speaker = voices.sentences[0].speaker
    assert speaker is not None
    assert plain[speaker.start : speaker.end] == "a general"


@pytest.mark.parametrize(
    ("headline", "speaker"),
    [
        ("Lavrov: no meeting with Zelensky planned", "lavrov"),
        ("Grain deal cannot be saved: Kremlin", "rus"),
        ("Moscow open to expert talks on missile", "rus"),
    ],
)
def test_headlines_name_their_speaker(headline: str, speaker: str) -> None:
    _, voices = read(f"{headline}\n\nThe weather was fine in the capital on Monday.\n")
    found = voices.sentences[0].speaker
    assert found is not None
    assert found.actor == speaker


def test_a_speech_is_its_speakers() -> None:
    text = """\
Statement by the representative of Guyana in the general debate

Madam President, I congratulate you. My country is small. We shall never cede the Essequibo. \
I thank our neighbours for their patience.
"""
    _, voices = read(text)
    assert speakers(voices)[1:] == [("guy", "author")] * 4
    assert all(v.form == "direct" for v in voices.sentences[1:])


def test_signatories_speak_jointly() -> None:
    text = """\
We, the foreign ministers of France, Germany and Poland, met today. We condemn the attack. \
We call on Belarus to release them. We stand ready to help.
"""
    _, voices = read(text)
    speaker = voices.sentences[1].speaker
    assert speaker is not None
    assert speaker.actors == ("fra", "deu", "pol")
    assert speaker.how == "signatory"
    target = voices.sentences[2].target
    assert target is not None
    assert target.actor == "blr"


def test_nothing_known_is_said_to_be_unclear() -> None:
    _, voices = read("[“Never.”]\n")
    assert voices.sentences[0].speaker is None
    assert voices.actors == ()


@pytest.mark.parametrize("text", ["", "???", "“", "I\n" * 50, "\x00 ‮ said", "Iran " * 2000])
def test_odd_texts_do_no_harm(text: str) -> None:
    spans = split(text).sentences
    assert len(identify(text, spans, [], actors=KNOWN).sentences) == len(spans)


def test_a_file_of_ones_own_adds_actors_and_aliases(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.csv"
    path.write_text(
        "id,name,type,aliases,side\nrus,Russia,state,Ivanland,\nkarp,Olga Karp,person,Karp,rus\n"
    )
    own = Gazetteer(read_actors(path))
    text = "Ivanland attacked the port. Karp refused to meet the Ukrainians."
    voices = identify(text, split(text).sentences, [], actors=own)
    assert [v.speaker and v.speaker.actor for v in voices.sentences] == ["rus", "karp"]
    assert next(a for a in voices.actors if a.id == "karp").side == "rus"


def test_faults_of_such_a_file_are_told_together(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.csv"
    path.write_text("id,name,type,side\nx,X,planet,\ny,Y,person,nowhere\n")
    with pytest.raises(DataError, match=r"2 faults") as caught:
        read_actors(path)
    assert "type 'planet', expected one of state" in str(caught.value)
    path.write_text("id,type\nx,state\n")
    with pytest.raises(DataError, match="no column name: expected id, name, type"):
        read_actors(path)


def test_a_book_takes_no_longer_for_each_sentence_than_an_article() -> None:
    def seconds(copies: int) -> float:
        text = "".join(
            f"“We refuse,” said Ana Maria{i} Lopez{i}. He told Kyiv the army of Chad left.\n\n"
            for i in range(copies)
        )
        spans = split(text).sentences
        quotes = [Span(m.start(), m.end()) for m in re.finditer("“[^”]*”", text)]
        start = time.process_time()
        identify(text, spans, [Attribution((), (), (quote,)) for quote in quotes], actors=KNOWN)
        return time.process_time() - start

    seconds(5)
    assert seconds(800) < 20 * max(seconds(100), 0.03)


def test_one_quotation_over_a_book_takes_no_longer_for_each_sentence_than_a_short_one() -> None:
    def seconds(copies: int) -> float:
        text = "“We will fight on.” " * copies
        spans = split(text).sentences
        start = time.process_time()
        voices = identify(text, spans, [Attribution((), (), spans)], actors=KNOWN).sentences
        assert len(voices) == copies
        return time.process_time() - start

    seconds(5)
    assert seconds(2000) < 20 * max(seconds(200), 0.03)


def test_her_ministry_is_that_of_the_state_an_apposition_told_later() -> None:
    text = """\
{Ana Prosper} <said> [that the talks had failed].

{Ana Prosper, the French envoy}, <said> [that she would leave].

{Her ministry} <said> [that it would wait].
"""
    assert speakers(read(text)[1])[2] == ("fra", "office")


def test_what_belongs_to_a_body_of_the_article_alone_is_that_body() -> None:
    text = """\
{The Teld Union} <said> [that the talks had failed].

{The union's committee} <said> [that it would wait].
"""
    assert speakers(read(text)[1]) == [("teld-union", "name"), ("teld-union", "office")]


@pytest.mark.parametrize(
    ("text", "actors"),
    [
        ("{Neither Putin nor Zelensky} <said> [they would come].", ("putin", "zelensky")),
        ("[The deal is dead], {the BBC} <quoted> Lavrov as saying.", ("lavrov",)),
        ("They met Sergei Lavrov, the envoy, {who} <said> [that no date was set].", ("lavrov",)),
        ("{A long interview with Sergei Lavrov} <shows> [how far apart they are].", ("lavrov",)),
        ("{The execution of Putin’s cook} <led> [to protests].", ()),
        ("[It was one of many, {mostly of Iran-backed} men].", ()),
    ],
)
def test_whom_other_words_mean_that_a_tagger_takes_for_a_source(
    text: str, actors: tuple[str, ...]
) -> None:
    _, voices = read(text + "\n")
    speaker = voices.sentences[0].speaker
    assert (speaker.actors if speaker else ()) == actors


def test_who_is_known_to_speak_counts_before_more_words_of_nobody() -> None:
    text = "{Lavrov} <said> [no],\n{mostly of Iran-backed} [men more numerous than others] came.\n"
    _, voices = read(text)
    assert speakers(voices) == [("lavrov", "name")]


def test_a_report_is_theirs_who_reported() -> None:
    text = "[The envoy left], {the Teld Agency} <reported>.\n{The report} <said> [no more].\n"
    _, voices = read(text)
    assert speakers(voices) == [("teld-agency", "name"), ("teld-agency", "title")]


def test_an_office_is_of_the_state_that_acted_right_before() -> None:
    text = """\
{Iran} <warned> [Syria of war]. Iran left. Iran rose.

{Syria} <called> [for calm].
[“It is a powder keg,”] {Deputy Prime Minister Ana Moss} <said>.
"""
    _, voices = read(text)
    assert [a.side for a in voices.actors if a.name == "Ana Moss"] == ["syr"]


def test_no_addressee_stands_behind_a_comma_or_in_what_is_asked() -> None:
    text = "{The Taliban} <rejected> [the offer], Kyiv reported.\n\n"
    text += "{Reporters} <asked> [whether Kyiv would yield].\n"
    _, voices = read(text, moves=[False, False])
    assert [voice.target for voice in voices.sentences] == [None, None]


def test_a_group_is_the_one_named_last() -> None:
    text = """\
{Hezbollah leader Ana Moss} <said> [no].

{The group} <said> [it would fight, and so would Nato].

{The alliance} <said> [yes].

{The movement of the speaker} <said> [nothing].
"""
    _, voices = read(text)
    assert [found and found[0] for found in speakers(voices)] == [
        *("ana-moss", "hezbollah", "nato", "movement-of-the-speaker")
    ]


def test_a_statement_is_theirs_who_issue_it() -> None:
    text = "[Turkey stays], <said> {a statement carried} by the Teld News Agency on Monday.\n"
    text += "\n<According to> {a statement} by the Kremlin, [that is well].\n"
    _, voices = read(text)
    assert [s and s[0] for s in speakers(voices)] == ["teld-news-agency", "rus"]


def test_a_participle_before_a_comma_does_nothing() -> None:
    text = (
        "Pressed further, a guard rejected the offer.\n\nArmed men, backed by Iran, attacked Kyiv."
    )
    _, voices = read(text)
    assert [found and found[0] for found in speakers(voices)] == ["guard", "armed-men"]
