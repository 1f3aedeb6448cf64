import json
from pathlib import Path
from typing import Any

import pytest

from elinker.errors import KnowledgeBaseError
from elinker.kb import KnowledgeBase, Manifest


def change(base: KnowledgeBase, **keys: Any) -> None:
    path = base.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_a_manifest_reads_back_as_it_was_written(base: KnowledgeBase, tmp_path: Path) -> None:
    base.manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == base.manifest


@pytest.mark.parametrize("name", ["../index.faiss", "/etc/passwd", "..", "", "sub/index.faiss", "a\\b", "C:x"])
def test_a_file_name_that_leaves_the_directory_is_refused(base: KnowledgeBase, name: str) -> None:
    files = [record.model_dump() for record in base.manifest.files]
    files[1]["name"] = name
    change(base, files=files)
    with pytest.raises(KnowledgeBaseError, match="not a plain file name"):
        KnowledgeBase.open(base.path)


def test_a_file_that_is_none_of_the_format_is_refused(base: KnowledgeBase) -> None:
    files = [record.model_dump() for record in base.manifest.files]
    change(base, files=[*files, files[0] | {"name": "code.py"}])
    with pytest.raises(KnowledgeBaseError, match=r"code\.py"):
        KnowledgeBase.open(base.path)


def test_a_manifest_that_leaves_a_file_out_is_refused(base: KnowledgeBase) -> None:
    change(base, files=[record.model_dump() for record in base.manifest.files[1:]])
    with pytest.raises(KnowledgeBaseError, match=r"files: .*must list each"):
        KnowledgeBase.open(base.path)


def test_an_unknown_key_is_refused_by_name(base: KnowledgeBase) -> None:
    change(base, licence="CC0")
    with pytest.raises(KnowledgeBaseError, match="licence"):
        KnowledgeBase.open(base.path)


def test_a_newer_format_asks_for_an_update(base: KnowledgeBase) -> None:
    change(base, schema_version=3, novelty=True)
    with pytest.raises(KnowledgeBaseError, match="format 3") as caught:
        KnowledgeBase.open(base.path)
    assert caught.value.hint == "update elinker"


def test_a_base_of_the_first_format_still_opens(base: KnowledgeBase) -> None:
    path = base.path / "manifest.json"
    old = {key: value for key, value in json.loads(path.read_text()).items() if key != "search"}
    path.write_text(json.dumps(old | {"schema_version": 1}))
    assert list(KnowledgeBase.open(base.path).entities()) == list(base.entities())


def test_a_manifest_that_promises_another_kind_of_index_than_its_files_is_refused(base: KnowledgeBase) -> None:
    change(base, index_factory="HNSW32")
    with pytest.raises(KnowledgeBaseError, match=r"HNSW32 needs search settings and vectors\.npy"):
        KnowledgeBase.open(base.path)


def test_broken_json_is_one_error_with_the_path(base: KnowledgeBase) -> None:
    (base.path / "manifest.json").write_text("{")
    with pytest.raises(KnowledgeBaseError, match=r"manifest\.json cannot be read"):
        KnowledgeBase.open(base.path)


def test_a_web_address_quotes_the_id(base: KnowledgeBase) -> None:
    assert base.url("Q1") == "https://www.wikidata.org/wiki/Q1"
    assert base.url("a/b?c&d") == "https://www.wikidata.org/wiki/a%2Fb%3Fc%26d"


def test_a_template_that_could_run_code_is_refused(base: KnowledgeBase) -> None:
    change(base, url_template="javascript:alert('{id}')")
    with pytest.raises(KnowledgeBaseError, match="url_template"):
        KnowledgeBase.open(base.path)
