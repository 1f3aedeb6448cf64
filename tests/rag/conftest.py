"""Tiny models with random weights that ask, read and answer: their output layers lean towards the tokens of answering.

What they write is decided by what they read, but means nothing. Passages are short sentences about made-up towns.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from elinker.rag.splitting import SourceDocument

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.onegen.settings import OneGenSettings
    from elinker.rag.passages import PassageIndex
    from elinker.rag.rag import Rag

KINDS = ("llama", "bert")

TOKENS = [
    {"text": "[RQ]", "role": "RET", "description": "question"},
    {"text": "[RD]", "role": "RET", "description": "document"},
    {"text": "<paragraph>", "role": "CTX", "description": "start of a text"},
    {"text": "</paragraph>", "role": "CTX", "description": "end of a text"},
    {"text": "<FINAL-ANSWER>", "role": "GEN", "description": "start of the name"},
    {"text": "</FINAL-ANSWER>", "role": "GEN", "description": "end of the name"},
]

DOCUMENTS = (
    SourceDocument(
        "d1",
        "Paris",
        "Paris is the capital of France. Steve lives there. He works for Pixar.",
        ((0, 5, "Q90"), (24, 30, "Q142")),
    ),
    SourceDocument("d2", "Apple", "Apple is a text. The former CEO of Apple was Steve.", ((0, 5, "Q312"),)),
    SourceDocument("d3", "Stanford", "His speech at Stanford was watched often."),
    SourceDocument(
        "d4",
        "Washington",
        "The chancellor met the president in Washington, D.C. on 5 June 2009. Angela Merkel was there.",
        ((36, 46, "Q61"),),
    ),
    SourceDocument("d5", "naïve", "naïve café, Zürich, Łódź and 東京. Москва!"),
)


def answering_settings(kind: str, **changes: Any) -> "OneGenSettings":
    from elinker.onegen.settings import OneGenSettings

    begin, end = ("[CLS]", "[SEP]") if kind == "bert" else ("<s>", "</s>")
    values: dict[str, Any] = {
        "tokens": TOKENS,
        "answering": {
            "prompt": begin + "{input}" + (end if kind == "bert" else "\nanswer:"),
            "query": "[RQ]",
            "open": "<paragraph>",
            "close": "</paragraph>",
            "passage": "{title}: {text}",
            "answer_open": "<FINAL-ANSWER>",
            "answer_close": "</FINAL-ANSWER>",
            "end": end,
        },
        "passage": {"template": "{title}. {text}", "token": "[RD]", "max_length": 60},
        "max_length": 256,
    }
    return OneGenSettings.model_validate(values | changes)


def lean(onegen: "OneGen", **by: float) -> "OneGen":
    """Make control tokens likelier: raise their rows of the output layer, or their bias."""
    import torch

    output = onegen.model.get_output_embeddings()
    layout = onegen.answering
    ids = {"query": layout.query, "open": layout.answer_open, "close": layout.answer_close, "end": layout.end}
    with torch.no_grad():
        if output.bias is None:
            output.bias = torch.nn.Parameter(torch.zeros(output.weight.shape[0]))
        for name, amount in by.items():
            output.bias[ids[name]] += amount
    return onegen


LEANING = {"query": 5.0, "open": 5.0, "close": 5.0, "end": 1.0}
"""By how much: so they ask, answer and go on without end, each now and then."""


@pytest.fixture(scope="session")
def settings_of_answering() -> Callable[..., "OneGenSettings"]:
    return answering_settings


@pytest.fixture(scope="session")
def make_answering(fresh: Callable[..., "OneGen"]) -> Callable[..., "OneGen"]:
    """A new model of a kind; `changes` replace keys of the settings."""

    def make(kind: str, *, seed: int = 0, **changes: Any) -> "OneGen":
        return lean(fresh(kind, seed=seed, settings=answering_settings(kind, **changes)), **LEANING)

    return make


@pytest.fixture(scope="session")
def answering(make_answering: Callable[..., "OneGen"]) -> Mapping[str, "OneGen"]:
    """One model a kind, shared: do not change them."""
    import torch

    torch.set_num_threads(1)
    return {kind: make_answering(kind) for kind in KINDS}


@pytest.fixture(scope="session")
def indexes(
    answering: Mapping[str, "OneGen"], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, "PassageIndex"]:
    """The index of `DOCUMENTS` that each model makes: read only."""
    from elinker.rag.indexing import build_index

    directory = tmp_path_factory.mktemp("indexes")
    return {kind: build_index(DOCUMENTS, onegen, directory / kind, size=24) for kind, onegen in answering.items()}


@pytest.fixture(params=KINDS)
def rag(
    request: pytest.FixtureRequest, answering: Mapping[str, "OneGen"], indexes: Mapping[str, "PassageIndex"]
) -> "Rag":
    """A model of each kind in turn with its passages: do not change it."""
    from elinker.rag.rag import Rag
    from elinker.rag.settings import RagSettings

    return Rag(answering[request.param], indexes[request.param], RagSettings(max_tokens=40, max_hops=3))


@pytest.fixture(scope="session")
def documents() -> tuple[SourceDocument, ...]:
    return DOCUMENTS
