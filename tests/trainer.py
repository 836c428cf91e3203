"""Runs `stance` in processes that are killed at an exact point, and import torch only once.

A server imports everything once; each run is a fork of it. Run as a program, this file is the
server: it reads a JSON line for each run and answers with the run's exit status.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """A run that has ended: its exit status, minus the signal if one ended it, and its output."""

    status: int
    output: str


class Server:
    """Runs commands one after another, in the current folder."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *arguments: str, at: str | None = None, call: int = 1, do: str = "kill") -> Done:
        """Run `stance` with arguments.

        Args:
            arguments: As on the command line.
            at: A function, `module:name`; before its `call`-th call, something happens.
            call: At which call of it.
            do: What happens: `kill`, `SIGINT` or `SIGTERM` this process, or `full`: no more is
                written to any file than it has room for, as on a full disk.
        """
        output = Path("output.txt").resolve()
        request = [arguments, str(Path.cwd()), str(output), at, call, do]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Done(status, output.read_text(encoding="utf-8"))


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, and end it with the block."""
    command = [sys.executable, str(Path(__file__))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Answer requests until there are no more."""
    for module in ("datasets", "mlflow", "sklearn.metrics", "stance.encoder", "stance.training"):
        import_module(module)
    for line in sys.stdin:
        arguments, folder, output, at, call, do = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(arguments, folder, output, at, call, do)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(
    arguments: Sequence[str], folder: str, output: str, at: str | None, call: int, do: str
) -> None:
    from stance.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run with `&`
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    if at is not None:
        _trap(at, call, do)
    sys.argv = ["stance", *arguments]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(int(end.code or 0))
    os._exit(0)


def _trap(at: str, call: int, do: str) -> None:
    """Make something happen just before a call of a function."""
    where, _, name = at.partition(":")
    *owners, last = name.split(".")
    owner = import_module(where)
    for each in owners:
        owner = getattr(owner, each)
    function: Callable[..., Any] = getattr(owner, last)
    calls = 0

    def trapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            _happen(do)
        return function(*arguments, **options)

    setattr(owner, last, trapped)


def _happen(do: str) -> None:
    import resource

    if do == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        return
    number = signal.SIGKILL if do == "kill" else signal.Signals[do]
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    serve()
