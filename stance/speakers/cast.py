"""The actors of one article, and which of them a phrase means."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from stance.speakers import words as w
from stance.speakers.members import Member, Referent, display, initials, type_of
from stance.speakers.phrases import TOKEN, Gazetteer, Phrase, plain, read_phrase

_HEADS = w.ROLES | w.ORGANS | w.BODIES
_ISSUER = re.compile(r"\b(?:from|by|of|(?<=interview )with)\s+(?P<who>.{2,})$")
_RECENT = 150
_SMALL = re.compile(r"(?<![\w’'-])[a-z][\w-]+")
TYPES = {"party": "organisation"}
_ORGANISATIONS = ("eue",)  # a state for those who swap actors, and none for a reader


class Cast:
    """The actors of an article, found as it is read from left to right."""

    def __init__(self, known: Gazetteer, text: str = "") -> None:
        self.known = known
        self.common = frozenset(_SMALL.findall(text))
        self.sides: Counter[str] = Counter()  # how often the article names each, not as a place
        self.present = self._present(text)
        self.place = ""  # the state whose capital the sentence, else the dateline, names
        self.members: dict[str, Member] = {}
        self.referents: list[Referent] = []
        # For "group" and the like, the last one named, and in which sentence.
        self.bodies: dict[str, tuple[str, int]] = {}

    def _present(self, text: str) -> dict[str, set[str]]:
        """Return which actors that the text names may be called by the last word of their name."""
        found = self.known.find(text)
        ids = {actor for *_, actor in found}
        self._russia = "su" if "su" in ids and "Russia" not in text else "rus"
        for start, _, actor in self.find(text):
            before = TOKEN.findall(text[max(0, start - 12) : start].lower())
            if not before or before[-1] not in w.PLACE_PREPOSITIONS:
                self.sides[self.known.actors[actor].side or actor] += 1
        short: dict[str, set[str]] = {}
        for actor in ids:
            known = self.known.actors[actor]
            if known.type != "state" or actor in _ORGANISATIONS:
                for name in (known.name, *known.aliases):
                    words = name.split()
                    if len(words) > 1 and words[-1] in w.BODY_NAMES:
                        short.setdefault(words[-1], set()).add(actor)
        return short

    def home(self) -> str:
        """Return the state that the article is about, if it names one far above all others."""
        return self.most_named(least=3, times=2.0)

    def most_named(self, *, least: int = 2, times: float = 1.0) -> str:
        """Return the state that the article names most, or an empty string.

        Args:
            least: How often it must.
            times: How many times as often as the next; 1 asks for more often at all.
        """
        states = [
            (count, actor)
            for actor, count in self.sides.most_common(8)
            if self.known.actors[actor].type == "state" and actor not in _ORGANISATIONS
        ]
        first, second = [*states, (0, ""), (0, "")][:2]
        enough = first[0] >= max(least, times * second[0]) and first[0] > second[0]
        return first[1] if enough else ""

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and actor's id of every name in a part of the article."""
        found = self.known.find(text)
        return [(a, b, self._russia if actor == "rus" else actor) for a, b, actor in found]

    @property
    def recent(self) -> list[Referent]:
        """What later words may refer to: enough for an article, so that a book takes no longer."""
        return self.referents[-_RECENT:]

    def side(self, actor: str) -> str:
        """Return the actor for which an actor speaks: itself, unless it is another's."""
        member = self.members.get(actor)
        return (member.side if member else "") or actor

    def resolve(
        self, text: str, start: int, sentence: int, *, subject: bool = True
    ) -> tuple[tuple[str, ...], str] | None:
        """Return the actors that a phrase means and how that was found; None if it is unclear.

        Args:
            text: The phrase.
            start: Its place in the article.
            sentence: Number of its sentence.
            subject: It says or does something, so a later pronoun rather means it.
        """
        phrase = self.read(text)
        referent, how = self._refer(phrase, sentence, start)
        if referent is None:
            return None
        referent.seen = max(referent.seen, sentence + (0.5 if subject else 0.0))
        referent.portfolio |= phrase.modifiers & w.PORTFOLIOS
        referent.at = start
        for actor in referent.actor:
            self.members[actor].mentions.add((start, start + len(text)))
        return referent.actor, how

    def read(self, text: str) -> Phrase:
        """Read a noun phrase; an office of a state that it does not name is that of the place."""
        phrase = read_phrase(text, self.known, self.common, self.find)
        if phrase.head in w.DOCUMENTS and (issuer := _ISSUER.search(text)):
            return self.read(issuer["who"])
        if not phrase.ids and not phrase.name and phrase.kind in ("office", "body", "other"):
            for short in phrase.shorts:
                if len(actors := self.present.get(short, set())) == 1:
                    return replace(
                        phrase,
                        ids=tuple(actors),
                        kind="office" if phrase.head in w.ROLES else "actor",
                    )
            for parent in phrase.parents:
                above = self._parent(parent) if phrase.head in _HEADS else None
                if above is not None and parent != phrase.head:
                    return replace(
                        phrase, ids=above, kind="office" if phrase.head in w.ROLES else "actor"
                    )
        if (
            self.place
            and not phrase.ids
            and phrase.modifiers & w.OFFICIAL
            and phrase.kind == "body"
        ):
            return replace(phrase, ids=(self.place,))  # "the official Teld news agency"
        bare = not phrase.ids and not phrase.owner and phrase.kind not in ("pronoun", "other")
        bare = bare and (phrase.kind == "person" or not phrase.name)
        if bare and self.place and phrase.head in w.STATE_OFFICES and not self._same(phrase):
            return replace(phrase, ids=(self.place,))
        return phrase

    def _parent(self, word: str) -> tuple[str, ...] | None:
        """Return the body that a common noun means, if one was named by it before."""
        fits = [r for r in self.recent if word in r.heads and not r.person]
        fits = fits or [
            r for r in self.recent if r.name and not r.person and plain(r.name).endswith(f" {word}")
        ]
        best = max(fits, key=lambda r: (r.seen, r.at), default=None)
        return best.actor if best else None

    def mention(self, actor: str, start: int, end: int) -> None:
        """Take note of a place that names an actor."""
        self.enter(actor)
        if actor in self.members:
            self.members[actor].mentions.add((start, end))

    def notice(self, text: str, offset: int, sentence: int) -> list[tuple[int, int, str]]:
        """Take note of the actors that a sentence names, and return their places."""
        found = [(offset + a, offset + b, actor) for a, b, actor in self.find(text)]
        for start, _, actor in found:
            heads = w.KINDS.get(self.known.actors[actor].type, ())
            self.bodies |= dict.fromkeys(heads, (actor, sentence))
            if self.known.is_person(actor):
                referent = self._person_referent(actor)
                referent.seen = sentence
                title = text[: start - offset].split()[-1:]  # "President Biden"
                referent.heads |= {word.lower() for word in title if word in w.TITLES}
        for referent in self.recent:
            # Sought as it stands first: a pattern of each name costs more than all the rest.
            if referent.person and referent.name and (last := referent.name.split()[-1]) in text:
                for match in re.finditer(rf"(?<!\w){re.escape(last)}(?!\w)", text):
                    place = (offset + match.start(), offset + match.end())
                    if not any(a <= place[0] < b for a, b, _ in found):
                        referent.seen = max(referent.seen, float(sentence))
                        found.append((*place, referent.actor[0]))
        return sorted(found)

    def _person_referent(self, actor: str) -> Referent:
        for referent in self.recent:
            if referent.actor == (actor,) and referent.person:
                return referent
        known = self.known.actors[actor]
        gender = "f" if known.name.split()[0] in w.FEMALE_NAMES else "m"
        self.enter(actor)
        referent = Referent((actor,), gender, set(), (known.side,), known.name, person=True)
        self.referents.append(referent)
        return referent

    def _refer(self, phrase: Phrase, sentence: int, start: int) -> tuple[Referent | None, str]:
        if phrase.kind == "pronoun":
            return self._antecedent(phrase.gender, sentence, start), "pronoun"
        if phrase.kind == "person":
            return self._person(phrase, sentence, start), "name"
        if phrase.kind == "actor" and phrase.ids:
            return self._actor(phrase), self._how(phrase)
        if phrase.ids and (phrase.kind == "office" or phrase.head in w.ORGANS):
            return self._holder(phrase)
        if phrase.name:
            return self._body(phrase), "name"
        if phrase.owner and (phrase.kind == "office" or phrase.head in w.ORGANS):
            return self._owned(phrase, sentence, start)
        if phrase.definite or phrase.is_label or phrase.text.lower().startswith("another"):
            referent = self._same(phrase)
            if referent is not None:
                return referent, "title"
            body, named = self.bodies.get(phrase.head, ("", sentence))
            if body and not phrase.parents and sentence - named <= 3:
                return self._actor(replace(phrase, ids=(body,))), "title"
        return self._described(phrase), "description"

    def _how(self, phrase: Phrase) -> str:
        if phrase.head:
            return "office"
        words = set(TOKEN.findall(phrase.text))
        forms = self.known.actors[phrase.ids[0]].forms
        if any(
            phrase.text.endswith(n) for kind in ("capitals", "seats") for n in forms.get(kind, ())
        ):
            return "metonymy"
        if words & {*forms.get("people", ()), *forms.get("adjectives", ())}:
            return "demonym"
        return "name"

    def _antecedent(self, gender: str, sentence: int, start: int) -> Referent | None:
        fits = [r for r in self.recent if self._agrees(r, gender) and r.at <= start]
        if not fits:
            return None
        # Names of women are known by a list: of "he" who spoke last is likelier than who was "he"
        # a sentence before, of "she" not if the last name tells nothing.
        sure = 0.75 if gender == "m" else 1.5
        best = max(fits, key=lambda r: (r.seen + sure * (r.gender == gender), r.at))
        if sentence - best.seen > 6:
            return None
        if not best.gender or best.person:
            best.gender = gender if gender in ("m", "f") else best.gender
        return best

    @staticmethod
    def _agrees(referent: Referent, gender: str) -> bool:
        if gender in ("m", "f"):
            return referent.person and referent.gender in (gender, "")
        if gender == "many":
            return referent.gender in ("many", "thing") or len(referent.actor) > 1
        return gender == "thing" and not referent.person and referent.gender != "many"

    def _person(self, phrase: Phrase, sentence: int, start: int) -> Referent:
        last = plain(phrase.name.split()[-1])
        side = next((i for i in phrase.ids if i), "")
        if not side and phrase.owner:
            owner = self._owner(phrase, sentence, start)
            side = self.side(owner.actor[0]) if owner else ""
        for referent in self.recent:
            if not referent.person or not referent.name:
                continue
            words = plain(referent.name).split()
            other = plain(phrase.name).split()
            alike = words[-1] == last and (len(words) < 2 or len(other) < 2 or words[0] == other[0])
            alike = alike or (len(other) == 1 and words[0] == last)  # "Wang Yi ... Wang said"
            if alike or (phrase.person and referent.actor == (phrase.person,)):
                self._learn(referent, phrase, side)
                return referent
        if phrase.person:
            referent = self._person_referent(phrase.person)
            self._learn(referent, phrase, side)
            return referent
        actor = self._new(phrase.name, "person", side)
        referent = Referent(
            (actor,), phrase.gender, {phrase.head} - {""}, phrase.ids, phrase.name, person=True
        )
        self.referents.append(referent)
        return referent

    def _learn(self, referent: Referent, phrase: Phrase, side: str) -> None:
        member = self.members[referent.actor[0]]
        if len(phrase.name) > len(member.name) and not member.known:
            member.name = referent.name = phrase.name
        self.enter(side)
        member.side = member.side or side
        referent.heads |= {phrase.head} - {""}
        referent.ids = tuple(dict.fromkeys((*referent.ids, *phrase.ids)))
        referent.gender = referent.gender or phrase.gender

    def _actor(self, phrase: Phrase) -> Referent:
        ids = phrase.ids if phrase.joint else phrase.ids[:1]
        heads = {phrase.head} - {""}
        for referent in self.recent:
            if referent.actor == ids and not referent.person and (heads <= referent.heads):
                return referent
        for actor in ids:
            self.enter(actor)
        referent = Referent(ids, phrase.gender or "thing", heads, ids)
        self.referents.append(referent)
        return referent

    def _holder(self, phrase: Phrase) -> tuple[Referent, str]:
        """Return who holds an office of an actor: a person named, or the actor itself."""
        for referent in reversed(self.recent):
            heads = w.LEADERS if phrase.head in w.LEADERS else {phrase.head}
            named = referent.person and referent.name and heads & referent.heads
            fits = named and referent.may_hold(phrase.modifiers)
            if fits and phrase.ids[0] in referent.ids and phrase.definite:
                return referent, "title"
        actor = phrase.ids[0]
        self.enter(actor)
        many = phrase.gender == "many"
        person = phrase.kind == "office" and not many
        for referent in reversed(self.recent):
            same = referent.actor == (actor,) and phrase.head in referent.heads
            if same and phrase.definite and referent.may_hold(phrase.modifiers):
                return referent, "office"
        gender = phrase.gender if phrase.gender in ("m", "f", "many") else "" if person else "thing"
        referent = Referent((actor,), gender, {phrase.head}, phrase.ids, person=person)
        self.referents.append(referent)
        return referent, "office"

    def _owner(self, phrase: Phrase, sentence: int, start: int) -> Referent | None:
        gender = {"his": "m", "her": "f", "its": "thing", "their": "many"}.get(phrase.owner, "")
        return self._antecedent(gender, sentence, start) if gender else None

    def _owned(self, phrase: Phrase, sentence: int, start: int) -> tuple[Referent | None, str]:
        owner = self._owner(phrase, sentence, start)
        if owner is None:
            return self._described(phrase), "description"
        side = self.side(owner.actor[0]) if owner.person else owner.actor[0]
        person = phrase.kind == "office"
        referent = Referent(
            (side,), "" if person else "thing", {phrase.head}, (side,), person=person
        )
        self.referents.append(referent)
        return referent, "office"

    def _body(self, phrase: Phrase) -> Referent:
        name = plain(phrase.name)
        words = set(name.split())
        for referent in self.recent:
            if referent.name and not referent.person:
                other = set(plain(referent.name).split())
                if words <= other or initials(referent.name) == name:
                    referent.heads |= {phrase.head} - {""}
                    return referent
        kind = type_of(phrase)
        side = next((i for i in phrase.ids if phrase.modifiers & w.OFFICIAL), "")
        actor = self._new(display(phrase), kind, side)
        person = phrase.kind == "office" and phrase.gender != "many"
        gender = "" if person else phrase.gender or "thing"
        referent = Referent(
            (actor,), gender, {phrase.head} - {""}, phrase.ids, phrase.name, person=person
        )
        self.referents.append(referent)
        return referent

    def _same(self, phrase: Phrase) -> Referent | None:
        """Return the latest that a definite phrase may repeat: "the minister", "the union"."""
        heads = {phrase.head, phrase.head.removesuffix("s"), f"{phrase.head}s"} - {""}
        heads |= w.LEADERS if phrase.head in w.LEADERS or "head of state" in phrase.text else set()
        fits = [r for r in self.recent if heads & r.heads and r.may_hold(phrase.modifiers)]
        if phrase.modifiers:
            closer = [r for r in fits if phrase.modifiers & r.heads]
            fits = closer or fits
        return max(fits, key=lambda r: (r.seen, r.at), default=None)

    def _described(self, phrase: Phrase) -> Referent | None:
        nothing = not (phrase.head or phrase.ids) or phrase.head in w.EVENTS
        nobody = phrase.kind == "other" and (nothing or phrase.head.endswith("ly"))
        if nobody or plain(phrase.text).rstrip(".") in w.NOBODY:
            return None
        person = phrase.kind in ("office", "people") and phrase.gender != "many"
        side = phrase.ids[0] if phrase.ids and phrase.kind == "office" else ""
        actor = self._new(display(phrase), type_of(phrase), side)
        gender = phrase.gender or ("" if person else "thing")
        heads = {phrase.head, *phrase.modifiers} - {""}
        referent = Referent((actor,), gender, heads, phrase.ids, person=person)
        self.referents.append(referent)
        return referent

    def _new(self, name: str, kind: str, side: str) -> str:
        slug = re.sub(r"[^\w]+", "-", plain(name)).strip("-") or "actor"
        actor, number = slug, 2
        while actor in self.members or actor in self.known.actors:
            if actor in self.members and self.members[actor].name == name:
                return actor
            actor, number = f"{slug}-{number}", number + 1
        self.members[actor] = Member(actor, name, kind, False, side)
        if side:
            self.enter(side)
        return actor

    def enter(self, actor: str) -> None:
        """Take an actor of the gazetteer in."""
        if actor in self.members or actor not in self.known.actors:
            return
        known = self.known.actors[actor]
        kind = "organisation" if actor in _ORGANISATIONS else TYPES.get(known.type, known.type)
        self.members[actor] = Member(actor, known.name, kind, True, known.side)
        if known.side:
            self.enter(known.side)
