"""Scores every document of an input, in one process or several."""

from __future__ import annotations

import glob
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import stance
from stance.article import Document, language_of, read_document
from stance.artifact import Manifest
from stance.bulk.blocks import Block, Item, fault_of
from stance.bulk.job import Job
from stance.bulk.sources import METADATA, Chunk, Sources
from stance.bulk.tables import Tables
from stance.confidence import COVERAGE
from stance.schema import Metadata, ModelError, ScoredArticle, StanceError

Show = Callable[[int, int, float, float], None]
"""Told how many documents are done, of how many, sentences scored a second, and seconds left."""

Inputs = str | Path | Sequence[str | Path]
"""Tables (.parquet; .jsonl, .csv, .tsv, each also .gz or .zst), article files, folders of them,
patterns: one, or several."""

EXAMPLE = "We met on Monday. We will talk again."


class Reader(Protocol):
    """A model that scores documents."""

    manifest: Manifest

    @property
    def precision(self) -> str: ...

    def score_documents(
        self,
        documents: Sequence[Document],
        *,
        abstain: float | None = None,
        coverage: float = COVERAGE,
    ) -> list[ScoredArticle]: ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    Attributes:
        sentences: The sentence table.
        articles: The article table.
        rejects: The file of documents that could not be scored, with reasons; None without any.
        counts: How many `articles`, `sentences` and `rejects`.
        seconds: How long it took, without what was done before it was resumed.
    """

    sentences: Path
    articles: Path
    rejects: Path | None
    counts: dict[str, int]
    seconds: float


def score_corpus(
    inputs: Inputs,
    output: str | Path | None = None,
    *,
    model: Reader,
    make: Callable[[], Reader],
    text_column: str = "text",
    abstain: float | None = None,
    coverage: float = COVERAGE,
    processes: int = 1,
    limit: int | None = None,
    sample: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    show: Show | None = None,
) -> Summary:
    """Score documents and write their sentences and articles as Parquet tables.

    Memory does not grow with the input. Killed at any moment, the same call with `resume` goes on.

    Args:
        inputs: What to score, see `Inputs`.
        output: The sentence table, `NAME.parquet`; beside it come `NAME.articles.parquet` and, if
            a document cannot be scored, `NAME.rejects.jsonl`. [`INPUT.scored.parquet`]
        model: What scores.
        make: Makes the same model in another process.
        text_column: Column of the tables with the text.
        abstain: As for `Model.predict`: sentences without a label have null, and are in no count.
        coverage: As for `Model.predict`.
        processes: How many score side by side, at least 1. With several, a script calls this under
            `if __name__ == "__main__":`.
        limit: Score the first so many documents only.
        sample: Score so many of these only, drawn by a fixed seed.
        resume: Go on with a run that was cut off.
        overwrite: Replace what is there.
        show: Told the progress after each chunk.

    Raises:
        DocumentError: If the input cannot be read, or changed while it was.
        ModelError: If the model was replaced since the run began.
        StanceError: If the output is there already, or cannot be written; if dev does not reach
            the precision.
    """
    begun = time.perf_counter()
    names = [str(name) for name in ([inputs] if isinstance(inputs, str | Path) else inputs)]
    job = Job(Path(output) if output else _beside(names[0]))
    sources = Sources(
        names, text_column=text_column, limit=limit, sample=sample, outputs=job.outputs
    )
    example = Document("example", EXAMPLE)
    asked: dict[str, Any] = {"abstain": abstain, "coverage": coverage}
    model.score_documents([example], **asked)  # told now if dev does not reach so far
    tables = Tables(model.score_documents([example])[0], sources.schema, text_column)
    task = partial(_score_chunk, job=job, tables=tables, asked=asked)
    about = {
        "version of stance": stance.__version__,
        "input": sources.fingerprint,
        "text column": text_column,
        **asked,
        "limit": limit,
        "sample": sample,
        "model": identity(model),
    }
    counts = {"articles": 0, "sentences": 0, "rejects": 0}
    with job.opened(about, resume=resume, overwrite=overwrite):
        chunks = 0
        for found in _each(sources, job, task, model, make, processes, show):
            counts = {name: counts[name] + found[name] for name in counts}
            chunks += 1
        sources.check_unchanged()
        schemas = {"sentences": tables.sentences, "articles": tables.articles}
        job.finish(chunks, schemas)
    seconds = time.perf_counter() - begun
    rejects = job.rejects if counts["rejects"] else None
    return Summary(job.sentences, job.articles, rejects, counts, seconds)


def _beside(name: str) -> Path:
    if glob.has_magic(name) and not os.path.exists(name):
        raise StanceError(f"{name}: a pattern; say where to write to: output='scored.parquet'")
    return Path(name).with_suffix(".scored.parquet")


def identity(model: Reader) -> list[str]:
    """Return what tells a model from another of the same name."""
    manifest = model.manifest
    return [
        manifest.name,
        model.precision,
        str(manifest.temperature),
        str(manifest.confidence),
        *sorted(manifest.files.values()),
    ]


def _each(
    sources: Sources,
    job: Job,
    task: Callable[..., dict[str, int]],
    model: Reader,
    make: Callable[[], Reader],
    processes: int,
    show: Show | None,
) -> Iterator[dict[str, int]]:
    """Yield the counts of each chunk, in order."""
    documents = scored = 0
    skipped = 0
    begun = time.perf_counter()
    if processes == 1:
        results: Iterator[tuple[Chunk, dict[str, int], bool]] = _alone(sources, job, task, model)
    else:
        work = partial(_in_worker, task=task, make=make, expected=identity(model))
        results = _together(sources, job, work, processes)
    for chunk, counts, before in results:
        documents += len(chunk.block.items)
        skipped += len(chunk.block.items) * before
        scored += counts["sentences"] * (not before)
        if show is not None and not before:
            elapsed = time.perf_counter() - begun
            rest = sources.total - documents
            left = elapsed / max(1, documents - skipped) * rest
            show(documents, sources.total, scored / elapsed, left)
        yield counts


def _alone(
    sources: Sources, job: Job, task: Callable[..., dict[str, int]], model: Reader
) -> Iterator[tuple[Chunk, dict[str, int], bool]]:
    for chunk in sources.chunks():
        sources.check_unchanged()
        done = job.done(chunk.number)
        yield chunk, done or task(chunk, model=model), done is not None


def _together(
    sources: Sources, job: Job, work: Callable[[Chunk], dict[str, int]], processes: int
) -> Iterator[tuple[Chunk, dict[str, int], bool]]:
    """Keep every process busy, and no more chunks in memory than that needs."""
    waiting: deque[tuple[Chunk, Future[dict[str, int]] | dict[str, int]]] = deque()

    def next_one() -> tuple[Chunk, dict[str, int], bool]:
        chunk, result = waiting.popleft()
        if isinstance(result, dict):
            return chunk, result, True
        try:
            return chunk, result.result(), False
        except BrokenProcessPool:
            raise StanceError(
                "a scoring process was ended from outside, perhaps for want of memory; go on with "
                "--resume, and fewer --processes"
            ) from None

    # Not forked: the threads of a loaded model do not survive that.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent)
    try:
        for chunk in sources.chunks():
            sources.check_unchanged()
            waiting.append((chunk, job.done(chunk.number) or pool.submit(work, chunk)))
            if len(waiting) > processes + 1:
                yield next_one()
        while waiting:
            yield next_one()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """End a scoring process when the one that started it is killed: nobody else would."""

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


_MODEL: Reader | None = None
"""The model of a scoring process."""


def _in_worker(
    chunk: Chunk,
    *,
    task: Callable[..., dict[str, int]],
    make: Callable[[], Reader],
    expected: list[str],
) -> dict[str, int]:
    global _MODEL
    if _MODEL is None:
        model = make()
        if identity(model) != expected:
            raise ModelError(
                f"{model.manifest.name}: the model was replaced while it was in use; begin anew by "
                f"--overwrite, or put it back and go on by --resume"
            )
        _MODEL = model
    return task(chunk, model=_MODEL)


def _score_chunk(
    chunk: Chunk, *, job: Job, tables: Tables, asked: dict[str, Any], model: Reader
) -> dict[str, int]:
    """Score a chunk and keep what came of it."""
    import pyarrow

    documents: list[Document] = []
    places: list[int] = []
    rejects = []
    for place, item in enumerate(chunk.block.items):
        try:
            documents.append(_document(item))
            places.append(place)
        except StanceError as error:
            reason = str(error).removeprefix(f"{item.name}: ")
            rejects.append({"document": item.number, "name": item.name, "reason": reason})
    columns = chunk.block.columns.take(pyarrow.array(places, pyarrow.int64()))
    items = tuple(chunk.block.items[place] for place in places)
    block = Block(items, _with_metadata(columns, items, documents))
    sentences, articles = tables.of(model.score_documents(documents, **asked), block)
    return job.record(chunk.number, sentences, articles, rejects)


def _document(item: Item) -> Document:
    if item.fault is not None:
        raise StanceError(item.fault)
    if item.path is not None:
        document = read_document(item.path)
        if (fault := fault_of(document.text)) is not None:
            raise StanceError(fault)
        return document
    text = item.text or ""
    return Document(item.name, text, Metadata(language=language_of(text)))


def _with_metadata(columns: Any, items: Sequence[Item], documents: Sequence[Document]) -> Any:
    """Fill the columns that article files have with what was found in them."""
    import pyarrow

    if not any(item.path for item in items):
        return columns
    found = [document.metadata.to_dict() for document in documents]
    for name in METADATA:
        values = [
            of_document[name] if item.path else before
            for item, of_document, before in zip(
                items, found, columns.column(name).to_pylist(), strict=True
            )
        ]
        place = columns.column_names.index(name)
        field = columns.schema.field(name)
        columns = columns.set_column(place, field, pyarrow.array(values, field.type))
    return columns
