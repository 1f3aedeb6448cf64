"""Tiny OneGen models with random weights and real fast tokenizers, one per architecture, made on the spot.

Their weights are wide enough that what they write is decided by the text: they open and close mentions on their own
(tests/onegen/test_decoding.py checks it), only not where a trained model would.
"""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:  # torch takes seconds to import, and most tests need none of this
    import httpx
    from fastapi import FastAPI

    from elinker.onegen.model import OneGen
    from elinker.onegen.settings import OneGenSettings

hypothesis_settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("untimed")

ARCHITECTURES = ("llama", "qwen2", "mistral", "bert")
VARIANTS = (*ARCHITECTURES, "pieces", "published")
"""`pieces` is the Llama whose markers are plain text of several tokens; so is `published`, which splits texts as the
published entity linking model does."""

WINDOW = 48
MAX_LENGTH = 256

CORPUS = (
    "After the death of Steve, the former CEO of Apple, his commencement speech at Stanford was watched often.",
    "Paris is the capital of France. Dr. Smith lives there; he works for Pixar in New York!",
    "The German chancellor Angela Merkel met president Obama in Washington, D.C. on 5 June 2009.",
    "start of a name end of a name link this name to an entity continue summary of this entity",
    "You are good at mention detection. Please output the original text with annotations.",
    "naïve café, Zürich, Łódź, São Paulo, Москва, Αθήνα, 東京 and 北京",
) * 4


def settings_of(variant: str, **changes: Any) -> "OneGenSettings":
    """Settings for a variant; `changes` replace top-level keys."""
    from elinker.onegen.settings import OneGenSettings

    begin, end = {"bert": ("[CLS]", "[SEP]"), "qwen2": ("", "<|im_end|>")}.get(variant, ("<s>", "</s>"))
    tokens = [
        {"text": "<MENTION>", "role": "GEN", "description": "start of a name"},
        {"text": "</MENTION>", "role": "GEN", "description": "end of a name"},
        {"text": "[LK]", "role": "RET", "description": "link this name to an entity"},
        {"text": "[_CONTINUE_]", "role": "CTX", "description": "continue"},
        {"text": "[SE]", "role": "RET", "description": "summary of this entity"},
    ]
    values: dict[str, Any] = {
        "tokens": tokens[2:] if variant in ("pieces", "published") else tokens,
        "linking": {
            "prompt": begin + "{input}" + (end if variant == "bert" else "\nmention detection:"),
            "begin": " " if variant == "published" else "",
            "open": "<MENTION>",
            "close": "</MENTION>",
            "query": "[LK]",
            "forced": "[_CONTINUE_]",
            "end": end,
        },
        "document": {"template": "{label}{aliases}. {description}[SE]", "token": "[SE]", "max_length": 40},
        "window": WINDOW,
        "max_length": MAX_LENGTH,
        "token_types": "case" if variant == "bert" else "none",
    }
    return OneGenSettings.model_validate(values | changes)


def word_pieces(corpus: Sequence[str]) -> Any:
    """A lower-casing WordPiece tokenizer of the words and characters of a corpus.

    Its vocabulary is put together here: what the library's trainer makes is another one each time.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    normal = [normalizer.normalize_str(text) for text in corpus]
    words = sorted({word for text in normal for word, _ in splitter.pre_tokenize_str(text)})
    characters = sorted({character for word in words for character in word})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters)]
    pieces += [word for word in words if len(word) > 1]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    return tokenizer


@cache
def tokenizer_json(architecture: str) -> str:
    """A tokenizer of the architecture's own kind, trained on the corpus, in the format of tokenizer.json."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    if architecture == "bert":
        tokenizer = word_pieces(CORPUS)
    elif architecture == "qwen2":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        special = ["<|endoftext|>", "<|im_end|>"]
        tokenizer.train_from_iterator(
            CORPUS,
            trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
        )
    else:
        tokenizer = _sentencepiece(split=architecture == "llama")
    return str(tokenizer.to_str())


def _sentencepiece(*, split: bool) -> Any:
    """BPE over `▁`-marked words with a token for every byte, as SentencePiece makes it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    )
    parts = json.loads(tokenizer.to_str())
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [piece for piece in parts["model"]["vocab"] if piece not in special]
    parts["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    parts["model"]["byte_fallback"] = True
    parts["pre_tokenizer"]["prepend_scheme"] = "always" if split else "first"
    parts["pre_tokenizer"]["split"] = split
    return Tokenizer.from_str(json.dumps(parts))


PIECES = """
    ▁▁ ▁t he ▁the ▁o ▁of ve St Ste ▁Ste ▁Steve pp le App ▁App ▁Apple In nc Inc ▁Inc 12 as ed 's 京都 .S -b
    NT ENT MENT IO ION </ ▁< .</ .< ▁( >( ▁' ></ ▁[ ▁[/
"""
"""Pieces of several characters in the order of their rank. As in the vocabulary of Llama 2, some reach over the border
of text and marker."""


def published_tokenizer() -> Any:
    """A tokenizer of Llama 2's kind: SentencePiece's merges over whole texts, and bytes for what it does not know."""
    from transformers import LlamaTokenizer

    known = PIECES.split()
    characters = sorted({character for text in (*CORPUS, *known, '()[]_:"KLRUX') for character in text} - {" ", "é"})
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *known, *characters]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in known
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    return LlamaTokenizer(vocab=vocabulary, merges=merges, add_prefix_space=False, add_bos_token=False)


def make_tokenizer(architecture: str) -> Any:
    """The fast tokenizer of an architecture as transformers wraps it."""
    from tokenizers import Tokenizer

    if architecture == "published":
        return published_tokenizer()
    return wrapped(Tokenizer.from_str(tokenizer_json(architecture)), architecture)


def wrapped(tokenizer: Any, architecture: str) -> Any:
    """A tokenizer with the special tokens of an architecture, as transformers wraps it."""
    from transformers import PreTrainedTokenizerFast

    names = {
        "bert": {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
        "qwen2": {"pad": "<|endoftext|>", "eos": "<|im_end|>"},
    }.get(architecture, {"unk": "<unk>", "bos": "<s>", "eos": "</s>"})
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": text for name, text in names.items()}
    )


def make_model(architecture: str, vocabulary: int, *, seed: int = 0, **changes: Any) -> Any:
    """A causal LM of two layers with seeded random weights; `changes` go to its config."""
    import torch
    import transformers

    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": MAX_LENGTH,
        "initializer_range": 0.4,
    }
    kinds: dict[str, tuple[str, str, dict[str, Any]]] = {
        "llama": ("LlamaConfig", "LlamaForCausalLM", {"num_key_value_heads": 2}),
        "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", {"num_key_value_heads": 2, "tie_word_embeddings": True}),
        "mistral": ("MistralConfig", "MistralForCausalLM", {"num_key_value_heads": 2, "sliding_window": 20}),
        "bert": ("BertConfig", "BertLMHeadModel", {"is_decoder": True, "type_vocab_size": 3}),
    }
    config_name, model_name, own = kinds[architecture]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = getattr(transformers, config_name)(**common | own | changes)
        model = getattr(transformers, model_name)(config)
        if architecture == "bert":
            torch.nn.init.normal_(model.cls.predictions.bias, std=0.5)
    return model


def make_onegen(variant: str, *, seed: int = 0, settings: "OneGenSettings | None" = None, **changes: Any) -> "OneGen":
    """A fresh model of a variant; `changes` go to the model's config."""
    from elinker.onegen.model import OneGen

    tokenizer = make_tokenizer("llama" if variant == "pieces" else variant)
    architecture = "llama" if variant in ("pieces", "published") else variant
    model = make_model(architecture, len(tokenizer), seed=seed, **changes)
    return OneGen(model, tokenizer, settings or settings_of(variant))


def save_published(directory: Path, **changes: Any) -> Path:
    """Write the files of a published checkpoint with random weights: the tokens are added, there is no onegen.json.

    `changes` go to the model's config; `hidden_size=4096, head_dim=8` makes one that is as wide as the true one.
    """
    import torch

    tokenizer = published_tokenizer()
    tokenizer.add_tokens(["[_CONTINUE_]", "[SE]", "[LK]"], special_tokens=True)
    wide = {"max_position_embeddings": 2048, "num_hidden_layers": 1, "initializer_range": 0.4}
    model = make_model("llama", len(tokenizer), **wide | changes)
    model.to(torch.bfloat16).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def onegens() -> "Mapping[str, OneGen]":
    """One model per variant, shared by all tests: do not change them."""
    import torch

    torch.set_num_threads(1)  # models this small only lose by threads
    return {variant: make_onegen(variant) for variant in VARIANTS}


@pytest.fixture(params=VARIANTS)
def onegen(request: pytest.FixtureRequest, onegens: "Mapping[str, OneGen]") -> "OneGen":
    """Each variant in turn, shared: do not change it."""
    return onegens[request.param]


@pytest.fixture(scope="session")
def fresh() -> "Callable[..., OneGen]":
    """`make_onegen`, for tests that change a model."""
    return make_onegen


@pytest.fixture(scope="session")
def settings_for() -> "Callable[..., OneGenSettings]":
    """`settings_of`."""
    return settings_of


@pytest.fixture(scope="session")
def tokenizer_for() -> Callable[[str], Any]:
    """`make_tokenizer`."""
    return make_tokenizer


@pytest.fixture(scope="session")
def word_piece_tokenizer() -> Callable[[Sequence[str]], Any]:
    """BERT's kind of tokenizer of the words of a corpus, always the same."""
    return lambda corpus: wrapped(word_pieces(corpus), "bert")


@pytest.fixture(scope="session")
def make_published() -> Callable[..., Path]:
    """`save_published`."""
    return save_published


@pytest.fixture(scope="session")
def bert_directory(tmp_path_factory: pytest.TempPathFactory, onegens: "Mapping[str, OneGen]") -> Path:
    """The saved BERT model: read only."""
    directory = tmp_path_factory.mktemp("bert")
    onegens["bert"].save_pretrained(directory)
    return directory


@pytest.fixture
def asking() -> "Callable[[FastAPI, Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]], Any]":
    """`asking(app, talk)`: runs `talk(client)` in an event loop with the application on it."""

    import asyncio

    import httpx

    def run(app: "FastAPI", talk: "Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]") -> Any:
        async def talking() -> Any:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://service") as client,
            ):
                return await talk(client)

        return asyncio.run(talking())

    return run
