"""Any number of documents from tables and folders to scored tables, in bounded memory."""

from stance.bulk.run import Inputs, Reader, Summary, score_corpus
from stance.bulk.sources import is_table

__all__ = ["Inputs", "Reader", "Summary", "is_table", "score_corpus"]
