"""Arrays that cost minutes to compute, kept on disk by what they were computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance import artifact


def cached(
    kind: str, key: Iterable[str], rows: int, compute: Callable[[], NDArray[Any]]
) -> NDArray[Any]:
    """Return an array from the cache, or compute and keep it.

    Args:
        kind: Folder in the cache.
        key: All that the array depends on.
        rows: How many rows the array has; a file with another number is computed again.
        compute: Called where there is no such file.
    """
    name = hashlib.sha256("\x1e".join(key).encode()).hexdigest()[:24]
    path = artifact.cache_folder() / kind / f"{name}.npy"
    if path.is_file():
        found: NDArray[Any] = np.load(path, allow_pickle=False)
        if len(found) == rows:
            return found
    array = compute()
    with artifact.atomic(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    return array
