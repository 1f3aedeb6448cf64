"""Web pages and crawls: the text that people see is the document's, decoded as browsers do it."""

import gzip
import io
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from elinker.corpus import BadRecord, Located, ReadOptions, find_sources, read_records
from elinker.corpus.inputs.html import decode_page
from elinker.errors import MissingExtraError

try:
    import trafilatura  # noqa: F401
except ImportError:
    pages = pytest.mark.skip("trafilatura is not installed")
else:
    pages = pytest.mark.skipif(False, reason="")

PAGE = f"""<!doctype html><html><head><meta charset="utf-8"><title>Ada
 Lovelace</title><style>p {{}}</style></head><body><nav>Home</nav><article><h1>Ada &amp; Charles</h1>
<p>They met in <b>Lon</b>don, 👩‍👩‍👧 [LK]. {"She wrote the first programme. " * 15}</p><script>alert(1)</script>
<p>a<br>b</p></article><footer>© nobody</footer></body></html>"""


def read(path: Path, **options: str | int) -> list[Located | BadRecord]:
    return list(read_records(find_sources([path]), ReadOptions(**options)))  # type: ignore[arg-type]


@pages
class TestPages:
    def test_the_main_text_is_the_document_and_the_title_is_in_the_meta(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_text(PAGE, encoding="utf-8")
        (record,) = read(tmp_path / "a.html")
        assert isinstance(record, Located)
        assert record.document.id == "a.html" and record.document.meta == {"title": "Ada Lovelace"}
        text = record.document.text
        assert "Ada & Charles" in text and "They met in London," in text and "[LK]. She" in text
        assert not any(other in text for other in ("Home", "nobody", "alert", "<"))

    def test_all_text_is_what_a_browser_shows_a_line_a_block(self, tmp_path: Path) -> None:
        (tmp_path / "a.htm").write_text(PAGE, encoding="utf-8")
        (record,) = read(tmp_path / "a.htm", html="all")
        assert isinstance(record, Located)
        first, second, third, *last = record.document.text.split("\n")
        assert (first, second) == ("Home", "Ada & Charles") and third.startswith("They met in London, 👩‍👩‍👧 [LK]. She")
        assert last == ["a", "b", "© nobody"]

    @pytest.mark.parametrize("page", ["", " \n", "<p>", "<!-- only -->", "<script>x</script>"])
    def test_a_page_without_text_is_an_empty_document(self, tmp_path: Path, page: str) -> None:
        (tmp_path / "a.html").write_text(page)
        (record,) = read(tmp_path / "a.html")
        assert isinstance(record, Located) and record.document.text == ""

    def test_elements_that_are_nested_without_end_are_read_or_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_text("<div>" * 100_000 + "deep")
        assert len(read(tmp_path / "a.html")) == 1


@pytest.mark.parametrize(
    ("page", "charset", "expected"),
    [
        ("naïve".encode(), None, "naïve"),
        ("naïve".encode("latin-1"), None, "naïve"),
        ("“naïve”".encode("cp1252"), "iso-8859-1", "“naïve”"),
        ("日本".encode("shift_jis"), "Shift_JIS", "日本"),
        ("日本".encode("utf-16"), "utf-8", "日本"),
        (b'<meta charset="koi8-r">' + "мир".encode("koi8-r"), None, '<meta charset="koi8-r">мир'),
        (b"na\xefve" + "日本".encode(), "utf-8", "na\ufffdve日本"),
        ("naïve".encode(), "no-such-charset", "naïve"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
    ],
)
def test_pages_are_decoded_as_browsers_do_it(page: bytes, charset: str | None, expected: str) -> None:
    assert decode_page(page, charset) == expected


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trafilatura", None)
    (tmp_path / "a.html").write_text("<p>x")
    with pytest.raises(MissingExtraError, match=r"trafilatura is not installed .*elinker\[formats\]"):
        read(tmp_path / "a.html")


def crawl(*, packed: bool = False) -> bytes:
    """A crawl with an answer in plain text, a picture, an answer that is an error, and the text of a page (WET)."""
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=packed)
    writer.write_record(writer.create_warcinfo_record("a.warc", {"software": "test"}))
    for url, status, kind, content in (
        ("http://a.example/text", "200 OK", "text/plain; charset=latin-1", "naïve\r\ntext".encode("latin-1")),
        ("http://a.example/picture", "200 OK", "image/png", b"\x89PNG"),
        ("http://a.example/none", "404 Not Found", "text/plain", b"not found"),
    ):
        headers = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1")
        writer.write_record(writer.create_warc_record(url, "response", io.BytesIO(content), http_headers=headers))
    text = io.BytesIO("日本 👩‍👩‍👧".encode())
    writer.write_record(
        writer.create_warc_record("http://a.example/wet", "conversion", text, warc_content_type="text/plain")
    )
    return stream.getvalue()


@pytest.mark.parametrize(("name", "packed"), [("a.warc", False), ("a.warc.gz", True), ("a.warc.wet.gz", True)])
def test_texts_of_a_crawl_have_their_url_as_id_and_headers_as_meta(tmp_path: Path, name: str, packed: bool) -> None:
    (tmp_path / name).write_bytes(crawl(packed=packed))
    text, wet = read(tmp_path / name)
    assert isinstance(text, Located) and isinstance(wet, Located)
    assert (text.document.id, text.document.text, text.line) == ("http://a.example/text", "naïve\r\ntext", 2)
    assert text.document.meta["http"] == {"Content-Type": "text/plain; charset=latin-1"}
    assert text.document.meta["warc"]["WARC-Type"] == "response"
    assert (wet.document.id, wet.document.text) == ("http://a.example/wet", "日本 👩‍👩‍👧")


@pages
def test_the_page_in_a_crawl_is_extracted(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=False)
    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    page = io.BytesIO(PAGE.encode())
    writer.write_record(writer.create_warc_record("http://a.example/", "response", page, http_headers=headers))
    (tmp_path / "a.warc").write_bytes(stream.getvalue())
    (record,) = read(tmp_path / "a.warc")
    assert isinstance(record, Located)
    assert "They met in London" in record.document.text and record.document.meta["title"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (crawl()[:-8], "bytes before the record does"),
        (crawl()[:-300], "no Content-Length that is a number"),
        (b"no crawl", "not readable as WARC from here on"),
        (b"WARC/1.0\r\n\r\n", "no WARC-Type"),
        (bytes(20_000_000), "bytes without a line break"),
    ],
)
def test_a_crawl_that_is_broken_gives_what_is_whole_and_says_where_it_ends(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.warc").write_bytes(content)
    *good, last = read(tmp_path / "a.warc")
    assert isinstance(last, BadRecord) and reason in last.reason
    assert all(isinstance(record, Located) for record in good)


def test_a_crawl_that_is_cut_off_in_its_compression_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(crawl())[:-20])
    assert isinstance(read(tmp_path / "a.warc.gz")[-1], BadRecord)
