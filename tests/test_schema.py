"""Documents: offsets that are checked, JSON that comes back."""

import pickle
from typing import Any

import pytest

from elinker.errors import ElinkerError, InputError, MissingExtraError, UsageError
from elinker.schema import SCHEMA_VERSION, Candidate, Document, Mention

MENTION = Mention(4, 9, "Apple", "Q312", "Apple", 0.75, (Candidate("Q312", "Apple", 0.5),))
DOCUMENT = Document("d", "The Apple 🍎 tree", (MENTION,), {"year": 2026})


def test_a_document_comes_back_from_json() -> None:
    assert Document.from_json(DOCUMENT.to_json()) == DOCUMENT


def test_the_json_names_its_schema() -> None:
    assert DOCUMENT.to_json()["schema"] == SCHEMA_VERSION


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(InputError, match="newer"):
        Document.from_json(DOCUMENT.to_json() | {"schema": SCHEMA_VERSION + 1})


@pytest.mark.parametrize(
    ("start", "end", "text"), [(0, 5, "Apple"), (4, 4, ""), (-4, -1, "tre"), (4, 99, "Apple 🍎 tree")]
)
def test_a_mention_that_is_not_its_text_is_refused(start: int, end: int, text: str) -> None:
    with pytest.raises(InputError):
        Document("d", DOCUMENT.text, (Mention(start, end, text),))


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"mentions": "none"},
        {"mentions": ["Apple"]},
        {"mentions": [{"start": "4", "end": 9, "text": "Apple"}]},
        {"mentions": [{"start": True, "end": 9, "text": "Apple"}]},
        {"mentions": [{"start": 4, "end": 9, "text": "Apple", "candidates": ["Q312"]}]},
        {"mentions": [{"start": 4, "end": 9, "text": "Apple", "candidates": [{"label": "Apple"}]}]},
        {"meta": []},
    ],
)
def test_json_of_the_wrong_shape_is_an_input_error(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Document.from_json(DOCUMENT.to_json() | change)


def test_a_missing_field_is_named() -> None:
    value = DOCUMENT.to_json()
    del value["text"]
    with pytest.raises(InputError, match="'text' is missing"):
        Document.from_json(value)


@pytest.mark.parametrize("error", [UsageError("what", hint="do"), InputError("what"), MissingExtraError("x", "train")])
def test_errors_cross_process_borders(error: ElinkerError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.exit_code) == (type(error), str(error), error.exit_code)
