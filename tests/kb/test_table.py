import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elinker.errors import KnowledgeBaseError
from elinker.kb.table import EntityTable, write_table
from elinker.schema import Entity

texts = st.text(st.characters(codec="utf-8"), max_size=12)
entities = st.builds(
    Entity,
    id=texts,
    label=texts,
    aliases=st.lists(texts, max_size=3).map(tuple),
    description=texts,
    types=st.lists(texts, max_size=2).map(tuple),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(entities, max_size=8))
def test_entities_read_back_as_they_were_written(rows: list[Entity]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "entities.arrow"
        write_table(path, iter(rows))
        table = EntityTable.open(path)
        assert [table[row] for row in range(len(table))] == rows
        assert list(table.ids()) == [entity.id for entity in rows]


def test_rows_of_later_batches_are_found(tmp_path: Path) -> None:
    write_table(tmp_path / "t.arrow", (Entity(f"Q{number}", "x") for number in range(40_000)))
    table = EntityTable.open(tmp_path / "t.arrow")
    assert [table.id(row) for row in (0, 16_383, 16_384, 39_999)] == ["Q0", "Q16383", "Q16384", "Q39999"]
    assert [entity.id for batch in table.batches(start=39_998) for entity in batch] == ["Q39998", "Q39999"]


@pytest.mark.parametrize("row", [-1, 5])
def test_a_row_outside_the_table_is_an_index_error(tmp_path: Path, row: int) -> None:
    write_table(tmp_path / "t.arrow", [Entity(f"Q{number}", "x") for number in range(5)])
    with pytest.raises(IndexError, match="of 5"):
        EntityTable.open(tmp_path / "t.arrow")[row]


def test_a_file_that_is_not_arrow_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.arrow").write_bytes(b"id,label\n")
    with pytest.raises(KnowledgeBaseError, match="cannot be read"):
        EntityTable.open(tmp_path / "t.arrow")


def test_a_table_whose_offsets_lead_outside_is_refused_when_its_rows_are_read(tmp_path: Path) -> None:
    """Arrow would follow them and end the process."""
    path = tmp_path / "t.arrow"
    write_table(path, [Entity(f"Q{number}", "label") for number in range(5)])
    content = path.read_bytes()
    offsets = b"".join(end.to_bytes(4, "little") for end in range(0, 26, 5))
    assert offsets in content
    path.write_bytes(content.replace(offsets, offsets[:8] + b"\xff\xff\xff\x7f" + offsets[12:]))
    table = EntityTable.open(path)
    for read in (lambda: table.label(1), lambda: table[0], lambda: list(table.batches()), table.check):
        with pytest.raises(KnowledgeBaseError, match=r"t\.arrow is damaged"):
            read()
