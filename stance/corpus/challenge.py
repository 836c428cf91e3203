"""Challenge sets: small tests of one capability each, in the manner of CheckList.

Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList (ACL 2020).
A case has a `label` that must be given (minimum functionality), or also a `variant`, which must be
given the same label as the text, whatever that is (invariance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stance.corpus.table import label_faults, read_rows, text_faults
from stance.schema import LABELS, DataError, Problem


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a challenge set.

    Attributes:
        id: Its id.
        text: A sentence.
        label: The label it has under the codebook.
        variant: The sentence altered in a way that must not matter; None if the case has none.
    """

    id: str
    text: str
    label: str
    variant: str | None


def load_challenge(
    folder: str | Path = "data/challenge", *, labels: Sequence[str] = LABELS
) -> dict[str, list[Case]]:
    """Read the cases of every capability, a file each.

    Raises:
        DataError: If there are no files, or with every fault of every case.
    """
    files = sorted(Path(folder).glob("*.jsonl"))
    if not files:
        raise DataError(f"{folder}: no challenge sets (*.jsonl) in this folder")
    sets: dict[str, list[Case]] = {}
    problems: list[Problem] = []
    for file in files:
        rows, faults = read_rows(file)
        problems.extend(faults)
        cases = []
        for line, row in rows:
            found = text_faults(row.get("text")) + label_faults(row.get("label"), labels)
            if "variant" in row:
                found += text_faults(row["variant"])
            if found or not row.get("id"):
                found = found or ["no id"]
                problems.extend(Problem(str(file), line, fault) for fault in found)
                continue
            cases.append(Case(row["id"], row["text"], row["label"], row.get("variant")))
        sets[file.stem] = cases
    if problems:
        raise DataError(f"{folder}: {len(problems)} faults", problems)
    return sets
