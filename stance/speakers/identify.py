"""Form, speaker and target of every sentence of an article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stance.schema import ArticleActor, Attribution, Mention, Span
from stance.speakers.cast import Cast
from stance.speakers.documents import acting_state, headline, headline_doer, narrator, place_of
from stance.speakers.narration import clauses, subject
from stance.speakers.phrases import TOKEN, Found, Gazetteer, usual_gazetteer
from stance.speakers.sources import inverted, issuer, says_self, sources_of, subject_of
from stance.speakers.spans import (
    begins_quoted,
    double_quoted,
    first_in,
    first_place,
    gap,
    homes,
    is_term,
    last_place,
    quoted_share,
    stands_alone,
    stripped,
    whole_name,
    within,
)
from stance.speakers.speech import Speech, apart, main_speech
from stance.speakers.targets import EVERYBODY, Targets
from stance.speakers.transcripts import Turns, turns
from stance.speakers.voice import Voice, VoicePart, Voices

_FAR = 60
"""Attributions to look back and ahead over."""
_MOST, _SOME = 0.5, 0.3
"""Shares of a sentence that unquoted words of somebody make up, for it to be said and not told."""
_BESIDE = 30  # characters between a source and what it says, where no word tells that it does
_POSSESSIVE = ("'s", "’s", "s'", "s’")


def identify(
    text: str,
    sentences: Sequence[Span],
    attributions: Sequence[Attribution],
    *,
    moves: Sequence[bool] | None = None,
    actors: Gazetteer | None = None,
) -> Voices:
    """Say who says each sentence of an article, toward whom, in which form.

    Args:
        text: The untouched article.
        sentences: Its sentences, in order.
        attributions: Who is reported to have said what in it.
        moves: For each sentence whether it shows a move in a dispute; one that shows none has a
            target only if somebody is addressed. None takes all to show one.
        actors: Actors known by name. [those of `stance.actors.gazetteer`]

    Returns:
        A voice for every sentence, and the actors that are a speaker, a doer or a target.
    """
    return _Reader(text, sentences, attributions, moves, actors or usual_gazetteer()).read()


class _Reader:
    def __init__(
        self,
        text: str,
        sentences: Sequence[Span],
        attributions: Sequence[Attribution],
        moves: Sequence[bool] | None,
        known: Gazetteer,
    ) -> None:
        self.text, self.sentences = text, sentences
        self.attributions = sorted(within(sentences, attributions), key=first_place)
        self.moves = moves if moves is not None else [True] * len(sentences)
        self.cast = Cast(known, text)
        self.targets = Targets(text, self.cast)
        self.quoted = double_quoted(text)
        # Of each attribution once, not for each of its sentences: one may run through a book.
        self.shares = [quoted_share(a.contents, self.quoted, text) for a in self.attributions]
        self.speakers: dict[int, Mention | None] = {}
        self.doer: Mention | None = None  # of the last sentence
        self.touching: list[list[int]] = [[] for _ in sentences]
        for number, attribution in enumerate(self.attributions):
            spans = (*attribution.sources, *attribution.cues, *attribution.contents)
            for home in homes(sentences, spans):
                self.touching[home].append(number)
        self.turns = Turns({}, [])
        self.teller: Mention | None = None  # who says what nobody is reported to say
        self.voices: list[Voice] = []
        self.home = ""

    def read(self) -> Voices:
        own = [
            all(map(self._own, here)) and not begins_quoted(span, self.quoted)
            for here, span in zip(self.touching, self.sentences, strict=True)
        ]
        author, told = narrator(self.text, self.sentences, own, self.cast)
        self.home = self.cast.place or self.cast.home() or self.cast.most_named()
        self.turns = turns(self.text, self.sentences, own, self.cast)
        for number in range(len(self.sentences)):
            self.teller = self.turns.speaker(number, self.cast) or (
                author if number in told else None
            )
            voice = self._sentence(number)
            self.doer = voice.speaker or (self.doer if voice.form != "background" else None)
            self.voices.append(voice)
        return Voices(tuple(self.voices), self._actors(self.voices))

    def _sentence(self, number: int) -> Voice:
        span = self.sentences[number]
        before = Span(self.sentences[number - 1].end if number else 0, span.start)
        acted = acting_state(self.text, before, self.voices[-1:], self.cast)
        self.cast.place = place_of(self.text, span, self.cast) or acted or self.home
        self._opening(number)
        for index in self.touching[number]:
            self._resolve(index, number)
        found = [self._speech(i, number) for i in self.touching[number] if self._told(i)]
        speeches = [speech for speech in found if self._carries(speech, number)]
        named = self.cast.notice(self.text[span.start : span.end], span.start, number)
        sure = [speech for speech in speeches if speech.speaker] or speeches
        main = main_speech(sure, self.attributions) if sure else None
        if main is not None and (main.speaker is not None or self.teller is None):
            parts = self._parts(speeches, number, named)
            target = self._target(main, number, named)
            own = self.teller is not None and self._own(main.number)
            return Voice("direct" if own else self._form(main), main.speaker, target, parts)
        if self.teller is not None:
            target = self._toward(self.teller, [span], [], named, number)
            return Voice("direct", self.teller, target)
        return self._narration(number, named)

    def _opening(self, number: int) -> None:
        """Take note of whom a sentence begins with, before a "he" further on in it."""
        span = self.sentences[number]
        sources = [s for i in self.touching[number] for s in self.attributions[i].sources]
        place = subject(self.text[span.start : span.end]) if sources else None
        if place is not None and span.start + place[1] < min(s.start for s in sources):
            words = Span(span.start + place[0], span.start + place[1])
            phrase = self.cast.read(self.text[words.start : words.end])
            if phrase.name or phrase.ids:
                self._mention(words, number)

    def _narration(self, number: int, named: Found) -> Voice:
        span = self.sentences[number]
        heading = headline(self.text, self.sentences, number, self.cast)
        if heading is not None:
            speaker, content = heading
            share = quoted_share([content], self.quoted, self.text)
            target = self._toward(speaker, [content], [], named, number)
            return Voice("mixed" if share else "indirect", speaker, target)
        if not self.moves[number]:
            # Later words may refer to who does something, else to whom the sentence is about.
            self._doer(span, number) or self._doer(span, number, named=True, topic=True)
            return Voice("background")
        parts: list[VoicePart] = []
        for clause in clauses(self.text, span):
            doer = self._doer(clause, number) or (
                None if parts else headline_doer(self.text, self.sentences, number, self.cast)
            )
            if doer is not None:
                area = Span(doer.end or clause.start, clause.end)
                target = self._toward(doer, [area], [area], named, number)
                parts.append(VoicePart(clause, "narration", doer, target))
        if not parts:
            return Voice("narration")
        distinct = {part.speaker.actor for part in parts if part.speaker}
        first = parts[0]
        return Voice(
            "narration", first.speaker, first.target, tuple(parts) if len(distinct) > 1 else ()
        )

    def _doer(
        self, clause: Span, number: int, *, named: bool = False, topic: bool = False
    ) -> Mention | None:
        part = self.text[clause.start : clause.end]
        place = subject(part, topic=topic)
        if place is None:
            return None
        start, end = place
        phrase = self.cast.read(part[start:end])
        if phrase.kind == "other" or (phrase.kind == "pronoun" and phrase.gender == "self"):
            return None
        if named and not (phrase.name or phrase.ids):
            return None
        return self._mention(Span(clause.start + start, clause.start + end), number)

    def _mention(self, span: Span, number: int) -> Mention | None:
        found = self.cast.resolve(self.text[span.start : span.end], span.start, number)
        if found is None:
            return None
        (actor, *others), how = found
        return Mention(span.start, span.end, actor, how, tuple(others))

    def _resolve(self, index: int, number: int) -> None:
        """Find the speaker of an attribution, once."""
        if index in self.speakers:
            return
        sources = sources_of(self.text, self.attributions[index])
        for source in sources:
            labelled = self.turns.has(number) and self.text[source.end : source.end + 1] in (
                ":",
                ".",
            )
            if labelled or says_self(self.text, source):
                self.speakers[index] = self.teller if labelled else self._around(index)
                return
            if self.text[source.start : source.end].lower() == "you":  # whom the words go to
                self.speakers[index] = self.teller
                return
            told = zip(self.voices[-4:], self.sentences[max(number - 4, 0) :], strict=False)
            mention = issuer(self.text, source, [(v.speaker, span) for v, span in told])
            mention = mention or self._mention(whole_name(self.text, source), number)
            if mention is not None or source is sources[-1]:
                self.speakers[index] = mention
                return
        self.speakers[index] = self._continued(index, number)

    def _own(self, index: int) -> bool:
        """Tell whether an attribution has no words but those of whoever speaks anyway."""
        attribution = self.attributions[index]
        if attribution.sources:
            return not self._inside(index) and all(
                says_self(self.text, s) or self.text[s.start : s.end].lower() == "you"
                for s in attribution.sources
            )
        return not self.shares[index]

    def _around(self, index: int) -> Mention | None:
        """Return who says "I": the speaker of what it stands in, else the document's."""
        here = first_place(self.attributions[index])
        for other in range(max(index - _FAR, 0), min(index + _FAR, len(self.attributions))):
            inside = any(s.start <= here < s.end for s in self.attributions[other].contents)
            if other != index and inside and (speaker := self.speakers.get(other)):
                return replace(speaker, start=None, end=None, how="pronoun")
        return self.teller

    def _continued(self, index: int, number: int) -> Mention | None:
        """Return who goes on speaking, where nobody is named: the last before, the next after."""
        if self.turns.has(number) and self.teller is not None:
            return replace(self.teller, start=None, end=None)
        for cue in self.attributions[index].cues:
            home = self.sentences[number]
            if not home.start <= cue.start < home.end:
                continue
            found = inverted(self.text, cue) or subject_of(self.text, home, cue)
            phrase = self.cast.read(self.text[found.start : found.end]) if found else None
            if found and phrase and phrase.kind != "other":
                return self._mention(found, number)
        start = first_place(self.attributions[index])
        before, after = index - 1, index + 1
        while before > index - _FAR and before >= 0 and self._inside(before):
            before -= 1
        if before >= 0 and self.speakers.get(before):
            between = self.text[last_place(self.attributions[before]) : start]
            near = before in self.touching[number] + self.touching[max(number - 1, 0)]
            if near or ("\n\n" not in between and len(between) < 400):
                speaker = self.speakers[before]
                return replace(speaker, start=None, end=None, how="continued") if speaker else None
        if after < len(self.attributions) and self.attributions[after].sources:
            between = self.text[
                last_place(self.attributions[index]) : first_place(self.attributions[after])
            ]
            if "\n" not in between and len(between) < 60:
                self._resolve(after, number)
                speaker = self.speakers[after]
                return replace(speaker, start=None, end=None, how="continued") if speaker else None
        speaker = self.teller or self.doer
        return replace(speaker, start=None, end=None, how="continued") if speaker else None

    def _inside(self, index: int) -> bool:
        """Tell whether a source is named in a quotation: it is not the one who speaks there."""
        return quoted_share(self.attributions[index].sources, self.quoted, self.text) == 1

    def _speech(self, index: int, number: int) -> Speech:
        home = self.sentences[number]
        attribution = self.attributions[index]

        def here(spans: tuple[Span, ...]) -> tuple[Span, ...]:
            return spans[first_in(spans, home.start) : first_in(spans, home.end)]

        spans = here(attribution.sources) + here(attribution.cues) + here(attribution.contents)
        spans = spans or (home,)
        extent = Span(min(s.start for s in spans), min(max(s.end for s in spans), home.end))
        speaker = self.speakers[index]
        if speaker and speaker.start is not None and not home.start <= speaker.start < home.end:
            speaker = replace(speaker, start=None, end=None, how="continued")
        return Speech(index, speaker, here(attribution.contents), here(attribution.cues), extent)

    def _told(self, index: int) -> bool:
        """Tell whether something shows that words are somebody's.

        A source or a cue does, quotation marks do, and so does a label ("Spokesperson: ...") before
        what follows it.
        """
        attribution = self.attributions[index]
        told = bool(attribution.sources or attribution.cues) or self.shares[index] > 0.5
        return told or self._labelled(index)

    def _carries(self, speech: Speech, number: int) -> bool:
        """Tell whether a sentence, or a part of it, is the words of an attribution.

        A deed is not, that is done "in hopes of" something, nor what is told of "Kyiv's refusal",
        nor a term in quotation marks that nobody near is said to use.
        """
        span = self.sentences[number]
        share = speech.size / (span.end - span.start)
        attribution = self.attributions[speech.number]
        named = attribution.sources or (speech.speaker and speech.speaker.start is not None)
        if not speech.contents or (not named and share < _SOME):
            return False
        if quoted_share(speech.contents, self.quoted, self.text) or self._labelled(speech.number):
            return True
        if speech.speaker is None and not attribution.sources:
            return False
        if not attribution.cues or speech.speaker is None:
            beside = [s for s in attribution.sources if gap(s, speech.contents[0]) < _BESIDE]
            return share > _MOST or bool(beside and speech.speaker)
        owners = [self.text[s.start : s.end].endswith(_POSSESSIVE) for s in attribution.sources]
        return share > _MOST or not (owners and all(owners))

    def _labelled(self, index: int) -> bool:
        """Tell whether words follow a label, at once or after others: "Spokesperson: ..."."""
        first, last = index, max(index - _FAR, 0)
        while index > last and not self.attributions[index].sources:
            index -= 1
        sources = self.attributions[index].sources
        if not sources or self.text[sources[0].end : sources[0].end + 1] != ":":
            return False
        return "\n\n" not in self.text[sources[0].end : first_place(self.attributions[first])]

    def _form(self, speech: Speech) -> str:
        share = quoted_share(speech.contents, self.quoted, self.text)
        label = not speech.cues and not share and self._labelled(speech.number)
        spoken = share > 0.9 and not is_term(speech.contents, self.text)
        return "direct" if spoken or label else "mixed" if share else "indirect"

    def _target(self, speech: Speech, number: int, named: Found) -> Mention | None:
        if speech.speaker is None:
            return None
        return self._toward(speech.speaker, speech.contents, speech.cues, named, number)

    def _toward(
        self,
        speaker: Mention,
        areas: Sequence[Span],
        cues: Sequence[Span],
        named: Found,
        number: int,
    ) -> Mention | None:
        moves = self.moves[number]
        target = self.targets.find(speaker, areas, cues, named, moves=moves)
        if target is not None and target.start is not None and target.end is not None:
            self.cast.mention(target.actor, target.start, target.end)
        return target

    def _parts(
        self, speeches: Sequence[Speech], number: int, named: Found
    ) -> tuple[VoicePart, ...]:
        """Return the parts of a sentence in which several speak, none inside another."""
        several = apart(speeches)
        parts = [
            VoicePart(s.extent, self._form(s), s.speaker, self._target(s, number, named))
            for s in several
        ]
        span = self.sentences[number]
        inner = (x for s in several for x in (s.extent.start, s.extent.end))
        edges = [span.start, *inner, span.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            rest = stripped(self.text, start, end)
            words = len(TOKEN.findall(self.text[rest.start : rest.end]))
            if words < 5 or not stands_alone(self.text, Span(start, end), span, self.quoted):
                continue
            doer = self._doer(rest, number, named=True)
            if doer is not None:
                area = Span(doer.end or rest.start, rest.end)
                target = self._toward(doer, [area], [area], named, number)
                parts.append(VoicePart(rest, "narration", doer, target))
        if len({part.speaker.actor for part in parts if part.speaker}) < 2:
            return ()
        return tuple(sorted(parts, key=lambda part: part.span.start))

    def _actors(self, voices: Sequence[Voice]) -> tuple[ArticleActor, ...]:
        used: dict[str, None] = {}
        for voice in voices:
            for mention in voice.mentions():
                for actor in mention.actors:
                    used |= {actor: None, self.cast.side(actor): None}
        result = []
        for actor in used:
            if actor == EVERYBODY:
                result.append(ArticleActor(EVERYBODY, "all parties", "group"))
                continue
            self.cast.enter(actor)
            member = self.cast.members[actor]
            spans = tuple(Span(*place) for place in sorted(member.mentions))
            result.append(ArticleActor(actor, member.name, member.type, member.side or None, spans))
        return tuple(result)
