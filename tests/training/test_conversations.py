"""Conversations and documents as sequences: tokens with roles, vectors of documents by id."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker.errors import ConfigError, InputError
from elinker.labelled.conversations import Conversation, Segment
from elinker.labelled.conversations import Role as Kind
from elinker.onegen.layout import Layout
from elinker.onegen.settings import Role
from elinker.training.anchors import anchors_of
from elinker.training.config import Config, ConversationConfig
from elinker.training.conversations import Dialect
from elinker.training.documents import DocumentBank

TOKENS = ConversationConfig(query="[LK]", document="[SE]")


@pytest.fixture
def dialect(layout: Layout) -> Dialect:
    return Dialect(TOKENS, layout.tokenizer)


def asked() -> Conversation:
    return Conversation(
        "c",
        (
            Segment("who came [LK]? ", Kind.CTX),
            Segment("said again ", Kind.GEN),
            Segment("[LK]", Kind.RET, ("1-1", "2"), ("1-0",)),
            Segment("<paragraph>Paris</paragraph>", Kind.CTX),
            Segment(" today", Kind.GEN),
            Segment("[LK]", Kind.RET),
        ),
    )


def words(layout: Layout, text: str) -> list[int]:
    return list(layout.tokenizer.encode(text, add_special_tokens=False))


def test_questions_are_read_answers_written_query_tokens_retrieve_and_paragraphs_are_read(
    dialect: Dialect, layout: Layout
) -> None:
    sequence = dialect.sequence(asked(), 100)
    expected = [
        ("who came [LK]? ", Role.CTX),
        ("said again", Role.GEN),
        ("[LK]", Role.RET),
        ("<paragraph>Paris</paragraph>", Role.CTX),
        ("today", Role.GEN),
        ("[LK]", Role.RET),
    ]
    pieces = [(token, role) for text, role in expected for token in words(layout, text)]
    assert list(zip(sequence.ids, sequence.roles, strict=True)) == pieces
    assert [sequence.ids[position] for position in sequence.retrieval] == [layout.query, layout.query]


def test_of_several_positives_one_is_drawn_and_all_are_right(dialect: Dialect) -> None:
    examples = [dialect.example(asked(), 100, random.Random(seed)) for seed in range(20)]
    assert {example.entities for example in examples} == {("1-1", None), ("2", None)}
    assert examples[0].alternatives == (("1-1", "2"), ())
    assert examples[0].negatives == (("1-0",), ())


def test_a_cut_takes_query_tokens_and_their_ids_along(dialect: Dialect) -> None:
    whole = dialect.sequence(asked(), 100)
    cut = dialect.example(asked(), whole.retrieval[1], random.Random(0))
    assert len(cut.sequence) == whole.retrieval[1]
    assert (len(cut.sequence.retrieval), len(cut.entities), len(cut.negatives)) == (1, 1, 1)


def documents(tmp_path: Path, *contents: tuple[str, str]) -> Path:
    path = tmp_path / "db.jsonl"
    lines = [
        {"uid": uid, "messages": [{"role": "user", "content": "in [SE]"}, {"role": "assistant", "content": content}]}
        for uid, content in contents
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_a_document_has_a_vector_at_each_of_its_document_tokens(dialect: Dialect, tmp_path: Path) -> None:
    passages = dialect.read_documents(documents(tmp_path, ("1", "Paris[SE] Oslo[SE]"), ("2", "France[SE]")))
    bank = DocumentBank.of_passages(passages, dialect, 100)
    assert bank.row_of == {"1": 0, "1-0": 0, "1-1": 1, "2": 2, "2-0": 2}
    assert len(bank) == 3
    assert [number for number, _ in bank.places] == [0, 0, 1]
    example = dialect.example(asked(), 100, random.Random(0))
    anchor, unanswered = anchors_of([example], bank.row_of, bank.knows, 0, random.Random(0))
    assert (anchor.right, anchor.negatives) == ({1, 2}, (0,))
    assert unanswered.positive is None


def test_a_document_whose_tokens_are_cut_off_is_an_error_that_names_it(dialect: Dialect, tmp_path: Path) -> None:
    passages = dialect.read_documents(documents(tmp_path, ("d7", "Paris again and again[SE]")))
    with pytest.raises(InputError, match=r"'d7'.* within 3 tokens"):
        DocumentBank.of_passages(passages, dialect, 3)


def test_an_id_that_comes_twice_is_an_error(dialect: Dialect, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"db\.jsonl: uid '1' comes more than once"):
        dialect.read_documents(documents(tmp_path, ("1", "Paris[SE]"), ("1", "Oslo[SE]")))


def test_a_token_that_the_vocabulary_lacks_is_an_error_that_names_the_key(layout: Layout) -> None:
    with pytest.raises(ConfigError, match=r"conversation\.query.*'\[RQ\]'"):
        Dialect(ConversationConfig(query="[RQ]", document="[SE]"), layout.tokenizer)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conversation": {"query": "[XX]", "document": "[SE]"}}, r"conversation\.query is not among"),
        ({"early_stopping": {}}, "early_stopping.*conversations has none"),
    ],
)
def test_a_training_on_conversations_is_checked(
    changes: dict[str, Any], said: str, configure: Callable[..., Config]
) -> None:
    plain: dict[str, Any] = {"entities": None, "documents": "db.jsonl", "join": 0.0, "lower": 0.0, "upper": 0.0}
    tokens = {"conversation": {"query": "[LK]", "document": "[SE]"}}
    configure(data=plain, **tokens)
    with pytest.raises(ValueError, match=r"(?s)" + said):
        configure(**({"data": plain} | tokens | changes))
