"""How a model behaves where its label should be known: challenge sets, changes, actors swapped."""

from stance.behaviour.changes import LIMITS, perturb
from stance.behaviour.examination import examine
from stance.behaviour.sets import challenge, challenge_folder
from stance.behaviour.swaps import REPLACEMENTS, actor_swaps

__all__ = [
    "LIMITS",
    "REPLACEMENTS",
    "actor_swaps",
    "challenge",
    "challenge_folder",
    "examine",
    "perturb",
]
