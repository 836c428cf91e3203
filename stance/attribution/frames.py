"""Who says a quotation, by the form of the words beside it: `"No," Lavrov said`, `he added: "No."`

A tagger learns frames from the texts that it is trained on; their form holds for every text. The
words found here gain in decoding, and the tagger's scores decide.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stance.schema import Span

_REGULAR = (
    "acknowledge add admit advise affirm agree allege announce answer argue ask assert boast "
    "caution charge chide claim comment complain concede conclude confess confirm continue "
    "counter crow cry declare demand deny disagree emphasise emphasize exclaim explain fume "
    "gush insist interject joke lament maintain marvel mention muse note observe plead pledge "
    "predict proclaim promise protest question read reason recall reckon recount reflect "
    "reiterate remark remember repeat reply report respond retort reveal riff scoff shout "
    "sigh stress suggest testify thunder tweet volunteer vow warn whisper wonder yell"
)
_OTHERS = (
    "said says saying told tells telling wrote writes writing read thought thinks began quipped "
    "quips quipping snapped went goes"
)
_NOUNS = frozenset(
    "answers charges claims cries comments demands questions remarks reports shouts".split()
)


def _forms() -> Iterator[str]:
    yield from _OTHERS.split()
    for verb in _REGULAR.split():
        stem = verb.removesuffix("e")
        if verb.endswith("y") and verb[-2] not in "aeiou":
            yield from (f"{verb[:-1]}ied", f"{verb[:-1]}ies")
        else:
            yield from (f"{stem}ed", f"{verb}es" if verb.endswith(("h", "ss")) else f"{verb}s")
        yield f"{stem}ing"


SAYING = frozenset(_forms()) - _NOUNS
"""Verbs beside a quotation that say whose it is."""

_PRONOUNS = frozenset("he she they it we i".split())
_DETERMINERS = frozenset(
    "the a an one his her its their our my another some several many this that these those both "
    "most two three".split()
)
_BETWEEN = frozenset(
    "also then later once has had have often even just simply again recently is was been still "
    "first soon now always never repeatedly".split()
)
_NO_NOUNS = _BETWEEN | frozenset(
    "and but or as when while if that which who whom whose where because so since after before in "
    "on at for from with to by into about than not would will could should may might are were be "
    "there here what how why then though although".split()
)
_CLAUSES = _PRONOUNS | frozenset(
    "that which who whom whose if because when while as but is was are were has had have".split()
)
_PARTICLES = frozenset("of de van von der bin al el la du ibn and for".split())
_TOKEN = re.compile(r"[\w&@](?:[\w’'&@-]|\.(?=\w))*\.?|[^\w\s]")
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
        closed = text[quotation.start : quotation.end].rstrip(_MARKS).endswith(_GOES_ON)
        at = bisect_right(starts, quotation.end) - 1
        stop = sentences[at].end if at >= 0 else len(text)
        frame = _after(text, quotation.end, stop, closed=closed) or _signed(text, quotation.end)
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
        tokens = _tokens(text, match.end(), min(stop, match.end() + _LONGEST))
        words = [token.group() for token in tokens]
        if end := _phrase_end(words, 0):
            yield Frame(_span(tokens, words, 0, end), Span(*match.span()))


def _signed(text: str, start: int) -> Frame | None:
    """Read `- Sergei Lavrov` behind a quotation, on the same line or the next."""
    match = _SIGNED.match(text, start, start + _LONGEST)
    return Frame(Span(*match.span("who")), Span(*match.span("cue"))) if match else None


def _tokens(text: str, start: int, end: int) -> list[re.Match[str]]:
    return list(_TOKEN.finditer(text, start, end))


def _after(text: str, start: int, end: int, *, closed: bool) -> Frame | None:
    """Read `Lavrov said`, `said Lavrov` behind a quotation.

    One that no comma closes may go on in words of the reporter: `"fair" as it is, he said`.
    """
    tokens: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text, start, min(end, start + _LONGEST)):
        if "\n" in text[start : token.start()] or token.group() in _MARKS or len(tokens) > 24:
            break
        tokens.append(token)
    words = [token.group() for token in tokens]
    verb = next((i for i, word in enumerate(words) if word.rstrip(".") in SAYING), None)
    new = bool(words) and words[0][0].isupper() and words[0].lower() in _PRONOUNS
    if verb is None or new or words[verb].endswith("ing"):
        return None
    cue = Span(tokens[verb].start(), tokens[verb].start() + len(words[verb].rstrip(".")))
    place = verb
    while place and _adverbial(words[place - 1]):
        place -= 1
    begin = 0
    if "," in words[:place] and not (closed and _is_phrase(words[:place])):
        begin = place - words[:place][::-1].index(",")
    elif not closed:
        return None
    if begin == place:
        stop = _phrase_end(words, verb + 1)
        return Frame(_span(tokens, words, verb + 1, stop), cue) if stop > verb + 1 else None
    if _is_phrase(words[begin:place]):
        place -= words[place - 1] == ","
        return Frame(_span(tokens, words, begin, place), cue)
    return None


def _is_phrase(words: Sequence[str]) -> bool:
    """Return whether words are a noun phrase, with one beside it between marks of a pause."""
    stop = next((i for i, word in enumerate(words) if word in (",", "(")), len(words))
    core, beside = words[:stop], words[stop:]
    if not core or (beside and (beside[-1] not in (",", ")") or len(beside) < 3)):
        return False
    first = core[0].lower().rstrip(".")
    if first in _PRONOUNS:
        return len(core) == 1
    if first in _NO_NOUNS or any(word.lower() in _CLAUSES for word in core):
        return False
    return len(core) <= 3 or ((first in _DETERMINERS or _name(core[0])) and len(core) <= 12)


def _before(text: str, sentence: int, end: int) -> Frame | None:
    """Read `Lavrov said:`, `Lavrov, who was there, said in Moscow,` before a quotation."""
    start = max(sentence, end - _LONGEST)
    tail = _LAST.search(text, max(start, end - _SHORT), end)
    if tail is None or not (tail["word"] in (",", ":") or tail["word"].rstrip(".") in SAYING):
        return None
    tokens = _tokens(text, max(start, *(text.rfind(mark, start, end) + 1 for mark in '"“”')), end)
    words = [token.group() for token in tokens]
    last = len(words) - 1
    if last < 0:
        return None
    words[last] = words[last].rstrip(".")  # `Lavrov agrees. "We will meet."`
    verb = last
    while verb >= 0 and words[verb] not in SAYING:
        if verb < last and words[verb] in (*_MARKS, ",", ";", ":", ".", "!", "?"):
            return None
        verb -= 1
    if verb < 0 or last - verb > 12:
        return None
    cue = Span(tokens[verb].start(), tokens[verb].start() + len(words[verb]))
    place = verb - 2 if words[verb - 1 : verb] == ["by"] else verb  # "Lavrov began by saying:"
    while place > 0 and _adverbial(words[place - 1]):
        place -= 1
    if words[verb].endswith("ing") and words[verb - 1] != "by":  # "Lavrov said, adding:"
        if place < 2 or words[place - 1] != "," or words[place - 2] not in SAYING:
            return Frame(None, cue, behind=False)
        place -= 2
    if place > 0 and words[place - 1] == ",":
        commas = [i for i in range(place - 1) if words[i] == ","]
        place = commas[-1] if commas else 0
    first = _phrase_start(words, place)
    source = _span(tokens, words, first, place) if first < place else None
    return Frame(source, cue, behind=False)


def _adverbial(word: str) -> bool:
    return word.lower().rstrip(".") in _BETWEEN or (word.endswith("ly") and word[0].islower())


def _name(word: str) -> bool:
    return word[0].isupper() or word[0] == "@"


def _phrase_end(words: Sequence[str], start: int) -> int:
    """Return where a noun phrase that begins at a word ends; `start` if none does."""
    if start >= len(words):
        return start
    first = words[start].rstrip(".")
    if first.lower() in _PRONOUNS:
        return start + 1
    determined = first.lower() in _DETERMINERS
    if not (determined or _name(first) or first.isalpha()) or first.lower() in _NO_NOUNS:
        return start
    end = start
    while end < len(words):
        word = words[end]
        joins = word in _PARTICLES and end > start and end + 1 < len(words)
        joins = joins and (_name(words[end + 1]) or words[end + 1] in _DETERMINERS)
        noun = word[0].isalnum() and word.lower() not in _NO_NOUNS and word not in SAYING
        if not (joins or _name(word) or noun) or _adverbial(word):
            break
        end += 1
        if word.endswith(".") and not (end < len(words) and _name(words[end])):
            break
    return end if end - start <= 9 and (determined or _name(first) or end - start <= 3) else start


def _phrase_start(words: Sequence[str], end: int) -> int:
    """Return where a noun phrase that ends before a word begins; `end` if it is unclear."""
    if end <= 0 or not words[end - 1][0].isalnum():
        return end
    if words[end - 1].lower() in _PRONOUNS | {"who", "which"}:
        return end - 1
    start, named = end, _name(words[end - 1])
    while start and end - start < 8:
        word = words[start - 1]
        joins = word in _PARTICLES and start < end and start > 1 and _name(words[start - 2])
        if not (joins or (word[0].isalnum() and word.lower() not in _NO_NOUNS)) or word in SAYING:
            break
        if word.lower() in _DETERMINERS:
            if start < 3 or words[start - 2] != "of":
                return start - 1
            start, named = start - 2, _name(words[start - 3])
            continue
        if not named and _name(word) and start < end:
            break
        start -= 1
        if named and not _name(word) and not joins:
            titled = start == 0 or words[start - 1].lower() in _DETERMINERS
            start += not titled
            break
    return start if named or (end - start <= 2 and start == 0) else end


def _span(tokens: Sequence[re.Match[str]], words: Sequence[str], start: int, end: int) -> Span:
    """Return the place of some tokens, without a full stop that ends them."""
    stop = tokens[end - 1].end()
    last = words[end - 1]
    if last.endswith(".") and last.count(".") == 1 and len(last) > 4:
        stop -= 1
    return Span(tokens[start].start(), stop)
