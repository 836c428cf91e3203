"""From a document to sentences with exact offsets."""

from stance.article.read import Document, expand, read_document
from stance.article.sentences import Sentences, split

__all__ = ["Document", "Sentences", "expand", "read_document", "split"]
