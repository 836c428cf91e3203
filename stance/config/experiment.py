"""Settings of an experiment: what a model is, what it learns from and how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from stance.config.files import Section, explain, read
from stance.config.space import Dimension, check_space
from stance.schema import LABELS, ConfigError

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
POLES = ("conciliatory", "hardline")


class LoraConfig(Section):
    """Adapters: what to train instead of an encoder's weights (Hu et al. 2022); needs peft."""

    rank: int = Field(default=8, ge=1, le=1024)
    """Width of the additions; more learn more and cost more."""
    alpha: float = Field(default=16, gt=0, allow_inf_nan=False)
    """The additions are scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] | None = None
    """Names of the linear layers to add to, e.g. [query, value]; null takes all."""


class EncoderConfig(Section):
    """Which pre-trained encoder to fine-tune."""

    name: str = Field(default="all-MiniLM-L6-v2", min_length=1)
    """`all-MiniLM-L6-v2` (installed with the package), a local folder, or a model hub id."""
    max_length: int = Field(default=128, ge=8, le=8192)
    """Tokens a sentence is cut to; every prediction says whether it was."""
    pooling: Literal["mean", "cls"] = "mean"
    """Vector of a sentence: the mean of the token vectors, or the first token's."""
    mask_actors: bool = False
    """Read every state as one and the same, and every armed group (`stance/actors.csv`): who it is
    cannot move a label."""
    lora: LoraConfig | None = None
    """Train adapters, merged into the weights in the end; null trains the weights."""
    layers: Annotated[int, Field(ge=1)] | tuple[int, ...] | None = None
    """Layers to keep: how many, spread evenly from the lowest to the highest, or which (0 is the
    lowest); null keeps all."""
    intermediate_size: int | None = Field(default=None, ge=1)
    """Units to keep in the feed-forward part of each layer, those that bring most on training
    texts; null keeps all."""


class CutConfig(Section):
    """How labelled sentences that come without splits are cut: whole groups, each label alike."""

    dev: Share = 0.1
    """Share of the sentences that choose the epoch and the champion."""
    test: Share = 0.1
    """Share held out for `stance evaluate`; not cut where the data has a test part of its own."""
    seed: int = Field(default=13, ge=0, lt=2**32)
    """Draws the groups; apart from `train.seed`, so that all seeds are judged on the same dev."""

    @model_validator(mode="after")
    def _something_is_left(self) -> CutConfig:
        if self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} leave nothing to train on")
        return self


class DataConfig(Section):
    """What to learn from."""

    path: tuple[Path, ...] = (Path("data"),)
    """Each a folder with a train, dev and test split (written out, or stand-off labels of public
    files), a labelled file (.jsonl, .csv, .tsv, .parquet), or a published corpus by name
    (`public:fomc/5768`). One may be given without brackets."""
    text_column: str = Field(default="text", min_length=1)
    """Column of a labelled file with the sentence."""
    label_column: str = Field(default="label", min_length=1)
    """Column of a labelled file with the label."""
    cut: CutConfig = CutConfig()
    """How a labelled file or a published corpus is cut into splits."""
    weights: tuple[Weight, ...] | None = None
    """Weight in the loss of a sentence from each folder; null weighs all alike."""
    column_weights: dict[str, dict[str, Weight]] = Field(default_factory=dict)
    """Weights by the values of a column, e.g. {source: {reuters: 0.5}}; other values weigh 1."""
    train_limit: int | None = Field(default=None, ge=3)
    """Train on this many rows only (whole groups, drawn with the seed)."""

    @field_validator("path", mode="before")
    @classmethod
    def _one_folder(cls, path: Any) -> Any:
        return (path,) if isinstance(path, str | Path) else path

    @model_validator(mode="after")
    def _a_weight_a_folder(self) -> DataConfig:
        if not self.path:
            raise ValueError("path names no folder")
        if self.weights is not None and len(self.weights) != len(self.path):
            raise ValueError(f"{len(self.weights)} weights for {len(self.path)} folders")
        if self.weights is not None and not any(self.weights):
            raise ValueError("every weight is 0: nothing to learn from")
        return self


class TrainConfig(Section):
    """How to fine-tune: the course of a training, what it learns from, against over-fitting, cost.

    Null, 0 or, for a decay, 1 leaves a technique out.
    """

    epochs: float = Field(default=4, gt=0, le=1000)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, lt=1)
    head_learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    """Rate of the classifying layer, which starts from nothing and has far to go."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Rate of each layer as a part of the rate of the layer above it (Howard & Ruder 2018)."""
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    early_stopping: int = Field(default=2, ge=1)
    """Stop after this many epochs without a better dev macro-F1; the best epoch is kept."""
    seed: int = Field(default=13, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(default=5, ge=0, allow_inf_nan=False)
    """Least time between two checkpoints within an epoch; each epoch ends with one."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    soft_labels: float = Field(default=0.0, ge=0, le=1)
    """Part of the target that follows the readers' votes instead of the adjudicated label."""
    class_weights: Literal["balanced"] | dict[str, Weight] | None = None
    """Weight in the loss by label, others 1; or balanced: as much in all for each label."""
    oversample: float = Field(default=0.0, ge=0, le=1)
    """Repeat rows of rare labels: at 1 until each label is as frequent as the most frequent."""
    focal_gamma: float = Field(default=0.0, ge=0, le=10)
    """How much less counts what the model is right and sure about (Lin et al. 2017)."""

    frozen: int = Field(default=0, ge=0)
    """Lowest parts left as they are: 1 the embeddings, 2 also the first layer, ..."""
    reinitialized: int = Field(default=0, ge=0)
    """Highest layers that start from random weights (Zhang et al. 2021)."""
    head_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Part of the sentence vector that the classifying layer does not see in a step."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay, e.g. 0.999, of a moving average of the weights, which is judged and kept."""
    r_drop: float = Field(default=0.0, ge=0, le=100)
    """Weight of how far two dropout passes disagree (Liang et al. 2021); doubles the time."""

    gradient_accumulation: int = Field(default=1, ge=1)
    """Batches to a step: a step learns from batch_size x gradient_accumulation rows."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, half as slow again."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32"
    """Of matrix products; weights stay in fp32. auto is bf16 on a recent GPU or a CPU with AMX,
    where that is about twice as fast, else fp32; fp16 needs a GPU."""
    compile: bool = False
    """Compile the model with torch.compile: minutes at first, then faster on a GPU."""


class DistillConfig(Section):
    """Saved models that a model learns from, besides the gold labels (Hinton et al. 2015)."""

    teachers: tuple[str, ...] = ()
    """Saved models: folders, what MLflow logged (`models:/NAME@ALIAS`), `champion`, or files of
    what one said (`stance data opinions`). Of several, the mean probability is learnt.
    None trains on the gold labels alone."""
    temperature: float = Field(default=2.0, gt=0, le=100)
    """Above 1 the teachers' probabilities are made more even, so that the less likely labels tell
    more."""
    weight: float = Field(default=0.5, ge=0, le=1)
    """Part of the target of a labelled row that follows the teachers."""
    unlabelled: tuple[str, ...] = ()
    """Further texts, labelled by the teachers alone: text files, tables with a column `text`,
    folders of them, or corpora (folders or `public:NAME`), of which the train part is read."""
    start: Literal["encoder", "teacher"] = "encoder"
    """What the weights start from: `encoder.name`, or the first teacher, with its pooling."""

    @field_validator("teachers", "unlabelled", mode="before")
    @classmethod
    def _one_name(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    @model_validator(mode="after")
    def _needs_a_teacher(self) -> DistillConfig:
        if not self.teachers and (self.unlabelled or self.start == "teacher"):
            needy = "unlabelled texts" if self.unlabelled else "start: teacher"
            raise ValueError(f"{needy} without teachers; name saved models in distill.teachers")
        return self


class CalibrationConfig(Section):
    """How far the probabilities are to be trusted, beside what dev says."""

    caution: float = Field(default=1.0, ge=1, le=10)
    """What the temperature fitted to dev is multiplied by: above 1 the model is less sure of text
    outside its corpus than dev alone would have it."""


class PromotionConfig(Section):
    """When a new model takes the champion's place; `stance.promotion` says why these limits."""

    alpha: float = Field(default=0.2, gt=0, le=1)
    """The chance that it is no better on dev must be under this; at 1 any gain is enough."""
    challenge_margin: float = Field(default=0.15, ge=0, le=1)
    """No challenge set's failure rate may rise by more."""
    actor_flips: float = Field(default=0.05, ge=0, le=1)
    """At most this share of actor swaps may change the label."""
    actor_shift: float = Field(default=0.05, ge=0, le=1)
    """At most this may be the mean change of probability in an actor swap."""
    actor_worst: float = Field(default=0.1, ge=0, le=1)
    """At most this may be the mean change of probability when one actor is put in."""
    calibration_margin: float = Field(default=0.02, ge=0, le=1)
    """The expected calibration error on dev may rise by no more."""


class TrackingConfig(Section):
    """What MLflow is told. `MLFLOW_TRACKING_URI` says where; without it, `mlflow.db` here."""

    enabled: bool = True
    experiment: str = Field(default="stance", min_length=1)
    registered_model: str = Field(default="stance", min_length=1)
    """Whose champion a new model is held against; with other labels than the project's the default
    is stance-FOLDER, FOLDER being the last part of `output`."""


class Config(Section):
    """A whole experiment."""

    labels: tuple[str, ...] = LABELS
    """In the order of the model's outputs; null takes those of the data, sorted."""
    poles: tuple[str, str] | None = POLES
    """The labels at -1 and +1 of a score; null for labels without opposite ends, which is the
    default with other labels than the project's."""
    encoder: EncoderConfig = EncoderConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    distill: DistillConfig = DistillConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    promotion: PromotionConfig = PromotionConfig()
    tracking: TrackingConfig = TrackingConfig()
    tune: dict[str, Dimension] = Field(default_factory=dict)
    """What `stance tune` may vary, e.g. train.learning_rate: {low: 1e-5, high: 3e-4, log: true} or
    train.batch_size: {choices: [16, 32]}; a training takes no notice of it."""
    output: Path = Path("models")
    """Folder that saved models go to."""

    @model_validator(mode="before")
    @classmethod
    def _other_labels_have_a_champion_of_their_own(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "labels" not in given:
            return given
        labels = () if given["labels"] is None else given["labels"]
        if not isinstance(labels, list | tuple) or tuple(labels) == LABELS:
            return {**given, "labels": labels}
        tracking, output = given.get("tracking", {}), given.get("output", "models")
        if isinstance(tracking, dict) and isinstance(output, str | Path):
            # A champion of its own: the other label set's could not be beaten.
            folder = Path(output).name
            tracking = {"registered_model": f"stance-{folder}", **tracking}
        poles = POLES if all(pole in labels for pole in POLES) else None
        return {"poles": poles, **given, "labels": labels, "tracking": tracking}

    @model_validator(mode="after")
    def _labels_make_sense(self) -> Config:
        if not self.labels:
            return self  # they will be the data's
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels must be two or more different names, got {self.labels}")
        if self.poles and (unknown := [pole for pole in self.poles if pole not in self.labels]):
            raise ValueError(f"poles {unknown} are not among the labels {list(self.labels)}")
        weights = self.train.class_weights
        if isinstance(weights, dict):
            if unknown := [label for label in weights if label not in self.labels]:
                raise ValueError(
                    f"train.class_weights: {unknown} are not among the labels {list(self.labels)}"
                )
            if not any(weights.get(label, 1) for label in self.labels):
                raise ValueError("train.class_weights: every label weighs 0: nothing to learn from")
        if self.encoder.lora and self.train.reinitialized:
            raise ValueError(
                "train.reinitialized goes without encoder.lora: adapters cannot mend random layers"
            )
        return self

    @model_validator(mode="after")
    def _space_is_sound(self) -> Config:
        if self.tune:
            try:
                check_space(Config, self.model_dump(mode="json", exclude={"tune"}), self.tune)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return self

    def with_labels(self, labels: Sequence[str]) -> Config:
        """Return these settings with the labels that the data turned out to have.

        Raises:
            ConfigError: If they are fewer than two, or a pole is not among them.
        """
        try:
            return Config.model_validate({**self.model_dump(), "labels": tuple(labels)})
        except ValidationError as error:
            faults = "\n".join(explain(Config, fault) for fault in error.errors())
            raise ConfigError(
                f"labels found in {', '.join(map(str, self.data.path))}: {faults}"
            ) from None

    def to_yaml(self) -> str:
        """Return the resolved settings, every default written out, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read and check a configuration.

    Args:
        path: YAML file; None takes every default.
        overrides: `section.key=value` strings that win over the file, values written as in YAML.

    Raises:
        ConfigError: Naming the file, the key, what was found and the nearest right name; all
            faults together.
    """
    return read(Config, path, overrides)
