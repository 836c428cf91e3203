"""In which language a text is."""

from __future__ import annotations

ENOUGH = 40
"""Letters that a text needs before its language is told."""

READ = 1000
"""Characters that tell it: the rest of an article says the same, and took a tenth of a bulk run."""


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None where there is too little of it."""
    if sum(map(str.isalpha, text[:READ])) < ENOUGH:
        return None
    import py3langid

    language, _ = py3langid.classify(text[:READ])
    return str(language)
