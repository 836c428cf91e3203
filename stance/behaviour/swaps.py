"""Actors swapped: what a model makes of the same sentence about somebody else."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.actors import find_actors, gazetteer, mention_kinds, swap
from stance.behaviour.scoring import Remembered, mean, shift
from stance.metrics import FloatArray, IntArray
from stance.prediction import Model

REPLACEMENTS: tuple[str, ...] = tuple(
    (
        "usa gbr fra deu rus chn jpn ind irn isr pse sau tur egy syr irq afg pak prk kor nor che "
        "swe can aus bra mex arg ven cub nga zaf eth ken sdn ukr pol srb idn vnm "
        "ita esp nld grc col mar "
        "hamas hezbollah islamic_jihad pflp irgun haganah houthis isis al_qaeda hts syrian_rebels "
        "kurds pkk taliban ttp mujahideen ltte maoists khmer_rouge viet_cong viet_minh npa milf "
        "abu_sayyaf fretilin farc eln shining_path contras fmln zapatistas ira ulster_loyalists "
        "eta raf_group kla chechen_rebels donbas wagner free_french boko_haram al_shabaab jnim "
        "m23 lra rsf spla tplf polisario fln renamo unita mau_mau "
    ).split()
)
"""Actors put in others' places: 46 states of every region and reputation, all armed groups."""

FEWEST = 20
"""Sentences that an actor has to be put into for a verdict on it: fewer say nothing of it."""

_LOOKED = 20_000
"""Sentences looked through for actors: recipes must not take hours."""


def actor_swaps(
    scorer: Model | Remembered,
    texts: Sequence[str],
    *,
    sentences: int | None = None,
    replacements: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure what a model makes of the same sentence about another actor.

    Each state and armed group of a sentence in turn is replaced, wherever the sentence names it (by
    its name, demonym, capital, leader's title), by others of its type (`stance.actors.swap`,
    `REPLACEMENTS`); the label should stay. A test of invariance in the manner of Ribeiro et al.
    (CheckList, 2020). The same arguments give the same swaps, whatever the model.

    Args:
        scorer: The model.
        texts: Sentences.
        sentences: How many of them, drawn with the seed, to try; None tries all.
        replacements: How many actors, drawn with the seed, to put into each; None puts all.
        seed: Seed of both draws.

    Returns:
        `sentences` and `swaps`, how many there were; `flips`, swaps that changed the label, and
        `flip_rate`, in [0, 1]; `mean_shift`, the mean |Δp|: half the sum of the changes of all
        labels' probabilities (total variation), in [0, 1]; `intervals`, 95 %, of both over
        sentences; `actors`, by id of the actor put in: `name`, `type`, `swaps`, `flips`, `shift`
        (mean |Δp|) and `direction`, the mean change of the score in [-2, 2] (above 0: made to look
        more hardline; None without poles), each with its interval; `worst`, the id with the largest
        shift among those put in `fewest` (`FEWEST`) times or more, None without one; `kinds`, flips
        by how the sentence names its actor, armed groups apart; `largest`, the swaps with the
        largest shifts. Rates and shifts are None without a swap.
    """
    drawn = list(_swapped(texts, sentences, replacements, seed))
    pairs = [
        (number, old, new, variant)
        for number, (_, made) in enumerate(drawn)
        for (old, new), variant in made.items()
    ]
    result: dict[str, Any] = {"sentences": len(drawn), "swaps": len(pairs), "flips": 0}
    result |= {"flip_rate": None, "mean_shift": None, "actors": {}, "worst": None}
    result["fewest"] = FEWEST
    if not pairs:
        return result
    rows = np.array([number for number, *_ in pairs], dtype=np.int64)
    before = scorer.predict_proba([text for text, _ in drawn])[rows]  # (S, K)
    after = scorer.predict_proba([variant for *_, variant in pairs])
    moved = shift(before, after)
    flipped = after.argmax(axis=1) != before.argmax(axis=1)
    poles = [scorer.labels.index(pole) for pole in scorer.manifest.poles or ()]
    turn = (after - before)[:, poles[1]] - (after - before)[:, poles[0]] if poles else None
    actors = _by_actor(np.array([new for _, _, new, _ in pairs]), rows, moved, flipped, turn)
    judged = [actor for actor, found in actors.items() if found["swaps"] >= FEWEST]
    return {
        **result,
        "flips": int(flipped.sum()),
        "flip_rate": float(flipped.mean()),
        "mean_shift": float(moved.mean()),
        "intervals": {"flip_rate": mean(flipped, rows), "mean_shift": mean(moved, rows)},
        "actors": actors,
        "worst": max(judged, key=lambda actor: float(actors[actor]["shift"]), default=None),
        "kinds": _by_kind([(drawn[i][0], old) for i, old, _, _ in pairs], rows, flipped),
        "largest": [
            {
                "text": drawn[rows[i]][0],
                "variant": pairs[i][3],
                "shift": float(moved[i]),
                "before": scorer.labels[before[i].argmax()],
                "after": scorer.labels[after[i].argmax()],
            }
            for i in np.argsort(-moved, kind="stable")[:5].tolist()
        ],
    }


def _by_kind(
    named: Sequence[tuple[str, str]], rows: IntArray, flipped: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """Return swaps and flips by how a sentence names the actor that is replaced."""
    by_pair = {
        (text, old): mention_kinds(text, old) if gazetteer()[old].type == "state" else {"groups"}
        for text, old in dict.fromkeys(named)
    }
    found = {}
    for kind in sorted(set().union(*by_pair.values())):
        mine = np.array([kind in by_pair[pair] for pair in named])
        rate = mean(flipped[mine], rows[mine])
        found[kind] = {"swaps": int(mine.sum()), "flips": int(flipped[mine].sum()), **rate}
    return found


def _by_actor(
    put_in: NDArray[np.str_],
    rows: IntArray,
    moved: FloatArray,
    flipped: NDArray[np.bool_],
    turn: FloatArray | None,
) -> dict[str, dict[str, Any]]:
    """Return the figures of each actor put in; all arrays are of shape (S,)."""
    found: dict[str, dict[str, Any]] = {}
    for actor in dict.fromkeys(put_in.tolist()):
        mine = put_in == actor
        shifted = mean(moved[mine], rows[mine])
        turned = None if turn is None else mean(turn[mine], rows[mine])
        found[actor] = {
            "name": gazetteer()[actor].name,
            "type": gazetteer()[actor].type,
            "swaps": int(mine.sum()),
            "flips": int(flipped[mine].sum()),
            "shift": shifted["value"],
            "shift_interval": [shifted["low"], shifted["high"]],
            "direction": turned and turned["value"],
            "direction_interval": turned and [turned["low"], turned["high"]],
        }
    return found


def _swapped(
    texts: Sequence[str], sentences: int | None, replacements: int | None, seed: int
) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """Yield sentences, each with its variants by the actor taken out and the actor put in."""
    rng = random.Random(seed)
    order = list(texts)
    rng.shuffle(order)
    found = 0
    for text in order[:_LOOKED]:
        if sentences is not None and found >= sentences:
            return
        made: dict[tuple[str, str], str] = {}
        for actor in sorted(find_actors(text)):
            pool = [other for other in REPLACEMENTS if other != actor]
            rng.shuffle(pool)
            swaps = ((other, swap(text, actor, other)) for other in pool)
            good = ((other, variant) for other, variant in swaps if variant is not None)
            made |= {(actor, other): v for other, v in itertools.islice(good, replacements)}
        if made:
            found += 1
            yield text, made
