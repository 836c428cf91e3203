"""In which language a text is."""

from __future__ import annotations

ENOUGH = 40
"""Letters that a text needs before its language is told."""


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None where there is too little of it."""
    if sum(map(str.isalpha, text[:2000])) < ENOUGH:
        return None
    import py3langid

    language, _ = py3langid.classify(text[:5000])
    return str(language)
