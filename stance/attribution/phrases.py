"""Words of a clause by their form: verbs of saying, pronouns, where a noun phrase ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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

PRONOUNS = frozenset("he she they it we i".split())
DETERMINERS = frozenset(
    "the a an one his her its their our my another some several many this that these those both "
    "most two three".split()
)
_BETWEEN = frozenset(
    "also then later once has had have often even just simply again recently is was been still "
    "first soon now always never repeatedly".split()
)
NO_NOUNS = _BETWEEN | frozenset(
    "and but or as when while if that which who whom whose where because so since after before in "
    "on at for from with to by into about than not would will could should may might are were be "
    "there here what how why then though although".split()
)
_CLAUSES = PRONOUNS | frozenset(
    "that which who whom whose if because when while as but is was are were has had have".split()
)
_PREPOSITIONS = frozenset("of in on at to for from with by about over among under".split())
_ADVERBS = frozenset("back in out on up off down away along over".split())
_PARTICLES = frozenset("of de van von der bin al el la du ibn and for".split())
_TOKEN = re.compile(r"[\w&@](?:[\w’'&@-]|\.(?=\w))*\.?|[^\w\s]")


def read(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Yield the words and signs of a part of a text; a full stop is of the word before it."""
    return _TOKEN.finditer(text, start, end)


def is_phrase(words: Sequence[str]) -> bool:
    """Return whether words are a noun phrase, with one beside it between marks of a pause."""
    stop = next((i for i, word in enumerate(words) if word in (",", "(")), len(words))
    core, beside = words[:stop], words[stop:]
    if not core or (beside and (beside[-1] not in (",", ")") or len(beside) < 3)):
        return False
    first = core[0].lower().rstrip(".")
    if first in PRONOUNS:
        return len(core) == 1
    if first in NO_NOUNS or any(word.lower() in _CLAUSES for word in core):
        return False
    return len(core) <= 3 or ((first in DETERMINERS or is_name(core[0])) and len(core) <= 12)


def adverbial(word: str) -> bool:
    return word.lower().rstrip(".") in _BETWEEN or (word.endswith("ly") and word[0].islower())


def is_name(word: str) -> bool:
    return word[0].isupper() or word[0] == "@"


def phrase_end(words: Sequence[str], start: int) -> int:
    """Return where a noun phrase that begins at a word ends; `start` if none does."""
    if start >= len(words):
        return start
    first = words[start].rstrip(".")
    if first.lower() in PRONOUNS:
        return start + 1
    determined = first.lower() in DETERMINERS
    if not (determined or is_name(first) or first.isalpha()) or first.lower() in NO_NOUNS:
        return start
    end = start
    while end < len(words):
        word = words[end]
        joins = word in _PARTICLES and end > start and end + 1 < len(words)
        joins = joins and (is_name(words[end + 1]) or words[end + 1] in DETERMINERS)
        noun = word[0].isalnum() and word.lower() not in NO_NOUNS and word not in SAYING
        if not (joins or is_name(word) or noun) or adverbial(word):
            break
        end += 1
        if word.endswith(".") and not (end < len(words) and is_name(words[end])):
            break
    return end if end - start <= 9 and (determined or is_name(first) or end - start <= 3) else start


def phrase_start(words: Sequence[str], end: int) -> int:
    """Return where a noun phrase that ends before a word begins; `end` if it is unclear."""
    if end <= 0 or not words[end - 1][0].isalnum():
        return end
    if words[end - 1].lower() in PRONOUNS | {"who", "which"}:
        return end - 1
    start, named = end, is_name(words[end - 1])
    while start and end - start < 8:
        word = words[start - 1]
        joins = word in _PARTICLES and start < end and start > 1 and is_name(words[start - 2])
        if not (joins or (word[0].isalnum() and word.lower() not in NO_NOUNS)) or word in SAYING:
            break
        if word.lower() in DETERMINERS or word.isdigit():
            if start < 3 or words[start - 2] != "of":
                return start - 1
            start, named = start - 2, is_name(words[start - 3])
            continue
        if not named and is_name(word) and start < end:
            break
        start -= 1
        if named and not is_name(word) and not joins:
            titled = start == 0 or words[start - 1].lower() in DETERMINERS
            start += not titled
            break
    return start if named or (end - start <= 2 and start == 0) else end


def subject_start(words: Sequence[str], end: int) -> int:
    """Return where the subject that ends before a verb begins; `end` if it is unclear.

    That is a noun phrase, or all that stands before the verb in its clause, if it is one with
    what belongs to its noun: `another man close to Amsel`.
    """
    start = phrase_start(words, end)
    if start < end and (start == 0 or words[start - 1].lower() not in _PREPOSITIONS):
        return start
    clause = end
    while clause and words[clause - 1][0].isalnum():
        clause -= 1
    whole = words[clause:end]
    return clause if whole and whole[-1].lower() not in NO_NOUNS and is_phrase(whole) else end


def clause_behind(words: Sequence[str], *, new: bool) -> tuple[range, range] | None:
    """Return the subject and the verb of a clause whose verb need not be one of saying.

    Args:
        words: What stands behind a quotation.
        new: A capital letter may begin a sentence: the clause is one only if it ends at its verb.
    """
    if not words or words[0] in SAYING:
        return None
    if _verb(words[0]) and words[1:] and (words[1] in DETERMINERS or is_name(words[1])):
        stop = phrase_end(words, 1)  # `trumpets the Courier`
        return (range(1, stop), range(1)) if stop > 1 else None
    verb = _verb_behind(words, new=new and words[0][0].isupper() and words[0] != "I")
    if verb is None or not words[verb].islower() or words[verb].rstrip(".") in NO_NOUNS:
        return None
    place = verb
    while place > 1 and adverbial(words[place - 1]):
        place -= 1
    if not is_phrase(words[:place]):
        return None
    return range(place - (words[place - 1] == ",")), range(verb, verb_end(words, verb))


def _verb_behind(words: Sequence[str], *, new: bool) -> int | None:
    """Return the verb of a clause that begins with its subject, by its ending or its place."""
    if words[0] in PRONOUNS:
        return next((i for i in range(1, len(words)) if not adverbial(words[i])), None)
    for verb in range(1, len(words)):
        sure = (words[verb].endswith("ed") and not new) or ends(words, verb_end(words, verb))
        if sure and _verb(words[verb]) and is_phrase(words[:verb]):
            return verb
    short = len(words) == 3 and words[2].endswith(".") and words[0] in DETERMINERS
    return 2 if short and not new else None  # `the two write.`


def clause_before(words: Sequence[str]) -> tuple[range, range] | None:
    """Return the subject and the verb that end before a pause, whatever the verb: `Amsel sang:`.

    Args:
        words: A sentence up to the mark of the pause, which is not among them.
    """
    stop = verb = len(words)
    if words and words[-1] in _ADVERBS:
        verb -= 1
    while verb and words[verb - 1].endswith("ly"):
        stop = verb = verb - 1
    verb -= 1
    place = verb
    while place > 0 and adverbial(words[place - 1]):
        place -= 1
    if place < 1 or not words[verb].islower() or words[verb] in NO_NOUNS | PRONOUNS:
        return None
    start = phrase_start(words, place)
    if start >= place or (start and words[start - 1] not in (",", ";", "and", "but")):
        return None
    if words[start].lower() in PRONOUNS:
        return range(start, place), range(verb, stop)
    plain = words[verb].endswith("ed") or stop - verb > 1
    known = is_name(words[place - 1]) and not words[place - 1].endswith(("'s", "’s"))
    if plain or (known and _verb(words[verb])):
        return range(start, place), range(verb, stop)
    return None


def verb_end(words: Sequence[str], verb: int) -> int:
    """Return where a verb ends with the adverb that is a part of it: `shot back`."""
    return verb + 1 + (verb + 1 < len(words) and words[verb + 1].rstrip(".") in _ADVERBS)


def ends(words: Sequence[str], stop: int) -> bool:
    """Return whether a clause has a pause after some of its words, or ends with them."""
    return stop == len(words) or words[stop - 1].endswith(".") or not words[stop][0].isalnum()


def _verb(word: str) -> bool:
    """Return whether a word looks like a verb in the past or of a third person."""
    word = word.rstrip(".")
    return word.islower() and word.endswith(("ed", "s")) and not word.endswith(("ss", "'s", "’s"))


def spanned(tokens: Sequence[re.Match[str]], words: Sequence[str], start: int, end: int) -> Span:
    """Return the place of some tokens, without a full stop that ends them."""
    stop = tokens[end - 1].end()
    last = words[end - 1]
    if last.endswith(".") and last.count(".") == 1 and len(last) > 4:
        stop -= 1
    return Span(tokens[start].start(), stop)
