"""Reads unlabelled text as sentences: articles, tables, corpora."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stance.article import Document, read_document, split_document, visible
from stance.article.formats import SUFFIXES as ARTICLES
from stance.corpus.attributions import load_marked
from stance.corpus.load import load_corpus
from stance.corpus.standoff import is_pointers, read_standoff
from stance.corpus.table import SUFFIXES as TABLES
from stance.corpus.table import read_sound_rows
from stance.corpus.uncut import holds_documents, is_corpus, same_text
from stance.schema import DataError


def read_texts(sources: Sequence[str | Path], *, text_column: str = "text") -> list[str]:
    """Read the sentences of unlabelled text, each once.

    Args:
        sources: Articles and tables (.jsonl, .csv, .tsv, .parquet), which are split into
            sentences; folders of them; tables of pointers beside a `files.csv`
            (`stance.corpus.standoff`); and corpora, folders or published (`public:NAME`), of which
            only the train part is read, so that nothing of what judges a model is learnt.
        text_column: Column of a table with the text; rows without any are left out.

    Returns:
        The sentences in the order found; of those that differ in blanks and case only, the first.

    Raises:
        DataError: If a source is missing, cannot be read, or holds no sentence.
        DocumentError: If an article cannot be read.
    """
    found: dict[str, str] = {}
    for source in map(Path, sources):
        count = 0
        for sentence in _sentences(source, text_column):
            found.setdefault(same_text(sentence), sentence)
            count += 1
        if not count:
            raise DataError(f"{source}: no sentence found")
    return list(found.values())


def _sentences(source: Path, text_column: str) -> Iterator[str]:
    if holds_documents(source):
        for marked in load_marked(source.as_posix(), "train"):
            for span in marked.sentences:
                yield " ".join(marked.text[span.start : span.end].split())
    elif is_corpus(source):
        for row in load_corpus(source, labels=(), splits=("train",)).rows("train"):
            yield row["text"]
    elif is_pointers(source):
        tables, problems = read_standoff(source.parent, (source.stem,))
        if problems:
            raise DataError(f"{source}: {len(problems)} faults", problems)
        yield from (row["text"] for _, row in tables[source.stem])
    elif source.is_dir():
        kinds = (*ARTICLES, *TABLES)
        files = [file for file in visible(source) if file.suffix.lower() in kinds]
        if not files:
            raise DataError(f"{source}: no text here; looked for {', '.join(kinds)}, or a corpus")
        for file in files:
            yield from _sentences(file, text_column)
    else:
        for document in _documents_of(source, text_column):
            for span in split_document(document).sentences:
                yield document.text[span.start : span.end]


def _documents_of(file: Path, text_column: str) -> Iterator[Document]:
    if file.suffix.lower() in TABLES:
        rows = read_sound_rows(file, (text_column,))
        texts = (row[text_column] for _, row in rows)
        yield from (Document(str(file), t) for t in texts if isinstance(t, str) and t.strip())
    else:
        yield read_document(str(file))
