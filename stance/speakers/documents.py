"""Who speaks where no sentence says so: headlines, speeches, statements, signatures."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from stance.schema import Mention, Span
from stance.speakers import words as w
from stance.speakers.cast import Cast
from stance.speakers.phrases import TOKEN
from stance.speakers.voice import Voice

_TITLED = re.compile(
    r"(?:speech|statement|remarks|address|message|letter|declaration|testimony|excerpts?|op-ed|"
    r"reply|communication|press conference|briefing|interview with)\b[^\n]*?\b(?:by|of|from)\s+"
    r"(?P<who>(?:the\s+)?[^\n,;:(]{3,80})",
    re.IGNORECASE,
)
_OWNED = re.compile(
    r"(?P<who>(?:the )?[\w ]{3,40})[’']s?\s+(?:\w+\s){0,2}"
    r"(?:address|message|statement|speech|remarks|letter)",
    re.IGNORECASE,
)
_WHO_ENDS = re.compile(
    r"\s+(?:on|at|in|to|before|during|regarding|concerning|after|following|about|issued|made)\s"
    r"|(?<!\sof)(?<!\sand)(?<!\sfor)(?<!^)\s(?=(?:the|an?)\s)"
)
_WE_THE = re.compile(r"\b[Ww]e, (?P<who>the [^.;\n]{5,160}?),\s+(?=[a-z])")
_OWN = re.compile(
    r"\b(?:[Ff]ellow|[Ww]e|[Uu]s|[Oo]ur|[Oo]n behalf of(?: the)?)\s+"
    r"(?P<who>[A-Z]\w+(?:\s[A-Z]\w+)?)"
)
_SIGNED = re.compile(
    r"^[^\S\n]*\(?(?:signed|signatories)\)?\s*(?:by)?\s*:?\s*(?P<who>.{3,200})$", re.I | re.M
)
_LISTED = re.compile(r"\s*[\n;]\s*|,\s+(?:and\s+)?(?=[A-Z])|\s+and\s+(?=[A-Z])")
_BELOW = re.compile(r"(?:\n[^\S\n]*(?:[-*•]\s)?[A-Z][^\n]{2,100}(?<![.!?])(?=\n|$)){1,30}")
_COLON = re.compile(r"^(?P<who>[^:]{2,60}):\s+(?=\S)")
_AT_END = re.compile(r"(?::|\s[–—-]{1,2})\s*(?P<who>[A-Z][^:“”\"]{1,40})$")
_DATELINE = re.compile(
    r"(?P<place>[A-Z][A-Z'’. -]{2,30}(?:,\s[A-Z][\w. -]{2,30})?)[,(\s][^a-z]{0,3}.{0,40}?"
    r"[–—-]{1,2}\s"
)
_DATED = re.compile(
    r"(?P<place>[A-Z][\w’' .]{2,20}),\s(?:[A-Z][a-z]{2,8}\.?\s)?\d{1,2}(?:st|nd|rd|th)?\b"
)
_IN_PLACE = re.compile(
    r"(?:In|From|At|Back in)\s+(?P<place>[A-Z][\w’' ]{2,30}?)(?:,|\s(?=the\s|a\s|an\s|its\s))"
)
_ENDS = '.!?…"”»'


def narrator(
    text: str, sentences: Sequence[Span], own: Sequence[bool], cast: Cast
) -> tuple[Mention | None, range]:
    """Return who speaks throughout a document, and the numbers of the sentences spoken.

    A speech, a statement, an opinion: much of what nobody is reported to have said says "I" or
    "we". Its speaker is named by the headline, by "We, the ministers of ..." or by signatures.

    Args:
        text: The article.
        sentences: Its sentences.
        own: For each whether it is neither quoted nor reported.
        cast: The article's actors; their place is set to that of the dateline.
    """
    plain = [number for number, free in enumerate(own) if number and free]
    cast.place = next(filter(None, (place_of(text, s, cast) for s in sentences[:2])), "")
    personal = sum(_says_i(text[sentences[n].start : sentences[n].end]) for n in plain)
    if personal < 3 or personal < 0.25 * len(plain):
        return None, range(0)
    first = 1 if _is_heading(text, sentences, 0) else 0
    spoken = range(first, len(sentences))
    cast.place = cast.place or _own_state(text, cast)
    for pattern in (_OWNED, _TITLED, _WE_THE, _SIGNED):
        area = sentences[0].end if pattern in (_OWNED, _TITLED) else len(text)
        match = pattern.search(text, 0, area)
        if match is None:
            continue
        who = _WHO_ENDS.split(match["who"])[0]
        start = match.start("who")
        ids = list(dict.fromkeys(actor for *_, actor in cast.find(match["who"])))
        if pattern in (_OWNED, _TITLED):
            if cast.read(who).kind not in ("person", "actor", "office"):
                continue
        elif pattern is _SIGNED:
            if (signed := _signers(text, match, cast)) is not None:
                before = bisect_left([s.start for s in sentences], match.start())
                return signed, range(first, before)
            continue
        elif len(ids) > 1:
            return _jointly(start, match.end("who"), ids, cast), spoken
        return _author(who, start, cast), spoken
    if first and (who := _leading(text, sentences[0], cast)) is not None:
        return _author(text[who.start : who.end], who.start, cast), spoken
    return _author("the author", 0, cast, named=False), spoken


def _signers(text: str, match: re.Match[str], cast: Cast) -> Mention | None:
    """Return who signs: what is listed on the line, or on the lines below it."""
    start, end = match.span("who")
    if below := _BELOW.match(text, end):
        end = below.end()
    signed: list[str] = []
    place = start
    for piece in _LISTED.split(text[start:end]):
        place = text.index(piece, place)
        phrase = cast.read(piece)
        known = [actor for *_, actor in cast.find(piece)]
        if phrase.kind in ("person", "actor", "office"):
            found = cast.resolve(piece, place, 0)
            signed += found[0] if found is not None else known
        place += len(piece)
    return _jointly(start, end, signed, cast) if signed else None


def _jointly(start: int, end: int, actors: Sequence[str], cast: Cast) -> Mention:
    first, *others = dict.fromkeys(actors)
    for actor in (first, *others):
        cast.enter(actor)
    return Mention(start, end, first, "signatory", tuple(others))


def _own_state(text: str, cast: Cast) -> str:
    """Return the state of whoever speaks: "my fellow Peruvians", "on behalf of Peru".

    Else that of the only people, or the only state, that is named at all: a speech may be about
    others.
    """
    own = [actor for m in _OWN.finditer(text) for *_, actor in cast.find(m["who"])]
    named = [(text[start:end], actor) for start, end, actor in cast.find(text)]
    known = cast.known.actors
    people = {actor for name, actor in named if name in known[actor].forms.get("people", ())}
    states = {actor for _, actor in named if known[actor].type == "state"}
    for alone in (people, states):
        own += alone if len(alone) == 1 else ()
    return next((actor for actor in own if known[actor].type == "state"), "")


def _author(who: str, start: int, cast: Cast, *, named: bool = True) -> Mention:
    found = cast.resolve(who, start, 0)
    (actor, *others), _ = found if found is not None else ((cast.place,), "")
    if not named and cast.place:
        cast.enter(cast.place)
        actor = cast.place
    return Mention(
        start if named else None,
        start + len(who) if named else None,
        actor,
        "author",
        tuple(others),
    )


def _leading(text: str, span: Span, cast: Cast) -> Span | None:
    """Return the actor that a headline begins with: "Moscow open to talks"."""
    line = text[span.start : span.end]
    found = cast.find(line.title() if line.isupper() and len(line.title()) == len(line) else line)
    inside = [
        f
        for f in found
        if f[0] <= 12 and not re.search(r"\b(?:in|on|of|for|at|to)\s", line[: f[0]], re.I)
    ]
    if not inside or (inside[0][0] and len(line[: inside[0][0]].split()) > 1):
        return None
    end = inside[0][1]
    for start, following, _ in found[1:]:
        if re.fullmatch(r",?\s*(?:and|,)?\s*", line[end:start]) and line[end:start].strip():
            end = following
        else:
            break
    return Span(span.start + inside[0][0], span.start + end)


def place_of(text: str, span: Span, cast: Cast) -> str | None:
    """Return the state whose place a sentence opens with: "In Paris, ...", "KYIV, May 3 - ..."."""
    line = text[span.start : span.start + 90]
    match = _DATELINE.match(line) or _DATED.match(line) or _IN_PLACE.match(line)
    if match is None:
        return None
    name = match["place"]
    found = cast.find(name.title() if name.isupper() else name)
    states = [a for *_, a in found if cast.known.actors[a].type == "state"]
    return states[-1] if states else None


def acting_state(text: str, gap: Span, before: Sequence[Voice], cast: Cast) -> str:
    """Return the state that spoke or acted in the sentence before, or an empty string.

    In its paragraph an office without a state is its: "Peru agreed. Deputy minister Ana Moss said".

    Args:
        text: The article.
        gap: What stands between the two sentences.
        before: The voice of the one before, if there is one.
        cast: The article's actors.
    """
    speaker = before[-1].speaker if before else None
    if speaker is None or speaker.how not in ("name", "metonymy", "demonym"):
        return ""
    known = cast.known.actors.get(speaker.actor)
    is_state = known is not None and known.type == "state"
    return speaker.actor if is_state and "\n\n" not in text[gap.start : gap.end] else ""


def headline(
    text: str, sentences: Sequence[Span], number: int, cast: Cast
) -> tuple[Mention, Span] | None:
    """Return who speaks in a headline with a colon, and what: "Lavrov: no talks planned"."""
    if not _is_heading(text, sentences, number):
        return None
    span = sentences[number]
    line = text[span.start : span.end]
    for pattern in (_COLON, _AT_END):
        match = pattern.search(line)
        if match is None:
            continue
        phrase = cast.read(match["who"])
        if phrase.kind not in ("person", "actor", "office") or len(match["who"].split()) > 6:
            continue
        unknown = phrase.kind == "person" and not phrase.person
        if unknown and (match["who"] != match["who"].title() or len(phrase.name.split()) > 3):
            continue
        start, end = span.start + match.start("who"), span.start + match.end("who")
        found = cast.resolve(match["who"], start, number)
        if found is not None:
            (actor, *others), _ = found
            rest = Span(span.start + match.end(), span.end)
            content = rest if pattern is _COLON else Span(span.start, span.start + match.start())
            return Mention(start, end, actor, "headline", tuple(others)), content
    return None


def headline_doer(text: str, sentences: Sequence[Span], number: int, cast: Cast) -> Mention | None:
    """Return who does something in a headline, where it begins with an actor."""
    if not _is_heading(text, sentences, number):
        return None
    who = _leading(text, sentences[number], cast)
    if who is None:
        return None
    words = text[who.start : who.end]
    found = cast.resolve(words.title() if len(words) > 4 else words, who.start, number)
    if found is None:
        return None
    (actor, *others), how = found
    return Mention(who.start, who.end, actor, how, tuple(others))


def _is_heading(text: str, sentences: Sequence[Span], number: int) -> bool:
    span = sentences[number]
    last = sentences[number].end == len(text.rstrip())
    alone = last or text[span.end : span.end + 1] in ("\n", "\r")
    return alone and number < 2 and text[span.end - 1] not in _ENDS


def _says_i(sentence: str) -> bool:
    return any(
        word in w.SELF - {"us"} and (word != "i" or token == "I")
        for token in TOKEN.findall(sentence)
        if (word := token.lower())
    )
