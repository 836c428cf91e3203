"""How a model behaves where its label should be known: challenge sets, and actors swapped."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.actors import find_actors, gazetteer, swap
from stance.corpus.challenge import load_challenge
from stance.metrics import FloatArray
from stance.prediction import Model

REPLACEMENTS: tuple[str, ...] = tuple(
    (
        "usa gbr fra deu rus chn jpn ind irn isr pse sau tur egy syr irq afg pak prk kor nor che "
        "swe can aus bra mex arg ven cub nga zaf eth ken sdn ukr pol srb idn vnm "
        "hamas hezbollah taliban isis farc ira eta pkk al_shabaab boko_haram ltte polisario "
        "houthis maoists contras zapatistas chechen_rebels"
    ).split()
)
"""Actors put in others' places: 40 states of every region and reputation, 17 armed groups."""


def challenge(scorer: Model, folder: str | Path | None = None) -> dict[str, dict[str, Any]]:
    """Run the challenge sets.

    Args:
        scorer: The model.
        folder: Folder of challenge sets; None takes the one beside a corpus of the model, if any.

    Returns:
        For each capability `cases`, `failures` and `rate`, failures / cases in [0, 1]. A case fails
        if its label is not given, or, where it has a variant, if the two are labelled differently.
    """
    place = Path(folder) if folder else challenge_folder(scorer.manifest.data["path"])
    if place is None:
        return {}
    found = {}
    for capability, cases in load_challenge(place, labels=scorer.labels).items():
        given = [p.label for p in scorer.predict([case.text for case in cases])]
        twins = iter(scorer.predict([case.variant for case in cases if case.variant is not None]))
        failures = sum(
            label != (case.label if case.variant is None else next(twins).label)
            for case, label in zip(cases, given, strict=True)
        )
        rate = failures / len(cases)
        found[capability] = {"cases": len(cases), "failures": failures, "rate": rate}
    return found


def challenge_folder(corpora: Iterable[str | Path]) -> Path | None:
    """Return the folder of challenge sets beside the first corpus that has one."""
    return next(filter(Path.is_dir, (Path(corpus) / "challenge" for corpus in corpora)), None)


def actor_swaps(
    scorer: Model,
    texts: Sequence[str],
    *,
    sentences: int | None = None,
    replacements: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure what a model makes of the same sentence about another actor.

    One state or armed group of a sentence is replaced, wherever the sentence names it, by others of
    its type (`stance.actors.swap`, `REPLACEMENTS`); the label should stay. A test of invariance in
    the manner of Ribeiro et al. (CheckList, 2020). The same arguments give the same swaps, whatever
    the model.

    Args:
        scorer: The model.
        texts: Sentences.
        sentences: How many of them, drawn with the seed, to try; None tries all.
        replacements: How many actors, drawn with the seed, to put into each; None puts all.
        seed: Seed of both draws.

    Returns:
        `sentences` and `swaps`, how many there were; `flips`, swaps that changed the label, and
        `flip_rate`, in [0, 1]; `mean_shift`, the mean |Δp|: half the sum of the changes of all
        labels' probabilities (total variation), in [0, 1]; `actors`, by id of the actor put in:
        `name`, `swaps`, `flips`, `shift` (mean |Δp|) and `direction`, the mean change of the score
        in [-2, 2] (above 0: made to look more hardline; None without poles); `worst`, the id with
        the largest shift. Rates and shifts are None without a swap.
    """
    drawn = list(_swapped(texts, sentences, replacements, seed))
    pairs = [
        (number, actor, variant)
        for number, (_, made) in enumerate(drawn)
        for actor, variant in made.items()
    ]
    result: dict[str, Any] = {"sentences": len(drawn), "swaps": len(pairs), "flips": 0}
    if not pairs:
        return {**result, "flip_rate": None, "mean_shift": None, "actors": {}, "worst": None}
    originals = scorer.predict_proba([text for text, _ in drawn])
    before = originals[[number for number, _, _ in pairs]]  # (S, K)
    after = scorer.predict_proba([variant for _, _, variant in pairs])
    shift = np.abs(after - before).sum(axis=1) / 2
    flipped = after.argmax(axis=1) != before.argmax(axis=1)
    poles = [scorer.labels.index(pole) for pole in scorer.manifest.poles or ()]
    turn = (after - before)[:, poles[1]] - (after - before)[:, poles[0]] if poles else None
    actors = _by_actor(np.array([actor for _, actor, _ in pairs]), shift, flipped, turn)
    return {
        **result,
        "flips": int(flipped.sum()),
        "flip_rate": float(flipped.mean()),
        "mean_shift": float(shift.mean()),
        "actors": actors,
        "worst": max(actors, key=lambda actor: actors[actor]["shift"]),
    }


def _by_actor(
    put_in: NDArray[np.str_],
    shift: FloatArray,
    flipped: NDArray[np.bool_],
    turn: FloatArray | None,
) -> dict[str, dict[str, Any]]:
    """Return the figures of each actor put in; all arrays are of shape (S,)."""
    found: dict[str, dict[str, Any]] = {}
    for actor in dict.fromkeys(put_in.tolist()):
        mine = put_in == actor
        found[actor] = {
            "name": gazetteer()[actor].name,
            "swaps": int(mine.sum()),
            "flips": int(flipped[mine].sum()),
            "shift": float(shift[mine].mean()),
            "direction": None if turn is None else float(turn[mine].mean()),
        }
    return found


def _swapped(
    texts: Sequence[str], sentences: int | None, replacements: int | None, seed: int
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield sentences, each with its variants by the actor put in."""
    rng = random.Random(seed)
    order = list(texts)
    rng.shuffle(order)
    found = 0
    for text in order:
        if sentences is not None and found >= sentences:
            return
        for actor in sorted(find_actors(text)):
            pool = list(REPLACEMENTS)
            rng.shuffle(pool)
            made: dict[str, str] = {}
            for other in pool:
                if replacements is not None and len(made) >= replacements:
                    break
                if other != actor and (variant := swap(text, actor, other)) is not None:
                    made[other] = variant
            if made:
                found += 1
                yield text, made
                break
