"""`elinker serve` as a person meets it: what is refused before loading, and a service from its start to its end."""

import inspect
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from elinker.cli.serve import serve
from elinker.errors import ElinkerError, MissingExtraError

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

ROOT = Path(__file__).parent.parent.parent
APP = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
APP.command()(serve)
TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pipeline", "nowhere"], "no pipeline 'nowhere'"),
        (["--token-file", "missing"], "the token cannot be read"),
        (["--token-file", "short.txt"], "holds no token"),
        (["--token-file", "odd.txt"], "holds no token"),
        (["--cors-origin", "example.org"], "is no origin"),
        (["--cors-origin", "https://example.org/page"], "is no origin"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1:8000"),
        (["--max-documents", "10", "--max-queue", "5"], "a queue of 5"),
    ],
)
def test_what_cannot_work_is_refused_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("elinker.load", lambda *_, **__: pytest.fail("a model was loaded"))
    Path("short.txt").write_text("secret")
    Path("odd.txt").write_text("a secret of two lines\nand umläuts")
    result = CliRunner().invoke(APP, arguments)
    assert isinstance(result.exception, ElinkerError)
    assert message in str(result.exception)
    assert result.exception.exit_code == 2


def test_the_limits_of_the_command_are_those_of_the_service() -> None:
    from elinker.service.limits import Limits

    names = {
        "max_body": "body_bytes",
        "max_text": "text_characters",
        "max_documents": "documents",
        "max_requests": "requests",
        "max_queue": "queue",
        "timeout": "seconds",
        "batch_characters": "batch_characters",
    }
    options = inspect.signature(serve).parameters
    assert {name: options[name].default for name in names} == {
        name: getattr(Limits(), limit) for name, limit in names.items()
    }
    assert options["batch_wait"].default / 1000 == Limits().batch_wait


def test_a_port_that_is_taken_is_told_before_a_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elinker.load", lambda *_, **__: pytest.fail("a model was loaded"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(APP, ["--port", str(taken.getsockname()[1])])
    assert "Address already in use" in str(result.exception)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = PathFinder.find_spec
    monkeypatch.setattr(PathFinder, "find_spec", lambda name, *rest: None if name == "uvicorn" else found(name, *rest))
    monkeypatch.delitem(sys.modules, "uvicorn", raising=False)
    result = CliRunner().invoke(APP, [])
    assert isinstance(result.exception, MissingExtraError)
    assert "elinker[serve]" in str(result.exception)


@pytest.fixture(scope="module")
def pipeline(linker: "Linker", tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pipeline") / "tiny"
    linker.save(directory)
    return directory


@contextmanager
def running(*arguments: str | Path) -> Iterator[tuple[Any, str, list[str]]]:
    """A service in a process of its own: the process, its address, and what it said before it was ready."""
    command = [sys.executable, "-m", "elinker", "serve", "--port", "0", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stderr is not None
            said: list[str] = []
            for line in process.stderr:
                said.append(line)
                if address := re.search(r"ready on (http://[\d.:]+)", line):
                    yield process, address[1], said
                    break
            else:
                pytest.fail("".join(said))
        finally:
            process.kill()


def test_a_service_from_start_to_end(pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(TOKEN + "\n")
    options = ("--pipeline", pipeline, "--token-file", tmp_path / "token.txt", "--log-json", "--batch-characters", "1")
    with running(*options) as (process, address, said), httpx.Client(base_url=address, timeout=60) as client:
        assert all(json.loads(line)["level"] == "info" for line in said)
        assert client.get("/health").status_code == 200
        assert client.get("/version").status_code == 401
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        body = {"documents": ["Apple in Stanford"] * 100}
        with client.stream("POST", "/annotate", json=body, headers={"Accept": "application/x-ndjson"}) as answer:
            lines = answer.iter_lines()
            first = json.loads(next(lines))
            process.send_signal(signal.SIGTERM)
            rest = [json.loads(line) for line in lines]
        assert [first["id"], *(line["id"] for line in rest)] == [str(number) for number in range(100)]
        assert process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            client.get("/health")
        log = [json.loads(line) for line in process.stderr]
    assert [line["status"] for line in log if line["event"] == "request"] == [200, 401, 200]
    assert log[-1]["event"] == "ended"


def test_ctrl_c_ends_a_quiet_service_in_order(linker: "Linker", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elinker.load", lambda *_, **__: linker)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    named: list[dict[str, Any]] = []

    def ask_and_interrupt() -> None:
        with httpx.Client(timeout=60) as client:
            while not named:
                with suppress(httpx.ConnectError):
                    named.extend(client.get(f"{address}/search", params={"text": "Apple"}).json()["named"])
        os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as aside:
        asking = aside.submit(ask_and_interrupt)
        result = CliRunner().invoke(APP, ["--port", str(port)])
        asking.result(60)
    assert [entity["id"] for entity in named] == ["Q312", "Q89"]
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"loading en_starter\nready on {address}\nended\n"
