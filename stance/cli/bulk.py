"""`stance predict` of tables and of folders too large to hold: to Parquet, in bounded memory."""

from __future__ import annotations

import glob
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stance.cli.common import say
from stance.schema import StanceError

MOST_PROCESSES = 4
"""So many by default, however many cores there are: each holds a model, some 250 MB."""

SECONDS = 20.0
"""Between two lines of progress where nobody watches a terminal."""


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """Options of `stance predict` for tables."""

    text_column: str = "text"
    abstain: float | None = None
    coverage: float = 0.9
    processes: int | None = None
    limit: int | None = None
    sample: int | None = None
    resume: bool = False
    overwrite: bool = False


def is_bulk(inputs: Sequence[str], output: Path | None) -> bool:
    """Tell whether a table is to be read or written."""
    from stance.article.read import is_url, visible
    from stance.bulk import is_table

    local = [name for name in inputs if not is_url(name)]
    inside = (path.name for name in local if Path(name).is_dir() for path in visible(name))
    patterns = any(glob.has_magic(name) and not Path(name).exists() for name in local)
    to_table = output is not None and output.suffix == ".parquet"
    return to_table or patterns or any(map(is_table, local)) or any(map(is_table, inside))


def score(
    inputs: Sequence[str],
    output: Path | None,
    *,
    model: str | None,
    precision: str | None,
    threads: int | None,
    options: BulkOptions,
) -> None:
    """Score and say what was written."""
    from stance.prediction import load
    from stance.runtime import cores

    if output is None or output.suffix != ".parquet":
        raise StanceError(
            f"{inputs[0]}: tables and patterns are scored to a Parquet file; add  --output "
            f"{Path(inputs[0]).stem.strip('*?[]') or 'scored'}.scored.parquet"
        )
    processes = options.processes or min(MOST_PROCESSES, cores() // (threads or 1) or 1)
    loaded = load(model, precision=precision, threads=threads or max(1, cores() // processes))
    done = loaded.score_corpus(
        inputs,
        output,
        text_column=options.text_column,
        abstain=options.abstain,
        coverage=options.coverage,
        processes=processes,
        limit=options.limit,
        sample=options.sample,
        resume=options.resume,
        overwrite=options.overwrite,
        show=Progress(),
    )
    counts, seconds = done.counts, done.seconds
    say(
        f"{counts['articles']} documents, {counts['sentences']} sentences in {_duration(seconds)} "
        f"({loaded.name}, {loaded.precision})"
    )
    if done.rejects is not None:
        say(f"{counts['rejects']} documents could not be scored; {done.rejects} says why")
    say(f"wrote {done.sentences} and {done.articles}")


class Progress:
    """Shows how far a run is: a line that changes on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self._live = sys.stderr.isatty()

    def __call__(self, documents: int, total: int, rate: float, left: float) -> None:
        now = time.monotonic()
        if not self._live and now - self._told < SECONDS and documents < total:
            return
        self._told = now
        line = (
            f"{documents} of {total} documents ({documents / max(1, total):.0%}), "
            f"{rate:.0f} sentences a second, {_duration(left)} left"
        )
        if self._live:
            end = "\n" if documents >= total else ""
            print(f"\r· {line}\033[K", end=end, file=sys.stderr, flush=True)
        else:
            say(line)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
