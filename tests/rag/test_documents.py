"""Files of every kind become documents whose passages can be found in them again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elinker.corpus.records import BadRecord
from elinker.errors import UsageError
from elinker.rag.documents import read_documents
from elinker.rag.splitting import SourceDocument

Read = Callable[..., tuple[list[SourceDocument], list[BadRecord]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reading(name: str = "", content: str | bytes | None = None) -> tuple[list[SourceDocument], list[BadRecord]]:
        if content is not None:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        bad: list[BadRecord] = []
        return list(read_documents([tmp_path / name], bad.append)), bad

    return reading


def test_a_text_file_is_a_document_named_like_it(read: Read) -> None:
    assert read("notes.txt", "Steve.\r\nApple.") == ([SourceDocument("notes.txt", "notes", "Steve.\r\nApple.")], [])


def test_a_markdown_file_keeps_its_markup_and_takes_its_title_from_its_heading(read: Read) -> None:
    text = "intro\n\n## About *Apple*\n\nText."
    assert read("page.md", text) == ([SourceDocument("page.md", "About *Apple*", text)], [])


def test_a_web_page_is_its_text(read: Read) -> None:
    pytest.importorskip("trafilatura", exc_type=ImportError)
    paragraph = "Steve founded Apple in a garage. " * 8
    page = f"<html><head><title>Apple</title></head><body><article><p>{paragraph}</p></article></body></html>"
    ((document,), bad) = read("page.html", page)
    assert (document.title, bad) == ("Apple", [])
    assert "Steve founded Apple" in document.text


def pdf(*texts: str) -> bytes:
    """A PDF of one page a text, written by hand (ISO 32000-1)."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, text in enumerate(texts):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    content, places = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(content)
    content += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    return f"{content}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()


def test_a_pdf_is_the_text_of_its_pages(read: Read) -> None:
    ((document,), bad) = read("report.pdf", pdf("Steve founded Apple.", "Apple is here."))
    assert (document.id, document.title, bad) == ("report.pdf", "report", [])
    assert document.text == "Steve founded Apple.\n\nApple is here."


@pytest.mark.parametrize(
    ("content", "reason"), [(b"%PDF-1.4 broken", "cannot be read as PDF"), (pdf(""), "holds no text")]
)
def test_a_pdf_without_text_is_told_and_the_others_are_read(read: Read, content: bytes, reason: str) -> None:
    read("a.txt", "Steve.")
    read("b.pdf", content)
    documents, bad = read()
    assert [document.id for document in documents] == ["a.txt"]
    assert [reason in record.reason for record in bad] == [True]


def test_lines_of_json_have_titles_and_ids(read: Read) -> None:
    lines = [{"id": "p1", "title": "Pixar", "text": "A studio."}, {"text": "Another."}]
    documents, bad = read("passages.jsonl", "\n".join(map(json.dumps, lines)) + "\nno json\n")
    assert documents == [
        SourceDocument("p1", "Pixar", "A studio."),
        SourceDocument("passages.jsonl:2", "", "Another."),
    ]
    assert [record.line for record in bad] == [3]


def test_an_annotated_corpus_keeps_its_links(read: Read) -> None:
    line = {
        "id": "d",
        "text": "Steve of Apple",
        "mentions": [
            {"start": 0, "end": 5, "text": "Steve", "entity_id": "Q1"},
            {"start": 9, "end": 14, "text": "Apple", "entity_id": None},
        ],
        "meta": {"title": "Talk"},
    }
    ((document,), _) = read("annotated.jsonl", json.dumps(line))
    assert document == SourceDocument("d", "Talk", "Steve of Apple", ((0, 5, "Q1"),))


def test_a_table_has_a_document_a_row(read: Read, tmp_path: Path) -> None:
    import pandas

    pandas.DataFrame({"id": ["a", "b"], "text": ["Steve.", "Apple."], "title": ["S", "A"]}).to_parquet(
        tmp_path / "table.parquet"
    )
    documents, bad = read("table.parquet")
    assert [(document.id, document.title, document.text) for document in documents] == [
        ("a", "S", "Steve."),
        ("b", "A", "Apple."),
    ]
    assert bad == []


def test_articles_of_kilt_keep_their_paragraphs_and_links(read: Read) -> None:
    record = {
        "wikipedia_id": "7",
        "wikipedia_title": "Apple Inc.",
        "text": ["Apple Inc.\n", "Steve Jobs founded it.\n", "It is in Cupertino.\n"],
        "anchors": [
            {"paragraph_id": 1, "start": 0, "end": 10, "text": "Steve Jobs", "wikipedia_title": "Steve Jobs"},
            {"paragraph_id": 2, "start": 9, "end": 18, "text": "Cupertino", "wikipedia_title": "Cupertino"},
            {"paragraph_id": 2, "start": 0, "end": 9, "text": "elsewhere", "wikipedia_title": "Wrong"},
        ],
    }
    ((document,), bad) = read("kilt_knowledgesource.json", json.dumps(record) + '\n{"wikipedia_title": 1, "text": 2}\n')
    assert (document.id, document.title, len(bad)) == ("7", "Apple Inc.", 1)
    assert [(document.text[start:end], entity) for start, end, entity in document.links] == [
        ("Steve Jobs", "Steve Jobs"),
        ("Cupertino", "Cupertino"),
    ]


def test_a_folder_is_all_of_these_together(read: Read) -> None:
    read("a/one.txt", "Steve.")
    read("a/two.md", "# Two\nApple.")
    read("three.jsonl", '{"text": "Three."}')
    documents, bad = read()
    assert sorted(document.text for document in documents) == ["# Two\nApple.", "Steve.", "Three."]
    assert bad == []


@pytest.mark.parametrize("name", ["nowhere.txt", "picture.png"])
def test_what_cannot_be_read_at_all_is_a_usage_error(read: Read, tmp_path: Path, name: str) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError):
        read(name)


def test_documents_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Steve.")
    documents: Any = read_documents([tmp_path / "one.txt", tmp_path / "nowhere.txt"], lambda record: None)
    assert next(documents).text == "Steve."
