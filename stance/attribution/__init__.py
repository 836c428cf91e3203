"""Who is reported to have said what: spans of source, cue and content, and which go together."""

from stance.attribution.tagger import Tagger, find

__all__ = ["Tagger", "find"]
