"""The house: a module imports only from floors below its own, and heavy libraries have one door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

FLOORS = (
    ("schema",),
    (
        "config",
        "article",
        "metrics",
        "confidence",
        "artifact",
        "actors",
        "processes",
        "spelling",
    ),
    (
        "bulk",
        "cache",
        "calibration",
        "corpus",
        "tracking",
        "encoder",
        "runtime",
        "report",
        "aggregate",
        "workspace",
        "evidence",
        "speakers",
        "dossier",
        "page",
    ),
    ("attribution", "models", "voices"),
    ("baselines", "examples", "export", "prediction"),
    ("behaviour", "distillation"),
    ("promotion",),
    ("training", "pretraining", "evaluation", "suspects", "annotation"),
    ("classifier", "seeds", "tuning"),
    ("cli", "mlflow_model", "__init__"),
    ("__main__",),
)
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}

DOORS = {
    "torch": {"encoder"},
    "transformers": {"encoder"},
    "peft": {"encoder"},
    "captum": {"encoder"},
    "mlflow": {"tracking", "mlflow_model"},
    "onnxruntime": {"runtime"},
    "tokenizers": {"encoder", "runtime"},
    "pyarrow": {"bulk", "corpus"},
    "pydantic": {"config"},
    "yaml": {"config", "dossier"},
    "sentencex": {"article"},
    "py3langid": {"article"},
    "markdown_it": {"article"},
    "trafilatura": {"article"},
    "lxml": {"article"},
    "urllib3": {"article"},
    "pypdf": {"article"},
    "defusedxml": {"article"},
    "typer": {"cli"},
    "matplotlib": {"report"},
    "optuna": {"tuning"},
}

FILES = sorted((ROOT / "stance").rglob("*.py"))


def module_of(path: Path) -> str:
    return path.relative_to(ROOT / "stance").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports anywhere, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = module_of(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        there = rest.split(".")[0]
        if top == "stance" and there in FLOOR and there != here:
            assert FLOOR[there] < FLOOR[here], f"{here} must not import {there}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_come_through_their_door(path: Path) -> None:
    for name in imports(path):
        library = name.split(".")[0]
        if library in DOORS:
            assert module_of(path) in DOORS[library], f"{module_of(path)} imports {library}"


def test_every_module_has_a_floor() -> None:
    assert {module_of(path) for path in FILES} == set(FLOOR)


def test_the_design_tells_of_every_module_and_its_floor() -> None:
    design = (ROOT / "docs/DESIGN.md").read_text(encoding="utf-8")
    told = {
        module: int(floor)
        for floor, names in re.findall(r"^\| (\d+) \| (.*?) \|", design, re.MULTILINE)
        for module in re.findall(r"`(\w+)/?`", names)
    }
    assert told == {module: floor for module, floor in FLOOR.items() if module != "__main__"}


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


HEAVY = {
    "torch",
    "optuna",
    "transformers",
    "datasets",
    "mlflow",
    "sklearn",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import stance") & (HEAVY | {"numpy", "onnxruntime", "typer"})


def test_scoring_loads_no_training_stack(model_folder: Path) -> None:
    code = f"import stance; stance.load({str(model_folder)!r}).score_article('We met. We left.')"
    assert not loaded_by(code) & HEAVY


def test_help_loads_nothing_heavy() -> None:
    code = "import stance.cli, typer; typer.main.get_command(stance.cli.app)"
    assert not loaded_by(code) & (HEAVY | {"numpy", "onnxruntime"})


def test_public_names_all_resolve() -> None:
    import stance

    assert all(getattr(stance, name) is not None for name in stance.__all__)
    assert set(stance.__all__) == set(stance._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        stance.nope  # noqa: B018
