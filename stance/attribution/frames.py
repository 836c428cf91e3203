"""Who says a quotation, by the form of the words beside it: `"No," Lavrov said`, `he added: "No."`

A tagger learns frames from the texts that it is trained on; their form holds for every text. The
words found here gain in decoding, and the tagger's scores decide.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stance.attribution.phrases import (
    PRONOUNS,
    SAYING,
    adverbial,
    clause_before,
    clause_behind,
    ends,
    is_name,
    is_phrase,
    phrase_end,
    phrase_start,
    read,
    spanned,
    subject_start,
    verb_end,
)
from stance.schema import Span

_LONGEST = 220
_SIGNED = re.compile(
    r"\s{1,4}(?P<cue>--|[–—-])\s*(?P<who>[A-Z][^\n,.;:\"“”]{2,60})(?=,|[.]?[ \t]*(?:\n|$))"
)
_SHORT = 40
_LAST = re.compile(r"(?P<word>\w+\.?|[,:])\s*\Z")
_ACCORDING = re.compile(r"\b[Aa]ccording to\b")
_GOES_ON = tuple(",?!…—-")
_MARKS = "\"”’'“»«„‘`"


class Frame(NamedTuple):
    """The words beside a quotation that tell whose it is.

    Attributes:
        source: Who says it; None if the place is unclear.
        cue: The word that says so.
        behind: They stand behind the quotation.
    """

    source: Span | None
    cue: Span
    behind: bool = True


def frames(
    text: str, sentences: Sequence[Span], quoted: Sequence[Span]
) -> Iterator[tuple[Span, Frame | None]]:
    """Yield each quotation with the frame that stands right behind or right before it.

    Args:
        text: The text.
        sentences: Its sentences; a frame stands in the one that the quotation ends or begins in.
        quoted: Its quotations.
    """
    starts = [sentence.start for sentence in sentences]
    for quotation in quoted:
        closed = text[quotation.start : quotation.end].rstrip(_MARKS + " ").endswith(_GOES_ON)
        at = bisect_right(starts, quotation.end) - 1
        cut = closed and at + 1 < len(starts) and text[quotation.end : starts[at + 1]] in ("", " ")
        at += cut  # `"Why?" Lavrov went on.`
        stop = sentences[at].end if at >= 0 else len(text)
        first = bisect_right(starts, quotation.start) - 1
        whole = first < 0 or starts[first] == quotation.start
        frame = _after(text, quotation.end, stop, closed=closed, whole=whole, new=cut) or _signed(
            text, quotation.end
        )
        if frame is None:
            last = quotation.start - 1
            while last > quotation.start - _LONGEST and text[last : last + 1].isspace():
                last -= 1
            at = bisect_right(starts, last) - 1
            frame = _before(text, sentences[at].start, quotation.start) if at >= 0 else None
        yield quotation, frame


def according(text: str, sentences: Sequence[Span]) -> Iterator[Frame]:
    """Yield the frames that need no quotation: `according to Lavrov`."""
    starts = [sentence.start for sentence in sentences]
    for match in _ACCORDING.finditer(text):
        at = bisect_right(starts, match.start()) - 1
        stop = sentences[at].end if at >= 0 else match.end()
        tokens = list(read(text, match.end(), min(stop, match.end() + _LONGEST)))
        words = [token.group() for token in tokens]
        if end := phrase_end(words, 0):
            yield Frame(spanned(tokens, words, 0, end), Span(*match.span()))


def _signed(text: str, start: int) -> Frame | None:
    """Read `- Sergei Lavrov` behind a quotation, on the same line or the next."""
    match = _SIGNED.match(text, start, start + _LONGEST)
    return Frame(Span(*match.span("who")), Span(*match.span("cue"))) if match else None


def _after(
    text: str, start: int, end: int, *, closed: bool, whole: bool, new: bool
) -> Frame | None:
    """Read `Lavrov said`, `said Lavrov` behind a quotation.

    One that no comma closes may go on in words of the reporter: `"fair" as it is, he said`. Behind
    one that is closed and that begins its sentence any verb says whose it is: `"No," she snapped`.
    """
    tokens: list[re.Match[str]] = []
    for token in read(text, start, min(end, start + _LONGEST)):
        if "\n" in text[start : token.start()] or token.group() in _MARKS or len(tokens) > 24:
            break
        tokens.append(token)
    words = [token.group() for token in tokens]
    if not words or (words[0][0].isupper() and words[0].lower() in PRONOUNS):
        return None
    return _said(tokens, words, closed=closed, new=new) or (
        _frame(tokens, words, clause_behind(words, new=new)) if closed and whole else None
    )


def _said(
    tokens: Sequence[re.Match[str]], words: Sequence[str], *, closed: bool, new: bool
) -> Frame | None:
    """Read a clause with a verb of saying behind a quotation."""
    verb = next((i for i, word in enumerate(words) if word.rstrip(".") in SAYING), None)
    if verb is None or words[verb].endswith("ing"):
        return None
    if new and is_name(words[0]) and not ends(words, verb_end(words, verb)):
        return None
    cue = Span(tokens[verb].start(), tokens[verb].start() + len(words[verb].rstrip(".")))
    place = verb
    while place and adverbial(words[place - 1]):
        place -= 1
    begin = 0
    if "," in words[:place] and not (closed and is_phrase(words[:place])):
        begin = place - words[:place][::-1].index(",")
    elif not closed:
        return None
    if begin == place:
        stop = phrase_end(words, verb + 1)
        return Frame(spanned(tokens, words, verb + 1, stop), cue) if stop > verb + 1 else None
    if is_phrase(words[begin:place]):
        place -= words[place - 1] == ","
        return Frame(spanned(tokens, words, begin, place), cue)
    return None


def _frame(
    tokens: Sequence[re.Match[str]],
    words: Sequence[str],
    clause: tuple[range, range] | None,
    *,
    behind: bool = True,
) -> Frame | None:
    if clause is None:
        return None
    source, verb = clause
    end = tokens[verb.stop - 1].end() - words[verb.stop - 1].endswith(".")
    cue = Span(tokens[verb.start].start(), end)
    return Frame(spanned(tokens, words, source.start, source.stop), cue, behind)


def _before(text: str, sentence: int, end: int) -> Frame | None:
    """Read `Lavrov said:`, `Lavrov, who was there, said in Moscow,` before a quotation."""
    start = max(sentence, end - _LONGEST)
    tail = _LAST.search(text, max(start, end - _SHORT), end)
    if tail is None or not (tail["word"] in (",", ":") or tail["word"].rstrip(".") in SAYING):
        return None
    begin = max(start, *(text.rfind(mark, start, end) + 1 for mark in '"“”'))
    tokens = list(read(text, begin, end))
    words = [token.group() for token in tokens]
    last = len(words) - 1
    if last < 0:
        return None
    if begin > start and tail["word"] not in (",", ":") and "\n" in text[tokens[last].end() : end]:
        return None  # `"No," Lavrov agrees.` ends a paragraph: that is said of the one before
    words[last] = words[last].rstrip(".")  # `Lavrov agrees. "We will meet."`
    verb = last
    while verb >= 0 and (words[verb] not in SAYING or words[verb - 1 : verb] == ["when"]):
        if verb < last and words[verb] in (*_MARKS, ",", ";", ":", ".", "!", "?"):
            verb = 0
        verb -= 1
    if verb < 0 and words[0].lower() == "from" and words[last] == ":" and is_phrase(words[1:last]):
        return Frame(spanned(tokens, words, 1, last), Span(*tokens[last].span()), behind=False)
    if verb < 0 or last - verb > 12:
        clause = clause_before(words[:last]) if words[last] in (",", ":") else None
        return _frame(tokens, words, clause, behind=False)
    cue = Span(tokens[verb].start(), tokens[verb].start() + len(words[verb]))
    place = verb - 2 if words[verb - 1 : verb] == ["by"] else verb  # "Lavrov began by saying:"
    while place > 0 and adverbial(words[place - 1]):
        place -= 1
    if words[verb].endswith("ing") and words[verb - 1] != "by":  # "Lavrov said, adding:"
        if place < 2 or words[place - 1] != "," or words[place - 2] not in SAYING:
            first = phrase_start(words, place)
            beside = first < place and words[first - 1 : first] == ["with"]  # `with Amsel yelling:`
            source = spanned(tokens, words, first, place) if beside else None
            return Frame(source, cue, behind=False)
        place -= 2
    if place > 0 and words[place - 1] == ",":
        commas = [i for i in range(place - 1) if words[i] == ","]
        place = commas[-1] if commas else 0
    first = subject_start(words, place)
    source = spanned(tokens, words, first, place) if first < place else None
    return Frame(source, cue, behind=False)
