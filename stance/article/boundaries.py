"""Where sentences end inside a block of running text: the `sentencex` library, and what news adds.

The library keeps a quotation in one piece, whereas a stance is one sentence's, so it is shown the
text with quotation marks blanked out, character for character. It proposes boundaries; `_given` and
`_SHORT` propose the few that it misses; `_is_boundary` refuses those that news copy has its own
reasons for: a dateline, a title before a name, an attribution after `"Why?"`.

`data/boundaries` has the convention and a gold set, `benchmarks/boundaries.py` the figures beside
other libraries. Time is linear in the length of the text: every rule looks at a bounded window.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

_WINDOW = 100
"""How far the rules look to either side of a boundary, in characters."""

# Marks that open or close a quotation; the apostrophe inside a word is not one.
_QUOTE = re.compile(r"[\"“”„«»`]|(?<!\w)['‘‚]|['’](?!\w)")
# Nor must the library see brackets around a stop: it takes what is in brackets for one piece.
_HIDING = re.compile(
    _QUOTE.pattern + r"|(?<=[.!?…])[)\]]|[(\[](?=[\w\"“‘'][^()\[\]]{1,300}(?<=[.!?…])[)\]])"
)
# Emphasis of Markdown closes too.
_CLOSERS = re.compile(r"[\"”»’')\]*_]+")
_CAPITALS = re.compile(r"[A-Z]{2}")
_OPENER = re.compile(_QUOTE.pattern + r"|[(\[]")
_FIRST_WORD = re.compile(r"[^\W\d_]+(?!\.)")

DAY = r"(?i:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day\b|\.))"
MONTH = (
    r"(?i:(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?)"
)
_DATE = re.compile(rf"(?:{MONTH}|{DAY})")
# `LIMA, May 27, 1910.` and `MINSK, 3 May. /AGENCY/.` introduce the sentence that follows.
_DATELINE = re.compile(
    r"[A-ZÀ-Þ][\w'’.-]+(?:[ ,]+[A-ZÀ-Þ][\w'’.-]+){0,4}, (?:\d{1,2}(?:st|nd|rd|th)? )?"
    rf"(?:{MONTH}|{DAY})"
    r"(?:,? ?(?:\d{1,4}(?:st|nd|rd|th)?|night|evening|\([^)]{2,30}\))){0,3}\.?"
    r"(?: /[^/]{2,30}/\.?)?"
)
# `Talks fail LIMA, May 27 (Agency) --`: a headline that lost its line break.
_FLATTENED = re.compile(
    r"(?:(?<=[a-z\d?!])|(?<=[a-z] [A-Z]{2}))\s"
    rf"(?=[A-Z]{{3}}[A-Z.,' -]{{0,40}}, {MONTH} \d{{1,2}} \([^)]{{2,30}}\) ?[-–—])"
)
# What stands before the text of an item or paragraph: `1.`, `(b)`, `No. 214.`
_LABEL = re.compile(
    r"\W{0,3}(?:(?:No|Art|Para)\.? ?)?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})(?:\.\d{1,3})*[.)\]]{1,2}"
)
_ITEM = re.compile(r"(?P<bullet>[•⁃*] ?)?(?P<number>\d{1,2}|a)(?P<stop>\.\)|[.)])\s")
# A stop with no blank behind it ends a sentence between words, not in a name or an address.
_GLUED = re.compile(r"(?:[^\W_]{2}|\s\d)[\"”’»)\]]*\s?[.!?…]+[\"”’»)\]]*$")
_ADDRESS = re.compile(r"(?:@|://|www\.)\S*$")

_ABBREVIATION = re.compile(r"(?<![\w.])((?:[^\W\d_]{1,2}\.){0,5}[^\W\d_]{1,6})\.[)\]]?$")
# Abbreviations that never end a sentence: titles, before a name.
_TITLES = frozenset(
    "adm amb brig capt cmdr col cpl dr em fr gen gov hon lt maj messrs mlle mme mr mrs ms mt pres"
    " prof pvt rep reps rev sen sens sgt st supt".split()
)
# Those that end none before a number; months and days are of this kind.
_NUMBERED = frozenset(
    "app art arts ca cf ch chap doc fig figs mk no nos p para paras pp pt reg sec sect vol"
    " vols".split()
)
_NUMBER = re.compile(r"\(?(?:\d|[IVXLC]{2,}\b|[VXLC]\b)")
# Those that a name may follow and a sentence too; so may acronyms and initials.
_OPEN = frozenset(
    "al ave bde bros cie co corp dept dist div etc govt hrs inc inst jr ltd plc prox ret sr ult v"
    " vs".split()
)
_HOURS = frozenset(("a.m", "p.m"))
# Those that a name hardly follows, and words that the library takes for abbreviations.
_UNITS = frozenset("bn dlrs ft ha kg km lb mi min mln mm oz pct tn yd".split())
_WORDS = frozenset("art fed ill may May MAY me ME miss no No NO ore".split())
_SHORT = _OPEN | _HOURS | _UNITS
_STOP = re.compile(r"\.(?=\s+[\"“‘'«(\[]{0,2}[A-Z])")
_ELLIPSIS = re.compile(r"(?:…|\.\.\.)(?=\s+(?!I\b)[A-Z])")
_AFTER_HOUR = re.compile(
    rf"{DAY}|{MONTH}|(?:GMT|UTC|MSK|[CEMP][DS]?T|CES?T|EES?T|[BIJ]ST)\b"
    r"|(?:Eastern|Central|Pacific|Mountain|Local|[A-Z]\w+ (?i:time))\b"
)
_HOUR_ALONE = re.compile(
    r"\W?(?:At|By|On|From|Since|Until|Around|About|Before|After|Shortly)\b[^,]{1,40}"
)
# Words that begin a sentence but hardly go on from an abbreviation (`the U.S. The`, but `the U.S.
# Government`), as in Punkt (Kiss & Strunk, Computational Linguistics 32, 2006). In capitals only
# those that do are sure: `THE U.S. AND JAPAN`.
_SUBJECTS = frozenset("he she it they we you the this these there".split())
_STARTERS = _SUBJECTS | frozenset(
    "a after all although an and another any are as at because before both but by can could did"
    " do does during each either even every few for from had has have her here his how however i"
    " if in is its last late later let many meanwhile most my neither no nobody none not nothing"
    " now of on once one only or other others our several should since so some still such that"
    " their then those three today two under until was were what when where which while who why"
    " with would yet your".split()
)
_VERB = (
    r"(?:said|says?|ask(?:s|ed)?|repl(?:y|ies|ied)|answer(?:s|ed)?|add(?:s|ed)?|shout(?:s|ed)?"
    r"|cr(?:y|ies|ied)|call(?:s|ed)?|tells?|told|writes?|wrote|wonder(?:s|ed)?|demand(?:s|ed)?"
    r"|insist(?:s|ed)?|declare[sd]?|exclaim(?:s|ed)?|remark(?:s|ed)?|warn(?:s|ed)?|continue[sd]?"
    r"|repeat(?:s|ed)?|retort(?:s|ed)?|respond(?:s|ed)?|joke[sd]?|mutter(?:s|ed)?|yell(?:s|ed)?"
    r"|whisper(?:s|ed)?|scream(?:s|ed)?|snap(?:s|ped)?|urge[sd]?|[ei]nquire[sd]?)"
)
# What follows `"Why?"` or `"No!"` and belongs to it: `Gen. Roth asked`, but not `Nobody answered`.
_ATTRIBUTION = re.compile(
    r"\s*(?!(?:No\w*|Neither|In|On|At|By|For|To|With|When|While|As|If|But|And|So|Then|After|What)\b)"
    rf"(?:(?!and\b)[\w.'’-]+\s+){{1,5}}?(?:(?:is|was|has|had)\s+)?{_VERB}\b"
    r"(?!\s+(?:that|it|he|she|they|we)\b)"
)


def boundaries(block: str) -> Iterator[int]:
    """Yield where the sentences of a block end, except its last one.

    Args:
        block: A paragraph, headline or list item, broken for width or not.

    Yields:
        Offsets behind the stop and its closing marks, ascending, greater than 0.
    """
    import sentencex

    # One character for one, so that offsets stay; a line break would be a boundary to the library.
    plain = re.sub(r"\s", " ", block)
    masked = _HIDING.sub(" ", plain)
    marks = [match.start() for match in re.finditer('"', plain)]
    proposed = {
        _adjust(plain, boundary["end_index"], marks)
        for boundary in sentencex.get_sentence_boundaries("en", masked)
    }
    proposed.update(_unsure(plain))
    given = set(_given(plain))
    start = 0
    for end in sorted(proposed | given):
        if end > start and (end in given or _is_boundary(plain, start, end)):
            yield end
            start = end


def begins_sentence(text: str) -> bool:
    """Tell whether a text begins with a word that begins sentences and hardly goes on with one."""
    match = _FIRST_WORD.match(text)
    if not match:
        return False
    word = match.group()
    in_capitals = word.isupper() and len(word) > 1
    return word[0].isupper() and word.casefold() in (_SUBJECTS if in_capitals else _STARTERS)


def _adjust(plain: str, end: int, marks: Sequence[int]) -> int:
    """Move a boundary so that closing marks stay with the sentence they close.

    Args:
        plain: The block.
        end: A boundary in the masked block.
        marks: Where the block has straight double marks, ascending; every other one opens.
    """
    while end > 0 and plain[end - 1].isspace():
        end -= 1
    # The library saw blanks for marks and brackets, so its boundary may lie behind an opening one.
    while 0 < end < len(plain) and _OPENER.match(plain, end - 1) and not plain[end].isspace():
        end -= 1
        while end > 0 and plain[end - 1].isspace():
            end -= 1
    match = _CLOSERS.match(plain, end)
    if not match:
        return end
    glued = match.end() < len(plain) and not plain[match.end()].isspace()
    opens = match.group() == '"' and bisect_left(marks, end) % 2 == 0
    return end if glued and opens else match.end()


def _given(plain: str) -> Iterator[int]:
    """Yield boundaries without a stop: behind a flattened headline, before `2.` after `1.`"""
    for match in _FLATTENED.finditer(plain):
        yield match.start()
    item = _ITEM.match(plain)
    while item:
        number = item["number"]
        following = str(int(number) + 1) if number.isdigit() else chr(ord(number) + 1)
        start = re.escape(item["bullet"] or ""), re.escape(following), re.escape(item["stop"])
        item = re.compile(
            r"(?<=\s)(?P<bullet>{})(?P<number>{})(?P<stop>{})\s".format(*start)
        ).search(plain, item.end())
        if item:
            yield item.start()


def _unsure(plain: str) -> Iterator[int]:
    """Yield stops of abbreviations and of ellipses, where the library hardly ever stops."""
    for points in _ELLIPSIS.finditer(plain):
        if begins_sentence(plain[points.end() : points.end() + _WINDOW].lstrip()):
            yield points.end()
    for stop in _STOP.finditer(plain):
        abbreviation = _abbreviation(plain, 0, stop.end())
        if (
            _are_initials(abbreviation)
            or abbreviation in _WORDS
            or abbreviation.casefold() in _SHORT
        ):
            yield stop.end()


def _abbreviation(plain: str, start: int, end: int) -> str:
    """Return what may be an abbreviation, less its stop at `end`, or the empty string."""
    match = _ABBREVIATION.search(plain[max(start, end - 20) : end])
    return match[1] if match else ""


def _are_initials(abbreviation: str) -> bool:
    return "." in abbreviation or (len(abbreviation) == 1 and abbreviation.isupper())


def _is_boundary(plain: str, start: int, end: int) -> bool:
    """Tell whether a proposed boundary is one; `start` is where its sentence began."""
    before = plain[max(start, end - _WINDOW) : end].lstrip()
    after = plain[end : end + _WINDOW].lstrip()
    following = _QUOTE.sub("", after[:3]).lstrip() + after[3:]
    if not following:
        return True
    # `"Not now!" he said` goes on; so does an ellipsis before a small letter.
    if following.lstrip("[(")[:1].islower() or following[0] in ",;:":
        return False
    if end - start <= _WINDOW and (_LABEL.fullmatch(before) or _DATELINE.fullmatch(before)):
        return False
    if not plain[end].isspace() and (_ADDRESS.search(before) or not _GLUED.search(before)):
        return False
    said = before.rstrip("\"”»’'")
    if said != before and said.endswith(("?", "!")) and _ATTRIBUTION.match(after):
        return False
    abbreviation = _abbreviation(plain, start, end)
    return not abbreviation or _ends_after(abbreviation, before, following)


def _ends_after(abbreviation: str, before: str, following: str) -> bool:
    """Tell whether a sentence ends after an abbreviation and before what is no small letter."""
    short = abbreviation.casefold()
    if short in _TITLES:
        return False
    if short in _HOURS and not _CAPITALS.match(following):
        return not (_AFTER_HOUR.match(following) or _HOUR_ALONE.fullmatch(before))
    if _are_initials(abbreviation) or short in _OPEN:
        return begins_sentence(following)
    if short in _NUMBERED or _DATE.fullmatch(f"{abbreviation}."):
        return not _NUMBER.match(following)
    return True
