"""A process that reads what strangers wrote, so that a file made to harm costs a message.

Libraries that parse pages and PDFs have no bounds of their own. They run in one process beside
this one, which is killed when it takes too long and cannot allocate more than its share; the next
file starts another. It also leaves their memory and their log lines out of this process.

A message is a JSON header and a body of bytes, each preceded by its length.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from stance.schema import DependencyError, DocumentError

MEMORY = 2 * 2**30
"""Bytes of address space that reading one document may take (not limited on Windows)."""

_LENGTHS = struct.Struct(">II")
_ERRORS = {error.__name__: error for error in (DocumentError, DependencyError)}


class _Worker:
    """The process as its owner sees it."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        # -P: a folder of articles may hold a json.py
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stance.article.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.owner = os.getpid()

    def ask(self, header: dict[str, Any], body: bytes, seconds: float) -> tuple[Any, bytes]:
        """Send a request and wait for the answer.

        Raises:
            TimeoutError: If it took longer than `seconds`.
            EOFError: If the process died.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            _send(self.process.stdin, header, body)
            return _receive(self.process.stdout)
        except (EOFError, OSError):
            if late.is_set():
                raise TimeoutError from None
            raise EOFError from None
        finally:
            timer.cancel()

    def close(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        self.process.wait()


_worker: _Worker | None = None
_lock = threading.Lock()


def call(header: dict[str, Any], body: bytes = b"", *, seconds: float) -> tuple[Any, bytes]:
    """Have a request answered by the process, within bounds.

    Args:
        header: `do` names the request (see `_answer`), the rest are its arguments.
        body: Bytes that go with it.
        seconds: How long it may take, at most.

    Returns:
        Header and body of the answer.

    Raises:
        DocumentError: If the request fails, takes too long, or takes too much memory.
        DependencyError: If it needs a library that is not installed.
    """
    global _worker
    with _lock:
        # A child after a fork must not share its parent's pipes.
        if _worker is None or _worker.owner != os.getpid():
            _worker = _Worker()
        try:
            answer, content = _worker.ask(header, body, seconds)
        except BaseException as error:
            close()
            if isinstance(error, TimeoutError):
                raise DocumentError(
                    f"took longer than {seconds:g} s to read, which no article does; "
                    f"save its text as a file"
                ) from None
            if isinstance(error, EOFError):
                raise DocumentError("reading it failed (the process that read it died)") from None
            raise
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["message"])
    return answer, content


def close() -> None:
    """End the process, if there is one of ours."""
    global _worker
    if _worker is not None and _worker.owner == os.getpid():
        _worker.close()
    _worker = None


atexit.register(close)


def _send(stream: IO[bytes], header: dict[str, Any], body: bytes) -> None:
    encoded = json.dumps(header).encode("ascii")
    stream.write(_LENGTHS.pack(len(encoded), len(body)))
    stream.write(encoded)
    stream.write(body)
    stream.flush()


def _receive(stream: IO[bytes]) -> tuple[Any, bytes]:
    header, body = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    return json.loads(_exactly(stream, header)), _exactly(stream, body)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _extract(format: str, charset: str | None, content: bytes) -> tuple[dict[str, Any], bytes]:
    from dataclasses import asdict

    from stance.article.formats import extract

    return asdict(extract(format, content, charset)), b""


def _fetch(url: str, allow_private: bool, seconds: float, _: bytes) -> tuple[dict[str, Any], bytes]:
    from stance.article.fetch import fetch

    page = fetch(url, allow_private=allow_private, seconds=seconds)
    return {"url": page.url, "type": page.type, "charset": page.charset}, page.content


_REQUESTS: dict[str, Callable[..., tuple[dict[str, Any], bytes]]] = {
    "extract": _extract,
    "fetch": _fetch,
}


def _answer(header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        return _REQUESTS[header.pop("do")](*header.values(), body)
    except (DocumentError, DependencyError) as error:
        return {"error": type(error).__name__, "message": str(error)}, b""
    except MemoryError:
        message = f"needs more than {MEMORY / 2**30:g} GB of memory to read, which no article does"
        return {"error": "DocumentError", "message": message}, b""


def main() -> None:
    """Answer requests on standard input until it ends."""
    import logging

    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    logging.disable()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into an answer
    while True:
        try:
            header, body = _receive(sys.stdin.buffer)
        except EOFError:
            return
        _send(answers, *_answer(header, body))


if __name__ == "__main__":
    main()
