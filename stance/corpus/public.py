"""Published corpora: fetched file by file at a pinned commit, checked by sha256, kept in a cache.

Nothing of them is part of this project; each has its own terms, which `load_public` prints. The
default model is trained on the project's own corpus alone.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from stance.corpus import pinned
from stance.corpus.pinned import PinnedFile, sha256_of
from stance.corpus.table import Row
from stance.schema import DataError, require

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

PENTA = {
    "0": "statement",
    "1": "verbal cooperation",
    "2": "material cooperation",
    "3": "verbal conflict",
    "4": "material conflict",
}
_STANCES = {
    "0": "neutral",
    "1": "conciliatory",
    "2": "conciliatory",
    "3": "hardline",
    "4": "hardline",
}
"""The five classes of CAMEO as our labels: close to our codebook, not the same."""

_RATES = {"0": "dovish", "1": "hawkish", "2": "neutral"}
_POLARITY = {2.0: "negative", 4.0: "neutral", 6.0: "positive"}


@dataclass(frozen=True, slots=True)
class Source:
    """A published corpus.

    Attributes:
        repository: `owner/name` on GitHub.
        commit: The commit its files are taken at.
        licence: Terms in a line, shown when it is loaded.
        files: For each part, its path in the repository and its sha256. An empty path stands for
            an archive of the whole repository, and the sum for that of the files used of it.
        read: Turns a part's bytes into rows with text, label, group.
        documents: Its rows are whole documents with attributions, and have no label.
    """

    repository: str
    commit: str
    licence: str
    files: dict[str, tuple[str, str]]
    read: Callable[[bytes, str], Iterator[Row]]
    documents: bool = False


def load_public(name: str, part: str = "train") -> Dataset:
    """Load a published corpus with its labels mapped to names.

    Args:
        name: `cameo`, `plv` (both with our three labels; `cameo-penta` and `plv-penta` with the
            classes of CAMEO), `fomc`, `newsmtsc` or `polnear`.
        part: `train` for most; the parts are the keys of `SOURCES[name].files`.

    Returns:
        Rows with `id`, `text`, `label`, `group` and the corpus's own columns.

    Raises:
        DataError: If the name or part is unknown, a file cannot be had, or is not the pinned one.
    """
    from datasets import Dataset

    rows = public_rows(name, part)
    columns = dict.fromkeys(key for row in rows for key in row)
    return Dataset.from_dict({key: [row.get(key) for row in rows] for key in columns})


def public_rows(name: str, part: str = "train") -> list[Row]:
    """Return the rows of `load_public` as dictionaries."""
    if name not in SOURCES:
        raise DataError(f"no public corpus {name!r}; there are {', '.join(SOURCES)}")
    source = SOURCES[name]
    if part not in source.files:
        raise DataError(f"{name}: no part {part!r}; there are {', '.join(source.files)}")
    logger.warning("%s: %s (%s)", name, source.licence, source.repository)
    rows = []
    for number, row in enumerate(source.read(fetch(name, part), part), start=1):
        rows.append({"id": f"{name}-{part}-{number}", **row})
    return rows


def fetch(name: str, part: str) -> bytes:
    """Return a file's bytes: see `stance.corpus.pinned.fetch`.

    Raises:
        DataError: Naming what is missing and where it was looked for.
    """
    source = SOURCES[name]
    path, wanted = source.files[part]
    file = PinnedFile(source.repository, source.commit, path, wanted)
    return pinned.fetch(file, digest=sha256_of if path else _sha256_of_files)


def _sha256_of_files(content: bytes) -> str:
    """Return a sum over an archive's data files, however it is packed."""
    try:
        files = _unpack(content)
    except tarfile.TarError:
        return "not an archive"
    listed = (f"{name} {sha256_of(files[name])}" for name in sorted(files))
    return sha256_of("\n".join(listed).encode())


def _unpack(content: bytes) -> dict[str, bytes]:
    """Return the train and dev files of an archive by their last three folders and name."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            parts = [part for part in member.name.split("/") if part != "."]
            handle = archive.extractfile(member) if member.isfile() else None
            if handle is not None and len(parts) >= 3 and parts[-3] in ("train", "dev"):
                files["/".join(parts[-3:])] = handle.read()
    return files


def _read_cameo(content: bytes, part: str, *, names: dict[str, str] = _STANCES) -> Iterator[Row]:
    for line in content.decode("utf-8").splitlines():
        text, _, label = line.rpartition("\t")
        if text.strip():
            yield {"text": text.strip(), "label": names[label.strip()], "group": text.strip()}


def _read_plv(content: bytes, part: str, *, names: dict[str, str] = _STANCES) -> Iterator[Row]:
    # Several rows can share a sentence with other sources and targets: the sentence is the group.
    for row in csv.DictReader(io.StringIO(content.decode("utf-8")), delimiter="\t"):
        yield {
            "text": row["sentence"],
            "label": names[str(int(float(row["gold_penta"])))],
            "group": row["sentence"],
            "source": row["source"],
            "target": row["target"],
        }


def _read_fomc(content: bytes, part: str) -> Iterator[Row]:
    require("openpyxl", extra="data", purpose="reading the FOMC corpus")
    import pandas as pd

    for row in pd.read_excel(io.BytesIO(content)).to_dict("records"):
        text = str(row["sentence"])
        # Sentences were split at contrast words: the parts of one are a group. The index is that
        # in one of three sources, so a group may also hold parts of another sentence of the year.
        group = f"{row['year']}-{row['orig_index']}" if "orig_index" in row else text
        yield {"text": text, "label": _RATES[str(int(row["label"]))], "group": group}


def _read_newsmtsc(content: bytes, part: str) -> Iterator[Row]:
    for line in content.decode("utf-8").splitlines():
        item = json.loads(line)
        for target in item["targets"]:
            yield {
                "text": item["sentence_normalized"],
                "label": _POLARITY[float(target["polarity"])],
                "group": item["primary_gid"],
                "target": target["mention"],
            }


def _read_polnear(content: bytes, part: str) -> Iterator[Row]:
    """Yield a document a row: its text and its brat stand-off annotation."""
    files = _unpack(content)
    for name in sorted(files):
        split, folder, file = name.split("/")
        if split != part or folder != "attributions" or not file.endswith(".ann"):
            continue
        # `<document>_<annotator>.ann`: some documents have several annotators.
        document = file.removesuffix(".ann").rpartition("_")[0]
        text = f"{part}/text/{document}.txt"
        if text in files:
            yield {
                "text": files[text].decode("utf-8"),
                "label": "",
                "group": document,
                "annotation": files[name].decode("utf-8"),
            }


def _fomc(part: str, seed: int, sha256: str) -> tuple[str, tuple[str, str]]:
    kind = {"train": "training", "test": "test"}[part]
    folder = f"training_data/test-and-training/{kind}_data"
    return f"{part}-{seed}", (f"{folder}/lab-manual-split-combine-{part}-{seed}.xlsx", sha256)


SOURCES: dict[str, Source] = {
    "cameo": Source(
        "eventdata/ConfliBERT",
        "0b630014885b9597622082034cc5ab5471b57e5b",
        "research use, cite Hu et al. 2022 (ConfliBERT)",
        {
            "train": (
                "data/cameo_class/train.tsv",
                "556c5a91ea278517b6f1595d2a55c04ca98219f255c95a617783decd179fd5fb",
            ),
            "test": (
                "data/cameo_class/test.tsv",
                "af8977b120cb0df3b6bfc8b01297415506fc54fb035f0288b5e0c4492ad7c3dd",
            ),
        },
        _read_cameo,
    ),
    "plv": Source(
        "snowood1/Zero-Shot-PLOVER",
        "d2d0b0ad3825e98e1a9a3d6b273789baa0ef2bea",
        "research use, cite Hu et al. 2024 (Zero-Shot-PLOVER)",
        {
            "train": (
                "datasets/PLV_train.tsv",
                "b184c7623cb05a48011adabd951f1a7f7efa8c80059ef4dc12c3d3231de5f5d3",
            ),
            "test": (
                "datasets/PLV_test.tsv",
                "1eaa0cf1e82b2cb7214f5de02975e42dbc8548baf2034f9d7058416a8627df1a",
            ),
        },
        _read_plv,
    ),
    "fomc": Source(
        "gtfintechlab/fomc-hawkish-dovish",
        "98646987452b326507479cf641571b33814bb73f",
        "CC BY-NC 4.0: research only; never mix seeds, their files overlap",
        dict(
            (
                _fomc(
                    "train",
                    5768,
                    "a4157414bf60cdcedec07d2ab9a7d253214b991ab9f9e03300c00056f5a2032c",
                ),
                _fomc(
                    "train",
                    78516,
                    "77a6f9d745cf1bafe37d5c1d8c86744ebaf185abe428e71e88ba718fc4b35f0f",
                ),
                _fomc(
                    "train",
                    944601,
                    "51c269c2eaef7fb4aff0cd3c4a262530f47633d77c169079767d6d873d173f55",
                ),
                _fomc(
                    "test", 5768, "d8a54d486bec780f0409b8d7f19c566a3b85ceb6560a15e5016feb3c565f615b"
                ),
                _fomc(
                    "test",
                    78516,
                    "09ded8a25b1d841177f96049ef8e5fb3567e048d135418b282a6e3c5a621a7f8",
                ),
                _fomc(
                    "test",
                    944601,
                    "a2a0f65df2542660b30cb3a3a5b2e3fec88201465bcca3de2f16593c12eea76f",
                ),
            )
        ),
        _read_fomc,
    ),
    "newsmtsc": Source(
        "fhamborg/NewsMTSC",
        "b9d9b79704ed1b35cecaf1d7c2343dc1bd734fb7",
        "MIT-style for the annotations, news text under its publishers' copyright; cite the paper",
        {
            "train": (
                "NewsSentiment/controller_data/datasets/NewsMTSC-dataset/train.jsonl",
                "fb80ff05993dd59016c36abefaa7bd00d77cb0cb38a781c1f9edd9ad7c61471e",
            )
        },
        _read_newsmtsc,
    ),
    "polnear": Source(
        "networkdynamics/PolNeAR",
        "c3eee833c035bf7b8c84f55b58c0bf7346cfae76",
        "research use, cite Newell et al. 2018",
        dict.fromkeys(
            ("train", "dev"),
            ("", "68831ea8b4a17e79a4de21a836f6817abb48f7a034f77aa67f5cb6de657cb735"),
        ),
        _read_polnear,
        documents=True,
    ),
}
"""Published corpora by name."""
for _name, _reader in (("cameo", _read_cameo), ("plv", _read_plv)):
    SOURCES[f"{_name}-penta"] = replace(SOURCES[_name], read=partial(_reader, names=PENTA))
