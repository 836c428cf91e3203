"""The space of a search: which settings may vary, and between what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import model_validator

from stance.config.files import Section, as_override, check
from stance.schema import ConfigError

SEARCHED = ("encoder", "data", "train", "distill")
NOT_SEARCHED = ("data.path", "data.cut", "data.text_column", "data.label_column", "train.seed")
"""What a trial is judged by must be the same for all, and a lucky seed is no setting."""


class Dimension(Section):
    """The values that a setting may take: a range, or choices."""

    low: int | float | None = None
    """Least value; with `low` and `high` both whole, so are those between."""
    high: int | float | None = None
    log: bool = False
    """Draw evenly in the logarithm, as befits rates."""
    choices: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _range_or_choices(self) -> Dimension:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("give either choices, or low and high")
            if len(self.choices) < 2:
                raise ValueError("choices are two or more")
        elif self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        elif not self.low < self.high:
            raise ValueError(f"low {self.low} is not under high {self.high}")
        elif self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        return self

    @property
    def extremes(self) -> Sequence[Any]:
        """The values whose soundness shows that of all."""
        return self.choices if self.choices is not None else (self.low, self.high)


def check_space(
    kind: type[Section], settings: Mapping[str, Any], space: Mapping[str, Dimension]
) -> None:
    """Check that a space is of settings that exist and may vary, and that they take its values.

    Raises:
        ConfigError: With the faults of all its dimensions.
    """
    faults = []
    for key, dimension in space.items():
        fixed = key.partition(".")[0] not in SEARCHED or "." not in key
        if key.startswith(NOT_SEARCHED) or (fixed and key.partition(".")[0] in kind.model_fields):
            faults.append(
                f"{key!r} cannot be searched; settings of {', '.join(SEARCHED)} can, but for "
                f"{', '.join(NOT_SEARCHED)}"
            )
            continue
        try:
            for value in dimension.extremes:
                check(kind, settings, [as_override(key, value)], where="tune")
        except ConfigError as error:
            faults.append(str(error).removeprefix("tune: "))
    if faults:
        raise ConfigError("tune: " + "; ".join(faults))
