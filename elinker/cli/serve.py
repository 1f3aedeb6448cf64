"""`elinker serve`: options, loading and messages around the service of `elinker.service`; it answers nothing itself."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elinker.cli.console import err
from elinker.cli.linking_options import LINKING, Base, BatchSize, Device, Model, Pipeline, Preset, Threshold, TopK
from elinker.errors import MissingExtraError, UsageError
from elinker.resources import STARTER, find_pipeline

if TYPE_CHECKING:
    from elinker.linking.linker import Linker

ADDRESS = "Address"
LIMITS = "Limits"

SHORTEST_TOKEN = 16
"""Characters that a bearer token has at least."""

_LOCAL = ("127.0.0.1", "::1", "localhost")


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 is every network.", rich_help_panel=ADDRESS)
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.", rich_help_panel=ADDRESS)] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the bearer token that requests must have.", rich_help_panel=ADDRESS),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Web site whose pages may ask from a browser, such as https://example.org, or *; may be repeated.",
            rich_help_panel=ADDRESS,
            show_default=False,
        ),
    ] = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="A JSON line on stderr for each request.", rich_help_panel=ADDRESS)
    ] = False,
    pipeline: Pipeline = None,
    model: Model = None,
    preset: Preset = None,
    kb: Base = None,
    device: Device = None,
    threshold: Threshold = None,
    top_k: TopK = None,
    batch_size: BatchSize = None,
    rag: Annotated[
        str | None,
        typer.Option(
            help="Answer questions at /rag too: a shipped name such as en_rag, or a folder with rag.json.",
            metavar="NAME|DIR",
            rich_help_panel=LINKING,
        ),
    ] = None,
    max_body: Annotated[int, typer.Option(min=1, help="Bytes of a request's body.", rich_help_panel=LIMITS)] = 4
    * 1024
    * 1024,
    max_text: Annotated[int, typer.Option(min=1, help="Characters of a document.", rich_help_panel=LIMITS)] = 20_000,
    max_documents: Annotated[int, typer.Option(min=1, help="Documents of a request.", rich_help_panel=LIMITS)] = 256,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests that are worked on at the same time.", rich_help_panel=LIMITS)
    ] = 128,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Documents that wait for the model.", rich_help_panel=LIMITS)
    ] = 4_096,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds until a request is answered.", rich_help_panel=LIMITS)
    ] = 60.0,
    batch_characters: Annotated[
        int, typer.Option(min=1, help="Characters that are linked in one go.", rich_help_panel=LIMITS)
    ] = 8_192,
    batch_wait: Annotated[
        float,
        typer.Option(
            min=0.0, max=1000.0, help="Milliseconds that an idle model waits for more.", rich_help_panel=LIMITS
        ),
    ] = 2.0,
) -> None:
    """Answer over HTTP: annotate texts, link given spans, search the knowledge base, answer questions.

    [bold]Examples[/bold]

    elinker serve

    elinker serve --port 9000 --pipeline my-pipeline --log-json

    elinker serve --rag en_rag

    elinker serve --host 0.0.0.0 --token-file token.txt --cors-origin https://example.org

    curl 127.0.0.1:8000/annotate -H 'Content-Type: application/json' -d '{"text": "Messi left Barcelona."}'

    One process with one model: requests that arrive together are linked together. The page at / shows a text with its
    links. Ctrl-C or SIGTERM answers what is running and ends. docs/service.md describes requests, limits and metrics.
    """
    for package, module in (("fastapi", "fastapi"), ("uvicorn", "uvicorn"), ("prometheus-client", "prometheus_client")):
        if find_spec(module) is None:
            raise MissingExtraError(package, "serve")
    from elinker.service.limits import Limits

    limits = Limits(
        body_bytes=max_body,
        text_characters=max_text,
        documents=max_documents,
        requests=max_requests,
        queue=max_queue,
        seconds=timeout,
        batch_characters=batch_characters,
        batch_wait=batch_wait / 1000,
    )
    token = None if token_file is None else _token(token_file)
    for origin in cors_origin or ():
        _check_origin(origin)
    name = pipeline and str(find_pipeline(pipeline))
    if rag is not None:
        from elinker.rag.rag import Rag, find_rag

        find_rag(rag)

    from elinker.service.app import create_app
    from elinker.service.server import address_of, bind, log_to_stderr, run

    log_to_stderr(as_json=log_json)
    bound = bind(host, port)
    options = {
        "model": model,
        "preset": preset,
        "kb": kb,
        "device": device,
        "threshold": threshold,
        "top_k": top_k,
        "batch_size": batch_size,
    }
    say = _log if log_json else _print
    with bound:
        address = address_of(bound)
        say(f"loading {pipeline or model or STARTER}")
        linker = _load(name, options)
        questions = None if rag is None else Rag.load(rag, device=device)
        app = create_app(linker, rag=questions, limits=limits, token=token, cors_origins=cors_origin or ())
        if host not in _LOCAL and token is None:
            say("whoever reaches this machine may ask: there is no --token-file")
        run(app, bound, seconds=timeout, on_ready=lambda: say(f"ready on {address}"))
    say("ended")


def _print(message: str) -> None:
    err.print(message, markup=False)


def _log(message: str) -> None:
    import logging

    logging.getLogger("elinker.service").info(message)


def _load(name: str | None, options: dict[str, Any]) -> "Linker":
    """The linker, warm: the first pass of a model takes much longer than the others."""
    import elinker

    linker = elinker.load(name, **options)
    linker("Ada Lovelace met Charles Babbage in London.")
    return linker


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token cannot be read: {error}") from None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{path} holds no token: at least {SHORTEST_TOKEN} ASCII characters without spaces",
            hint=f"openssl rand -hex 32 > {path}",
        )
    return token


def _check_origin(origin: str) -> None:
    scheme, _, host = origin.partition("://")
    if origin != "*" and (scheme not in ("http", "https") or not host or "/" in host):
        raise UsageError(
            f"--cors-origin {origin!r} is no origin", hint="scheme and host without a path: https://example.org"
        )
