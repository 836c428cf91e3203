"""From a document to sentences with exact offsets."""

from stance.article.document import Document, split_document
from stance.article.language import language_of
from stance.article.read import expand, read_document
from stance.article.sentences import Sentences, split

__all__ = [
    "Document",
    "Sentences",
    "expand",
    "language_of",
    "read_document",
    "split",
    "split_document",
]
