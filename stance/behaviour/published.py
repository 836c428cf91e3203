"""Published failure rates of other systems in tests of the same capability."""

from __future__ import annotations

from typing import Any

_CHECKLIST = "Ribeiro et al. 2020, Table 1"
_TUTORIAL = "CheckList tutorial, default pipeline"
PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "negation": [
        {
            "test": "negated neutral stays neutral",
            "rates": {"Microsoft": 0.404, "Google": 0.396, "Amazon": 0.742, "BERT": 0.984},
            "source": _CHECKLIST,
        },
        {
            "test": "negation at the end of a sentence",
            "rates": {"Microsoft": 1.0, "Google": 0.904, "Amazon": 1.0, "BERT": 0.848},
            "source": _CHECKLIST,
        },
    ],
    "attribution": [
        {
            "test": "the author's view counts, not others'",
            "rates": {"Microsoft": 0.454, "Google": 0.624, "Amazon": 0.680, "BERT": 0.388},
            "source": _CHECKLIST,
        }
    ],
    "tense": [{"test": "used to, but now", "rates": {"Hugging Face": 0.326}, "source": _TUTORIAL}],
    "actors": [
        {"test": "change of nationality", "rates": {"Hugging Face": 0.124}, "source": _TUTORIAL},
        {"test": "change of location", "rates": {"Hugging Face": 0.086}, "source": _TUTORIAL},
    ],
    "typos": [{"test": "one typo", "rates": {"Hugging Face": 0.066}, "source": _TUTORIAL}],
    "punctuation": [{"test": "punctuation", "rates": {"Hugging Face": 0.054}, "source": _TUTORIAL}],
    "contractions": [
        {"test": "contractions", "rates": {"Hugging Face": 0.034}, "source": _TUTORIAL}
    ],
}
"""Published failure rates of sentiment systems in tests of the same capability; the task differs,
so they say what is usual, not who is better."""
