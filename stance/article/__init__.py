"""From a document to sentences with exact offsets."""

from stance.article.document import Document, document_of, split_document, texts_of
from stance.article.language import language_of
from stance.article.read import expand, read_document, visible
from stance.article.sentences import Sentences, split

__all__ = [
    "Document",
    "Sentences",
    "document_of",
    "expand",
    "language_of",
    "read_document",
    "split",
    "split_document",
    "texts_of",
    "visible",
]
