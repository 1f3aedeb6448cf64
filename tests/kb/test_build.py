from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elinker.errors import InputError, KnowledgeBaseError, ModelError, UsageError
from elinker.kb import EntityFile, KnowledgeBase, add, build
from elinker.schema import Entity

NEW = Entity("Q2766", "iPhone", ("Apple phone",), "smartphone", ("product",))


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_building_twice_gives_the_same_files(tmp_path: Path, encoder: Any, entities: tuple[Entity, ...]) -> None:
    first, second = (build(entities, encoder, tmp_path / name) for name in ("first", "second"))
    assert first.manifest.files == second.manifest.files


def test_progress_tells_of_each_entity_read_and_encoded(
    tmp_path: Path, encoder: Any, entities: tuple[Entity, ...]
) -> None:
    heard: list[tuple[str, int, int | None]] = []
    build(entities, encoder, tmp_path / "base", progress=lambda *news: heard.append(news))
    assert heard == [("reading", 1, None)] * 5 + [("encoding", 1, 5)] * 5


def test_an_existing_base_is_replaced_only_when_asked(base: KnowledgeBase, encoder: Any) -> None:
    with pytest.raises(UsageError, match="exists"):
        build([NEW], encoder, base.path)
    assert list(build([NEW], encoder, base.path, overwrite=True).entities()) == [NEW]


def test_a_directory_of_something_else_is_never_replaced(tmp_path: Path, encoder: Any) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="not a knowledge base"):
        build([NEW], encoder, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_files_that_are_not_of_the_base_survive_a_rebuild(base: KnowledgeBase, encoder: Any) -> None:
    (base.path / "README.md").write_text("datasheet")
    (base.path / "notes").mkdir()
    (base.path / "notes" / "a.txt").write_text("note")
    rebuilt = build([NEW], encoder, base.path, overwrite=True)
    assert (rebuilt.path / "README.md").read_text() == "datasheet"
    assert (rebuilt.path / "notes" / "a.txt").read_text() == "note"


def test_an_empty_directory_may_become_a_base(tmp_path: Path, encoder: Any) -> None:
    (tmp_path / "base").mkdir()
    assert len(build([NEW], encoder, tmp_path / "base")) == 1


def test_a_crash_while_encoding_leaves_the_old_base_and_no_debris(base: KnowledgeBase, encoder: Any) -> None:
    before = contents(base.path)

    class Crashing(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts: Any, **options: Any) -> Any:
            raise KeyboardInterrupt

    for make in (
        lambda: build([NEW], Crashing(), base.path, overwrite=True),
        lambda: add(base, [NEW], Crashing()),
    ):
        with pytest.raises(KeyboardInterrupt):
            make()
        assert contents(base.path) == before
        assert [path.name for path in base.path.parent.iterdir()] == ["base"]


def test_an_exchange_that_fails_puts_the_old_base_back(
    base: KnowledgeBase, encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(base.path)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError("disk is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk is gone"):
        build([NEW], encoder, base.path, overwrite=True)
    assert contents(base.path) == before


def test_repeated_ids_are_listed_with_their_lines_before_anything_is_encoded(tmp_path: Path, encoder: Any) -> None:
    path = tmp_path / "entities.csv"
    path.write_text("id,label\nQ1,one\nQ2,two\nQ1,uno\n\nQ2,due\nQ1,eins\n")
    with pytest.raises(InputError) as caught:
        build(EntityFile(path), encoder, tmp_path / "base")
    assert caught.value.message == "2 ids occur more than once: Q1 (lines 2, 4, 7), Q2 (lines 3, 6)"
    assert encoder.encoded == []
    assert not (tmp_path / "base").exists()


def test_a_long_list_of_repeated_ids_is_cut(tmp_path: Path, encoder: Any) -> None:
    with pytest.raises(InputError, match=r"^12 ids .*Q9 \(lines 10, 22\) and 2 more"):
        build([Entity(f"Q{number % 12}", "x") for number in range(24)], encoder, tmp_path / "base")


def test_a_base_of_nothing_is_refused(tmp_path: Path, encoder: Any) -> None:
    with pytest.raises(InputError, match="no entities"):
        build([], encoder, tmp_path / "base")


def test_a_url_template_without_id_is_refused_before_any_work(tmp_path: Path, encoder: Any) -> None:
    with pytest.raises(UsageError, match="url template"):
        build([NEW], encoder, tmp_path / "base", url_template="https://example.org/")
    assert encoder.encoded == []


def test_vectors_of_the_wrong_shape_are_the_models_fault(tmp_path: Path, encoder: Any) -> None:
    class Short(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts: Any, **options: Any) -> Any:
            return super().encode_documents(texts, **options)[:, :-1]

    with pytest.raises(ModelError, match="shape"):
        build([NEW], Short(), tmp_path / "base")


def test_adding_appends_without_encoding_the_old_entities_again(
    base: KnowledgeBase, encoder: Any, entities: tuple[Entity, ...]
) -> None:
    old_vectors = base.vectors(range(5))
    grown = add(base, [NEW], encoder)
    assert encoder.encoded[0] == encoder.entity_text(NEW)
    assert len(encoder.encoded) == 1
    assert tuple(grown.entities()) == (*entities, NEW)
    np.testing.assert_array_equal(grown.vectors(range(5)), old_vectors)
    assert grown.rows_named("apple phone") == [5]
    assert grown.manifest.url_template == base.manifest.url_template


def test_adding_gives_the_base_that_building_at_once_gives(
    base: KnowledgeBase, encoder: Any, entities: tuple[Entity, ...], tmp_path: Path
) -> None:
    assert add(base, [NEW], encoder).manifest.files == build([*entities, NEW], encoder, tmp_path / "b").manifest.files


def test_the_opened_base_goes_on_showing_the_old_state(base: KnowledgeBase, encoder: Any) -> None:
    add(base, [NEW], encoder)
    assert len(list(base.entities())) == 5
    assert base.find("Q2766") is None


def test_ids_that_are_in_the_base_are_listed(base: KnowledgeBase, encoder: Any) -> None:
    before = contents(base.path)
    with pytest.raises(InputError, match=r"2 ids are in the base already: Q312 \(line 2\), Q89 \(line 3\)"):
        add(base, [NEW, Entity("Q312", "Apple"), Entity("Q89", "apple")], encoder)
    assert contents(base.path) == before


def test_adding_with_another_model_is_refused(base: KnowledgeBase, other_encoder: Any) -> None:
    with pytest.raises(KnowledgeBaseError, match="was made by model"):
        add(base, [NEW], other_encoder)


def test_adding_to_a_base_that_was_replaced_meanwhile_is_refused(base: KnowledgeBase, encoder: Any) -> None:
    rebuilt = build([NEW], encoder, base.path, overwrite=True)
    with pytest.raises(KnowledgeBaseError, match="changed"):
        add(base, [Entity("Q1", "universe")], encoder)
    assert KnowledgeBase.open(base.path).manifest == rebuilt.manifest
