"""Who says each sentence of an article, toward whom, and in which form: rules, no network.

    voices = identify(text, sentences, attributions)
    voices.sentences[0].speaker.actor

What a tagger found (`Attribution`) is resolved to actors within the article, from left to right,
as rule-based systems of quotation attribution do (Pouliquen, Steinberger & Best, RANLP 2007;
O'Keefe et al., EMNLP 2012): names by surname, offices by side, definite descriptions and pronouns
by the latest that agrees, capitals and ministries as the state they stand for.
"""

from stance.speakers.capitals import written_small
from stance.speakers.identify import identify
from stance.speakers.phrases import Gazetteer, usual_gazetteer
from stance.speakers.voice import Voice, VoicePart, Voices

__all__ = [
    "Gazetteer",
    "Voice",
    "VoicePart",
    "Voices",
    "identify",
    "usual_gazetteer",
    "written_small",
]
