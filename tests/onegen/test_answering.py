"""Settings of models that answer questions: what they accept, what they may lack, and what is said of a mistake."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from elinker.errors import ModelError
from elinker.onegen.settings import OneGenSettings

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen

GOOD: dict[str, Any] = {
    "tokens": [
        {"text": "[RQ]", "role": "RET", "description": "question"},
        {"text": "[RD]", "role": "RET", "description": "document"},
        {"text": "<paragraph>", "role": "CTX", "description": "start of a text"},
        {"text": "</paragraph>", "role": "CTX", "description": "end of a text"},
        {"text": "[[1]]", "role": "GEN", "description": "first text"},
    ],
    "answering": {
        "prompt": "<s>{input}\n",
        "query": "[RQ]",
        "open": "<paragraph>",
        "close": "</paragraph>",
        "answer_open": "<ANSWER>",
        "answer_close": "</ANSWER>",
        "end": "</s>",
    },
    "passage": {"template": "{title}. {text}", "token": "[RD]", "max_length": 30},
    "max_length": 128,
}


def changed(**keys: Any) -> dict[str, Any]:
    """GOOD with keys replaced, `part__key` inside a part; None removes."""
    values: dict[str, Any] = json.loads(json.dumps(GOOD))
    for name, value in keys.items():
        part, _, key = name.partition("__")
        place, last = (values[part], key) if key else (values, part)
        place[last] = value
        if value is None:
            del place[last]
    return values


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"answering": None}, "answering is missing: answering, passage belong together"),
        ({"passage": None}, "passage is missing"),
        ({"answering": None, "passage": None}, "linking, document and window are missing, or answering and passage"),
        ({"window": 48}, "linking is missing: linking, document, window belong together"),
        ({"answering__prompt": "no place"}, r"prompt must hold \{input\} exactly once"),
        ({"answering__passage": "{title}"}, r"passage must hold \{text\} exactly once"),
        ({"answering__answer_close": ""}, "answer_open and answer_close must both be there"),
        ({"answering__query": "[[1]]"}, r"answering\.query is .* not among the tokens with role RET"),
        ({"passage__token": "[SE]"}, r"passage\.token is .* not among the tokens with role RET"),
        ({"passage__template": "{text} {title}"}, r"template must end in \{text\}"),
        ({"passage__unit": "word"}, "sentence"),
        ({"answering__reflection": {"retrieve": "[R]", "no_retrieve": "[R]", "relevant": "[R]", "irrelevant": "[R]",
          "support": ["[R]"] * 3, "utility": ["[R]"] * 5}}, "answering.reflection names .* not among the tokens"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OneGenSettings.model_validate(changed(**keys))


@pytest.fixture
def onegen(fresh: Callable[..., "OneGen"]) -> "OneGen":
    return fresh("llama", settings=OneGenSettings.model_validate(GOOD))


def test_a_model_may_answer_only_and_says_that_it_does_not_link(onegen: "OneGen") -> None:
    for use in (lambda: onegen.layout, lambda: onegen.fingerprint, lambda: onegen.annotate(["Paris"])):
        with pytest.raises(ModelError, match="does not link entities"):
            use()


def test_a_model_that_links_only_says_that_it_answers_no_questions(fresh: Callable[..., "OneGen"]) -> None:
    linking = fresh("llama")
    for use in (lambda: linking.answering, lambda: linking.passage_fingerprint, lambda: linking.encode_passages([])):
        with pytest.raises(ModelError, match="answers no questions"):
            use()


def test_a_model_may_do_both(fresh: Callable[..., "OneGen"], settings_for: Callable[..., OneGenSettings]) -> None:
    linking = settings_for("llama").model_dump()
    both = linking | {"answering": GOOD["answering"], "passage": GOOD["passage"]}
    both["tokens"] = [*linking["tokens"], *GOOD["tokens"]]
    onegen = fresh("llama", settings=OneGenSettings.model_validate(both))
    assert onegen.layout.query != onegen.answering.query
    assert onegen.layout.open[0] in onegen.answering.forbidden
    assert onegen.fingerprint != onegen.passage_fingerprint


def test_tokens_that_a_model_says_are_neither_structure_nor_forbidden(onegen: "OneGen") -> None:
    layout = onegen.answering
    said = onegen.tokenizer.convert_tokens_to_ids("[[1]]")
    assert said not in layout.structure | layout.forbidden
    assert {layout.query, layout.end} <= layout.structure
    assert {layout.document_token, *layout.context("", "")[:1]} <= layout.forbidden


@pytest.mark.parametrize(
    ("keys", "message"),
    [({"answering__end": "the end"}, "'the end' of the settings is not in"), ({"max_length": 5}, "max_length")],
)
def test_settings_that_do_not_fit_the_tokenizer_or_the_model_are_refused(
    fresh: Callable[..., "OneGen"], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fresh("llama", settings=OneGenSettings.model_validate(changed(**keys)))


def test_a_long_passage_is_cut_and_its_last_sentences_have_no_vector(onegen: "OneGen") -> None:
    text = "Steve is here. " * 20
    spans = [(15 * number, 15 * number + 14) for number in range(20)]
    sequence = onegen.answering.document("title", text, spans)
    assert 0 < len(sequence.retrieval) < 20
    assert len(sequence) <= onegen.settings.max_length
    (vectors,) = onegen.encode_passages([("title", text, spans)])
    assert vectors.shape == (len(sequence.retrieval), onegen.dim)
