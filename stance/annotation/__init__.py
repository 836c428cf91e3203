"""From anyone's articles to labelled sentences: sample, hand out, read back, agree, export.

A folder of an annotation holds

    items.csv            the sentences: document, offsets, context
    NAME.csv             one sheet a reader, in an order of its own, with an empty column `label`
    label-studio.json, label-studio.xml     the same as tasks for Label Studio, and its interface
    codebook.txt         the labels in short
    disagreements.csv    written by `agree`, with an empty column `label` for the adjudicator

Readers must not see each other's labels: hand out the sheets, not the folder.
"""

from stance.annotation.export import export
from stance.annotation.sampling import Strategy, sample
from stance.annotation.sheets import Agreement, Votes, agree, read_labels, read_notes, read_settings

__all__ = [
    "Agreement",
    "Strategy",
    "Votes",
    "agree",
    "export",
    "read_labels",
    "read_notes",
    "read_settings",
    "sample",
]
