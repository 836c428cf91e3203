"""Reads settings: a YAML file and `key=value` overrides to one frozen, checked object.

Relative paths in a configuration are relative to the current directory, as on a command line.
"""

from __future__ import annotations

import copy
import difflib
import logging
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stance.schema import ConfigError

logger = logging.getLogger(__name__)


class Section(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Settings = TypeVar("Settings", bound=Section)


def read(kind: type[Settings], path: str | Path | None, overrides: Sequence[str] = ()) -> Settings:
    """Read and check settings; see `load_config`.

    Args:
        kind: What they are settings of.
        path: YAML file; None takes every default.
        overrides: `section.key=value` strings that win over the file.

    Raises:
        ConfigError: With all faults together.
    """
    where = str(path) if path is not None else "configuration"
    settings = _read_yaml(Path(path)) if path is not None else {}
    return check(kind, settings, overrides, where=where)


def check(
    kind: type[Settings], settings: Mapping[str, Any], overrides: Sequence[str] = (), *, where: str
) -> Settings:
    """Check settings at hand, with overrides as for `read`; messages begin with `where`.

    Raises:
        ConfigError: With all faults together.
    """
    changed = copy.deepcopy(dict(settings))
    for override in overrides:
        _apply(changed, override)
    try:
        return kind.model_validate(changed)
    except ValidationError as error:
        faults = [explain(kind, fault) for fault in error.errors()]
        raise ConfigError(f"{where}: " + f"\n{where}: ".join(faults)) from None


def restore(
    kind: type[Settings], saved: Mapping[str, Any], overrides: Sequence[str] = (), *, where: str
) -> Settings:
    """As `check`, of settings that a saved model carries.

    What this version no longer knows of them is left out with a warning: whoever trained the model
    could not know. An override that it does not know is an error like any other.
    """
    kept: Any = copy.deepcopy(dict(saved))
    try:
        kind.model_validate(kept)
    except ValidationError as error:
        places = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        for *sections, name in places:
            del reduce(getitem, sections, kept)[name]
        if places:
            unknown = ", ".join(".".join(map(str, place)) for place in places)
            logger.warning("%s: saved with settings that are no more: %s", where, unknown)
    return check(kind, kept, overrides, where=where)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(str(p) for p in path.parent.glob("*.yaml"))
        hint = f"; there are: {', '.join(known)}" if known else ""
        raise ConfigError(f"{path}: no such configuration file{hint}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, expected a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, found {type(settings).__name__}")
    return settings


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {override!r}: expected section.key=value")
    *sections, name = key.strip().split(".")
    target = settings
    for section in sections:
        if target.get(section) is None:
            target[section] = {}  # also one that may be null
        target = target[section]
        if not isinstance(target, dict):
            raise ConfigError(f"override {override!r}: {section!r} is a value, not a section")
    try:
        target[name] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"override {override!r}: {value!r} is not a YAML value") from None


def as_override(key: str, value: Any) -> str:
    """Return the `section.key=value` that gives a setting a value."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
    return f"{key}={text.strip().removesuffix('...').strip()}"


def explain(kind: type[BaseModel], fault: Any) -> str:
    """Return what pydantic found wrong as a user would say it."""
    *sections, name = [str(part) for part in fault["loc"]] or [""]
    key = ".".join([*sections, name]) or "the whole file"
    if fault["type"] == "extra_forbidden":
        known = _keys_of(kind, sections)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float):
        return f"{key}: expected text, found {fault['input']!r}; put it in quotes: '...'"
    message = fault["msg"].removeprefix("Value error, ")
    found = "" if not fault["loc"] else f" (found {fault['input']!r})"
    return f"{key}: {message[0].lower()}{message[1:]}{found}"


def _keys_of(kind: type[BaseModel], sections: Sequence[str]) -> list[str]:
    """Return the known keys of a section, or of the top level if the section is not a model."""
    model = kind
    for section in sections:
        annotation = model.model_fields[section].annotation if section in model.model_fields else 0
        kinds = [  # a section that may be null is a union
            one
            for one in (annotation, *get_args(annotation))
            if isinstance(one, type) and issubclass(one, BaseModel)
        ]
        if not kinds:
            break
        model = kinds[0]
    return list(model.model_fields)
