"""onegen.json: what it accepts, and what a mistake in it is answered with."""

import json
from pathlib import Path
from typing import Any

import pytest

from elinker.errors import ModelError
from elinker.onegen.settings import SETTINGS_FILE, OneGenSettings

GOOD: dict[str, Any] = {
    "tokens": [
        {"text": "[LK]", "role": "RET", "description": "link"},
        {"text": "[GO]", "role": "CTX", "description": "go on"},
    ],
    "linking": {"prompt": "{input}:", "open": "<", "close": ">", "query": "[LK]", "forced": "[GO]", "end": "."},
    "document": {"template": "{label}{aliases}. {description}[LK]", "token": "[LK]"},
    "window": 32,
    "max_length": 128,
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """GOOD with one key replaced, added, or (None) removed."""
    settings: dict[str, Any] = json.loads(json.dumps(GOOD))
    *parents, key = path.split(".")
    place = settings
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[key]
    else:
        place[key] = value
    return settings


def test_a_file_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    settings = OneGenSettings.model_validate(GOOD)
    settings.save(tmp_path)
    assert OneGenSettings.load(tmp_path) == settings


def test_a_directory_without_the_file_is_no_onegen_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"onegen\.json is missing"):
        OneGenSettings.load(tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("windows", 3, "windows: Extra inputs"),
        ("linking.openn", "<", r"linking\.openn: Extra inputs"),
        ("window", None, "window is missing"),
        ("window", 0, "window: .*greater than 0"),
        ("schema_version", 2, "schema_version"),
        ("token_types", "upper", "token_types"),
        ("tokens", [{"text": "[LK]", "role": "QUERY", "description": "link"}], r"tokens\.0\.role"),
        ("linking.prompt", "no place for a text", r"linking.*\{input\} exactly once"),
        ("linking.prompt", "{input} and {input}", r"linking.*\{input\} exactly once"),
        ("linking.open", "", r"linking\.open"),
        ("linking.query", "[QQ]", r"linking\.query is '\[QQ\]', which is not among"),
        ("linking.query", "[GO]", r"linking\.query is '\[GO\]', which is not among"),
        ("document.token", "[GO]", "document"),
        ("document.template", "{label}.", "too few times"),
        ("document.skip", 1, "too few times"),
        ("document.template", "[LK]", r"template must hold one of \{label\}"),
        ("document.template", "{label} {type} {description}[LK]", "cannot be filled in.*type"),
        ("document.template", "{label} { {description}[LK]", "cannot be filled in"),
        ("document.template", "{label}[LK]{description}", "too few times"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, path: str, value: Any, message: str) -> None:
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(changed(path, value)), encoding="utf-8")
    with pytest.raises(ModelError, match=message) as caught:
        OneGenSettings.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=SETTINGS_FILE):
        OneGenSettings.load(tmp_path)


def test_a_template_whose_instruction_holds_the_token_skips_it() -> None:
    document = {"template": "Say it at [LK]: {label}[LK]", "token": "[LK]", "skip": 1}
    assert OneGenSettings.model_validate(changed("document", document)).document.parts == (
        "Say it at [LK]: ",
        "{label}",
        "[LK]",
    )
