"""What a run has done so far, in a folder beside its output that is gone when all is done.

.scored.parquet.unfinished/
├── job.json                      what is scored with what: a resumed run must be the same; there
│                                 from the begin of the run to its end
├── 000000.sentences.parquet      of each chunk
├── 000000.articles.parquet
├── 000000.rejects.jsonl
└── 000000.json                   its counts, written last: the chunk is done
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stance.artifact import atomic, locked
from stance.schema import DocumentError, StanceError

COMPRESSION = "zstd"


class Job:
    """The outputs of a run and its folder.

    Args:
        output: The sentence table to write, a `.parquet` file.
    """

    def __init__(self, output: Path) -> None:
        if output.suffix != ".parquet":
            raise StanceError(f"{output}: expected a name that ends in .parquet")
        if output.is_dir():
            raise StanceError(f"{output}: is a folder, expected a file to write to")
        self.sentences = output
        self.articles = output.with_suffix(".articles.parquet")
        self.rejects = output.with_suffix(".rejects.jsonl")
        self.outputs = (self.sentences, self.articles, self.rejects)
        self.folder = output.with_name(f".{output.name}.unfinished")

    @contextmanager
    def opened(self, about: dict[str, Any], *, resume: bool, overwrite: bool) -> Iterator[None]:
        """Hold the folder while the run goes on.

        Args:
            about: What is scored with what, plain JSON; a name's value may be told to the user.
            resume: Go on with an unfinished run, if there is one.
            overwrite: Remove what is there, finished or not.

        Raises:
            StanceError: If the output is there, or the unfinished run is another.
            BusyError: If another process is at it.
        """
        lock = self.folder.with_name(self.folder.name + ".lock")
        with locked(lock, busy=f"{self.sentences}: another process writes it"):
            self._begin(about, resume=resume, overwrite=overwrite)
            yield

    def done(self, number: int) -> dict[str, int] | None:
        """Return the counts of a chunk, or None if it is still to do."""
        try:
            found: dict[str, int] = json.loads(self._part(number, "json").read_text())
        except (OSError, ValueError):
            return None
        return found

    def record(
        self,
        number: int,
        sentences: Any,
        articles: Any,
        rejects: Sequence[dict[str, Any]],
    ) -> dict[str, int]:
        """Keep what became of a chunk, so that a kill at any moment leaves all or nothing of it."""
        counts = {"articles": len(articles), "sentences": len(sentences), "rejects": len(rejects)}
        with told(self.folder):
            for table, kind in ((sentences, "sentences"), (articles, "articles")):
                with atomic(self._part(number, f"{kind}.parquet")) as path:
                    _write([table], table.schema, path)
            if rejects:
                lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rejects)
                with atomic(self._part(number, "rejects.jsonl")) as path:
                    path.write_text(lines, encoding="utf-8", errors="replace")
            with atomic(self._part(number, "json")) as path:
                path.write_text(json.dumps(counts), encoding="utf-8")
        return counts

    def finish(self, chunks: int, schemas: dict[str, Any]) -> None:
        """Put the chunks together, in order, and remove the folder."""
        made = [self.folder / output.name for output in self.outputs]
        sentences, articles, rejects = made
        with told(self.sentences):
            try:
                for kind, path in (("articles", articles), ("sentences", sentences)):
                    parts = (self._part(n, f"{kind}.parquet") for n in range(chunks))
                    _write((_read(part) for part in parts), schemas[kind], path)
                reasons = [self._part(n, "rejects.jsonl") for n in range(chunks)]
                with rejects.open("wb") as file:
                    for part in filter(Path.is_file, reasons):
                        file.write(part.read_bytes())
            except BaseException:
                for path in made:
                    path.unlink(missing_ok=True)
                raise
            if not rejects.stat().st_size:
                rejects.unlink()
                self.rejects.unlink(missing_ok=True)
            # There was room for all. The sentences last: where they are, all is there.
            for path, output in reversed(list(zip(made, self.outputs, strict=True))):
                if path.exists():
                    path.replace(output)
            (self.folder / "job.json").unlink()
        shutil.rmtree(self.folder)

    def _begin(self, about: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
        if resume and overwrite:
            raise StanceError("--resume and --overwrite: expected one of them")
        if overwrite or not (self.folder / "job.json").is_file():
            shutil.rmtree(self.folder, ignore_errors=True)  # cut off before it began, or when done
        elif not resume:
            raise StanceError(
                f"{self.sentences}: a run that was cut off is there; go on with it by --resume, or "
                f"begin anew by --overwrite"
            )
        else:
            self._check_same(about)
            return
        if not overwrite:
            self._check_free(resume)
        with told(self.folder):
            self.folder.mkdir(parents=True)
            with atomic(self.folder / "job.json") as path:
                path.write_text(json.dumps(about, indent=2), encoding="utf-8")

    def _check_free(self, resume: bool) -> None:
        if resume and self.sentences.exists():
            raise StanceError(
                f"{self.sentences}: is finished, there is nothing to resume; replace it by "
                f"--overwrite"
            )
        for path in self.outputs:
            if path.exists():
                raise StanceError(f"{path}: is there already; replace it by --overwrite")

    def _check_same(self, about: dict[str, Any]) -> None:
        try:
            begun = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            begun = {}
        for name, value in about.items():
            if begun.get(name) != value:
                raise DocumentError(
                    f"{self.sentences}: the run that was cut off had another {name}"
                    f"{_difference(begun.get(name), value)}; give it again as it was, or begin "
                    f"anew by --overwrite"
                )

    def _part(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06}.{kind}"


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Turn what the system says of writing into a message with the next step.

    Raises:
        StanceError: Instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        full = full or "No space left" in str(error)
        step = "make room" if full else "mend this"
        raise StanceError(
            f"{place}: cannot be written: {error.strerror or error}; {step} and give the command "
            f"again with --resume: what was scored is kept"
        ) from None


def _difference(begun: object, now: object) -> str:
    short = all(len(str(value)) < 50 for value in (begun, now))
    return f" ({begun!r}, now {now!r})" if short and begun is not None else ""


def _read(part: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(part)


def _write(tables: Any, schema: Any, path: Path) -> None:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, schema, compression=COMPRESSION) as writer:
        for table in tables:
            writer.write_table(table.cast(schema))
