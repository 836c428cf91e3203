"""Labelled data: read, check, split by group, fingerprint."""

from stance.corpus.load import SPLITS, Corpus, load_configured, load_corpus
from stance.corpus.table import read_labelled, read_votes

__all__ = ["SPLITS", "Corpus", "load_configured", "load_corpus", "read_labelled", "read_votes"]
