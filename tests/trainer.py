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

    def run(
        self,
        *arguments: str,
        ranks: int = 1,
        at: str | None = None,
        call: int = 1,
        do: str = "kill",
        on: int = 0,
    ) -> Done:
        """Run `stance` with arguments.

        Args:
            arguments: As on the command line.
            ranks: In how many processes, as torchrun would start them.
            at: A function, `module:name`; before its `call`-th call, something happens.
            call: At which call of it.
            do: What happens: `kill`, `SIGINT` or `SIGTERM` this process; `fail` with a message,
                `break` with a bug, or `full`: files stay small, as on a full disk.
            on: In which of the processes.

        Returns:
            The output of all processes, and the worst of their statuses.
        """
        output = Path("output.txt").resolve()
        output.unlink(missing_ok=True)
        request = [arguments, str(Path.cwd()), str(output), ranks, at, call, do, on]
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
    from torch.distributed import TCPStore

    for line in sys.stdin:
        arguments, folder, output, ranks, at, call, do, on = json.loads(line)
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        children = []
        for rank in range(ranks):
            child = os.fork()
            if child == 0:
                if ranks > 1:
                    os.environ |= _place(rank, ranks, store.port)
                _run(arguments, folder, output, (at, call, do) if rank == on else None)
            children.append(child)
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(max(ends, key=abs), flush=True)


def _place(rank: int, ranks: int, port: int) -> dict[str, str]:
    """Return what torchrun tells a process of its place among the others."""
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    return {
        **{name: str(value) for name, value in places.items()},
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


def _run(
    arguments: Sequence[str], folder: str, output: str, trap: tuple[str | None, int, str] | None
) -> None:
    from stance.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run with `&`
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    if trap is not None and trap[0] is not None:
        _trap(*trap)
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

    from stance.schema import StanceError

    if do == "fail":
        raise StanceError("a fault of this process alone")
    if do == "break":
        raise ZeroDivisionError
    if do == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        return
    number = signal.SIGKILL if do == "kill" else signal.Signals[do]
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    serve()
