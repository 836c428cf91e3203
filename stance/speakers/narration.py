"""Who does what a sentence narrates: its subject, found without a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stance.schema import Span
from stance.speakers import words as w
from stance.speakers.phrases import TOKEN

_BE = frozenset("is are was were be been being am".split())
_AUXILIARIES = _BE | frozenset(
    "has have had will would shall should can could may might must does do did".split()
)
_IRREGULAR = frozenset(
    "began broke brought came chose fought gave goes went got grew held kept knew left let lost "
    "made meant met paid put ran rose said sent set shot spoke stood struck swore took thought "
    "threw withdrew won wrote sought led laid told bought built caught drew drove fell felt "
    "found flew forbade forgave froze hit hurt lent read rode saw sold shook shut slept spent "
    "split spread stuck swept taught tore understood upheld wore wound bore bound cast cut "
    "dealt dug fed fled hid hung kept lit overthrew quit undertook became beat bent bid blew "
    "bred broadcast burst clung crept withheld".split()
)
_PARTICIPLES = frozenset(
    "begun broken brought chosen fought given gone held kept left lost made met paid put run "
    "risen sent set shot spoken struck sworn taken thrown withdrawn won written sought led laid "
    "told bought built caught drawn driven found frozen hit lent read seen sold shut spent "
    "split torn upheld cut dealt overthrown undertaken beaten known".split()
)
# "South" alone is no name, and begins that of a state.
_NO_NAMES = w.NO_NAMES - frozenset("North South East West Central".split())
_PRESENT = re.compile(r"[a-z]{3,}(?:es|s)$")
_NOT_VERBS = frozenset(
    "its his this thus across less unless always perhaps towards besides yes was has does is as "
    "us sanctions talks forces troops officials ministers leaders police sources negotiators "
    "news".split()
)
_READY = frozenset(
    "ready prepared willing set poised open due determined reluctant unwilling".split()
)
_DATELINE = re.compile(
    r"[A-Z][A-Z'’. -]{2,}(?:[,/][^\n–—-]{0,50})?(?:\([^)\n]{1,30}\)\s*)?\s*(?:--|[–—-])\s+"
)
_DETERMINERS = frozenset("the a an its his her their our this these those some several two".split())
_RELATIVE = re.compile(r",\s+(?:\w+\s+)?(?:who|which|whose|whom|where)\b[^,;]*(?=,)")
_SUBORDINATE = frozenset(
    "after before since while when although though as despite amid asked if once until because "
    "whereas with without following during under given according unlike besides instead rather "
    "together hours days weeks late early earlier shortly meanwhile however for by on in at "
    "over through from within among along speaking two one three minutes despite".split()
)
_CLAUSE = re.compile(r";\s+|,\s+(?:while|whereas|but)\s+(?!also\b|not\b)")
_AGENT = re.compile(r"\bby\s+(?=(?:the\s+|a\s+|an\s+)?[\w’' -]+)")
_AGENT_ENDS = re.compile(r"[,.;:]|\s(?:in|on|at|after|who|which|to|for|and(?!\s[A-Z]))\s")
# "Pressed further, the president", not "Armed men, backed by tanks,".
_PARTICIPLE = re.compile(
    r"[A-Z][a-z]+ed\s(?:further|again|later|then|by|on|in|at|as|if|whether|about|with|for|to|from)\b"
)
_COMMA = re.compile(r",\s+")
_BEFORE_ARTICLE = re.compile(r"\w+\s+(?=(?:the|a|an|its|his)\s)")


def clauses(text: str, span: Span) -> list[Span]:
    """Return the main clauses of a sentence that may have subjects of their own."""
    edges = [span.start]
    for match in _CLAUSE.finditer(text, span.start, span.end):
        edges += [match.start(), match.end()]
    edges.append(span.end)
    return [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 12]


def subject(text: str, *, topic: bool = False) -> tuple[int, int] | None:
    """Return where the subject of an active main clause stands in a sentence; None if unclear.

    The subject is what stands between the sentence's adverbials and its first finite verb; a
    passive gives the agent after "by", a copula nobody, unless it tells of readiness. As a topic,
    to which "its" in the next sentence refers, it is the grammatical subject of these too.
    """
    text = _RELATIVE.sub(lambda match: " " * len(match.group()), text)
    start = _skip_adverbials(text)
    tokens = list(TOKEN.finditer(text, start))
    for number, token in enumerate(tokens[1:26], start=1):
        word = token.group()
        low = word.lower()
        if not word[0].islower() or not _is_verb(tokens, number):
            continue
        end = tokens[number - 1].end()
        start = _phrase_start(text, tokens[:number])
        if low in _AUXILIARIES and not topic:
            return _after_auxiliary(text, tokens, number, start, end)
        return start, end
    return None


def _phrase_start(text: str, tokens: Sequence[re.Match[str]]) -> int:
    """Return where the noun phrase before a verb begins, what modifies it behind included."""
    place = len(tokens) - 1
    while place > 0:
        word, before = tokens[place].group(), tokens[place - 1].group()
        gap = text[tokens[place - 1].end() : tokens[place].start()]
        if (
            (
                before.lower() in w.PREPOSITIONS
                or before.lower() in _DETERMINERS
                or before in ("and", "&")
            )
            or word.lower() in w.PREPOSITIONS
            or word in ("and", "&")
            or "," in gap
        ):
            place -= 1
        elif word.lower() in _DETERMINERS or (before in _NO_NAMES and word[0].isupper()):
            break
        else:
            place -= 1
    return tokens[place].start()


def is_verb_form(low: str) -> bool:
    """Tell whether a word in small letters is an auxiliary, an irregular past, or ends as one."""
    return low in _AUXILIARIES or low in _IRREGULAR or low.endswith(("ed", "ing"))


def _is_verb(tokens: list[re.Match[str]], number: int) -> bool:
    low = tokens[number].group().lower()
    before = tokens[number - 1].group().lower()
    if before in w.PREPOSITIONS or before in (
        "the",
        "a",
        "an",
        "and",
        "its",
        "his",
        "their",
        "her",
    ):
        return False
    if before in ("who", "which", "that"):
        return False
    if low in _AUXILIARIES or low in _IRREGULAR:
        return True
    after = tokens[number + 1].group().lower() if number + 1 < len(tokens) else ""
    if low.endswith("ed") and low not in ("armed", "united", "allied", "unified"):
        return after not in ("by", "in") or low in ("resigned",)
    return (
        bool(_PRESENT.fullmatch(low))
        and low not in _NOT_VERBS
        and not low.endswith(("ss", "us", "is", "ers", "ors", "ists", "ions", "ments"))
        and after not in ("of", "are", "were", "have", "had", "who", "will", "and", "which")
        and (
            after in ("the", "a", "an", "to", "its", "his", "that", "no", "for", "on", "up")
            or low
            in (
                "says",
                "refuses",
                "rejects",
                "accepts",
                "agrees",
                "seeks",
                "warns",
                "wants",
                "insists",
                "vows",
            )
        )
    )


def _after_auxiliary(
    text: str, tokens: list[re.Match[str]], number: int, start: int, end: int
) -> tuple[int, int] | None:
    following = [t.group().lower() for t in tokens[number + 1 : number + 6]]
    content = [
        x for x in following if x not in ("not", "also", "never", "now", "again", "still", "yet")
    ]
    low = tokens[number].group().lower()
    passive = low in _BE or content[:1] == ["been"] or content[:1] == ["be"]
    if content[:1] in (["been"], ["be"]):
        content = content[1:]
    verb = content[0] if content else ""
    if not passive or verb.endswith("ing") or verb in _READY or verb == "to":
        return start, end
    if verb.endswith("ed") or verb in _PARTICIPLES:
        agent = _AGENT.search(text, end)
        if agent and agent.start() - end < 60:
            stop = _AGENT_ENDS.search(text, agent.end())
            return agent.end(), stop.start() if stop else len(text)
    return None


def _skip_adverbials(text: str) -> int:
    start = 0
    if dateline := _DATELINE.match(text):
        start = dateline.end()
    for _ in range(2):
        first = TOKEN.search(text, start)
        if first is None:
            return start
        low = first.group().lower()
        adverbial = bool(_PARTICIPLE.match(text, start)) or (
            low in _SUBORDINATE or low.endswith(("ing", "ly")) or low in ("but", "and", "yet", "so")
        )
        if not adverbial:
            break
        if low in ("but", "and", "yet", "so", "meanwhile", "however"):
            start = first.end()
            while start < len(text) and text[start] in ", ":
                start += 1
            continue
        comma = _COMMA.search(text, first.end(), first.end() + 160)
        # "In Geneva a spokeswoman ..." has no comma: the article begins the subject.
        end = comma.start() if comma else first.end() + 60
        article = _BEFORE_ARTICLE.search(text, first.end(), end)
        if low in ("in", "at", "on", "from") and article and text[article.start()].isupper():
            start = article.end()
        elif comma:
            start = comma.end()
        else:
            break
    return start
