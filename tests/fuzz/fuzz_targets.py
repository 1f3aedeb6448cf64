"""What is fuzzed: for each reader, writer and loader some valid files to start from, and what must hold for any file.

That is always the same: an `ElinkerError` or a valid result, never another exception, never a hang; and where there are
mentions, `text[start:end] == mention.text`. The tests here and `benchmarks/fuzz.py` use these targets.
"""

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from elinker.corpus import FORMATS, BadRecord, Located, ReadOptions, Source, find_sources, read_records
from elinker.corpus.formats.jsonl import encode
from elinker.errors import ElinkerError, InputError
from elinker.schema import Candidate, Document, Mention

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"

TEXT = "Ada Lovelace met “Charles” 👩‍👩‍👧 in\r\nLondon, אבג [LK] e\u0301."
DOCUMENTS = (
    Document(
        "d 1",
        TEXT,
        (
            Mention(0, 12, TEXT[0:12], "Q7259", "Ada Lovelace", 0.75, (Candidate("Q7259", "Ada Lovelace", 0.9),)),
            Mention(18, 25, TEXT[18:25]),
            Mention(37, 43, TEXT[37:43], "Q84", "London", 0.5),
        ),
        {"year": 1833, "tags": ["a", None]},
    ),
    Document("d/2", "Apple.\n\nNo name here.", (Mention(0, 5, "Apple", "Q312", "Apple", 1.0),)),
    Document("../3", ""),
)

WORDS = (
    *(
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\\",
        b"<",
        b">",
        b"&",
        b"#",
        b"%",
    ),
    *(b"\x00", b"\x1f", b"\x7f", b"\xff", b"\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\\ud800", b"\\udc00", b"\\u0000", b"\xe2\x80\xa8", b"\xc2\x85"),
    *(b"null", b"true", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"0", b"1.5", b"9" * 20, b"9" * 5000),
    *(b"../", b"/etc/passwd", b"[LK]", b"<MENTION>", b"</MENTION>", b"[SEP]", b"{input}", b"{label}", b"{0.__class__}"),
    *(b"[" * 2000, b"{" * 2000, b"(" * 2000, b"<a>" * 2000, b'{"a":' * 2000, b"A" * 3000, b"\xcc\x81" * 500),
    *(
        b"\x00" * 64,
        b"\xff" * 64,
        b"\x80\x80\x80\x80\x10",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"BZh9",
        b"PK\x03\x04",
    ),
    *(
        b"\x1f\x8b",
        b"Content-Length: 99999999",
        b"WARC/1.0\r\n",
        b"-DOCSTART-",
        b"# text = ",
        b"<!DOCTYPE a [<!ENTITY b '",
    ),
    *(b"start", b"end", b"text", b"mentions", b"id", b"schema", b"meta", b"span", b"offset", b"entity_id"),
)
"""What mutations put in: what the formats are made of, and what has broken readers before."""


@dataclass(frozen=True)
class Target:
    """One thing that takes bytes. `check` gets a file of them in a folder of its own and raises where a promise breaks.

    `packed` makes what is stored of what is mutated, where a format hides its content behind a compression.
    """

    name: str
    suffix: str
    seeds: Callable[[], Iterable[bytes]]
    check: Callable[[Path], None]
    packed: Callable[[bytes], bytes] = field(default=lambda content: content)

    def run(self, content: bytes, folder: Path) -> None:
        """Check one case."""
        path = folder / f"case{self.suffix}"
        path.write_bytes(self.packed(content))
        self.check(path)


def check_document(document: Document) -> None:
    assert isinstance(document.id, str) and isinstance(document.text, str)
    for mention in document.mentions:
        assert document.text[mention.start : mention.end] == mention.text and mention.text
        assert mention.entity_id is None or isinstance(mention.entity_id, str)
    value = encode(document.to_json())
    assert Document.from_json(json.loads(value)).text == document.text


def check_records(records: Iterable[Any]) -> None:
    for record in records:
        if isinstance(record, BadRecord):
            json.dumps(record.to_json())
            assert record.reason
        else:
            assert isinstance(record, Located)
            check_document(record.document)


def tolerant(check: Callable[[Path], None]) -> Callable[[Path], None]:
    """A check for which a complaint about the file is an answer."""

    def checked(path: Path) -> None:
        try:
            check(path)
        except ElinkerError as error:
            assert str(error) and "\n" not in error.message, repr(error.message)

    return checked


# Readers and writers of corpora


def written(name: str, documents: Iterable[Document] = DOCUMENTS) -> bytes:
    """The documents in a format, those left out that it cannot hold."""
    form = FORMATS[name]
    assert form.write is not None
    stream = io.BytesIO()
    writer = form.write(stream)
    for document in documents:
        try:
            writer.write(document)
        except InputError:
            continue
    writer.finish()
    return stream.getvalue()


PAGE = (
    "<!doctype html><html><head><meta charset='utf-8'><title>Ada</title><script>x</script></head><body><nav>Home</nav>"
    f"<article><h1>Ada &amp; Charles</h1><p>{TEXT} {'They met again. ' * 20}</p><p>a<br>b</p></article></body></html>"
).encode()


def _warc(status: str = "200 OK", kind: str = "text/html; charset=utf-8") -> bytes:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=False)
    headers = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1")
    page = PAGE if "html" in kind else TEXT.encode()
    writer.write_record(
        writer.create_warc_record("http://a.example/1", "response", payload=io.BytesIO(page), http_headers=headers)
    )
    text = io.BytesIO(TEXT.encode())
    writer.write_record(
        writer.create_warc_record("http://a.example/2", "conversion", payload=text, warc_content_type="text/plain")
    )
    return stream.getvalue()


def _zip_file() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.txt", TEXT)
        archive.writestr("../2.jsonl", written("jsonl"))
    return stream.getvalue()


def _tar_file() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("a/1.txt", TEXT.encode()), ("../é.jsonl", written("jsonl")), ("a" * 120 + ".txt", b"x")):
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return stream.getvalue()


_OWN_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "text": lambda: [TEXT.encode(), b"", TEXT.encode("utf-16"), "naïve\n日本".encode("latin-1", "replace")],
    "csv": lambda: [b'id,text,year\r\n1,"a ""b""\r\nc",1833\r\n,plain,\r\n'],
    "tsv": lambda: [b"id\ttext\n1\tplain, text\n2\t\n"],
    "html": lambda: [PAGE, b"<p>short", b"<?xml version='1.0' encoding='latin-1'?><html><body>\xe9</body></html>"],
    "warc": lambda: [_warc(), _warc("404 Not Found"), _warc(kind="text/plain")],
}
_SUFFIXES = {"text": ".txt", "docbin": ".spacy"}


def _seeds(name: str) -> list[bytes]:
    seeds = _OWN_SEEDS[name]() if name in _OWN_SEEDS else []
    if FORMATS[name].write is not None and FORMATS[name].write_files is None:
        seeds = [*seeds, written(name), *(written(name, [one]) for one in DOCUMENTS[:2])]
    return seeds or [written("jsonl"), b""]


def _read(name: str, path: Path) -> None:
    form = FORMATS[name]
    for options in (ReadOptions(), ReadOptions(lines=True, html="all", max_bytes=2000)):
        source = Source(path.name, path.name, path, path.stat().st_size)
        try:
            check_records(form.read(source, options))
        except OSError:
            continue  # `read_records` makes a bad record of it


def _read_encoded(path: Path) -> None:
    for encoding in ("detect", "utf-16", "shift_jis", "iso2022_jp", "utf-7", "utf-32-be", "idna"):
        options = ReadOptions(lines=True, encoding=encoding, max_bytes=500)
        check_records(read_records(find_sources([path], options), options))


def _read_sources(path: Path) -> None:
    check_records(read_records(find_sources([path])))


def _read_pair(path: Path) -> None:
    """brat: the annotations beside a text, and a text beside annotations."""
    (path.parent / "case.txt").write_bytes(TEXT.encode())
    _read("brat", path)
    (path.parent / "case.txt").write_bytes(path.read_bytes())
    path.write_bytes(_BRAT)
    _read("brat", path)


_BRAT = (
    b"T1\tENTITY 0 12\tAda Lovelace\nN1\tReference T1 Wikidata:Q7259\tAda Lovelace\nT2\tENTITY 37 40;41 43\tLon on\n"
    b"#1\tAnnotatorNotes T1\tnote\nE1\tMeet:T2\n"
)


def _write(name: str, path: Path) -> None:
    """Documents of mutated JSON lines written in a format and read again: the same text, and spans that fit."""
    form = FORMATS[name]
    records = FORMATS["jsonl"].read(Source(path.name, path.name, path), ReadOptions())
    documents = [record.document for record in records if isinstance(record, Located)]
    kept = []
    for document in documents:
        try:
            written(name, [document])
        except ElinkerError:
            continue
        kept.append(document)
    content = written(name, kept)
    if form.read is FORMATS["displacy"].read or form.write_files is not None:
        return
    again = path.with_name(f"again{(form.reads or form.writes or ('.bin',))[0]}")
    again.write_bytes(content)
    try:
        found = list(form.read(Source(again.name, again.name, again, len(content)), ReadOptions()))
    except ElinkerError:
        return
    check_records(found)


def _corpus_targets() -> Iterable[Target]:
    for name, form in FORMATS.items():
        if form.reads and name not in ("brat", "docbin"):
            suffix = _SUFFIXES.get(name, form.reads[0])
            yield Target(f"read-{name}", suffix, partial(_seeds, name), tolerant(partial(_read, name)))
        if form.write is not None:
            seeds = partial(_seeds, "jsonl")
            yield Target(f"write-{name}", ".jsonl", seeds, tolerant(partial(_write, name)))
    yield Target("read-brat", ".ann", lambda: [_BRAT, TEXT.encode()], tolerant(_read_pair))
    yield Target(
        "read-docbin",
        ".spacy",
        lambda: [zlib.decompress(written("docbin")), zlib.decompress(written("docbin", DOCUMENTS[:1]))],
        tolerant(partial(_read, "docbin")),
        zlib.compress,
    )
    yield Target("read-encodings", ".txt", lambda: [TEXT.encode("utf-16"), "日本\n東京".encode("shift_jis"), b""],
                 tolerant(_read_encoded))  # fmt: skip
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", _zstandard)):
        yield Target(f"unpack{suffix}", f".jsonl{suffix}", partial(_packed, pack), tolerant(_read_sources))
    yield Target("unpack-zip", ".zip", lambda: [_zip_file()], tolerant(_read_sources))
    yield Target("unpack-tar", ".tar", lambda: [_tar_file()], tolerant(_read_sources))
    yield Target("unpack-tar.gz", ".tar.gz", lambda: [_tar_file()], tolerant(_read_sources), gzip.compress)
    yield Target("unpack-warc.gz", ".warc.gz", lambda: [_warc()], tolerant(_read_sources), gzip.compress)


def _zstandard(content: bytes) -> bytes:
    import zstandard

    half = len(content) // 2
    return zstandard.compress(content[:half]) + zstandard.compress(content[half:])


def _packed(pack: Callable[[bytes], bytes]) -> list[bytes]:
    return [pack(written("jsonl")), pack(b"")]


# Labelled texts


_LABELLED_SEEDS = {
    "aida": [b"-DOCSTART- (1 EU)\nEU\tB\tEU\t--NME--\nrejects\nGerman\tB\tGerman\tGermany\thttp://en.wikipedia.org/wiki/Germany\t1\n"],
    "hipe": [
        b"TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tNE-FINE-METO\tNE-FINE-COMP\tNE-NESTED\tNEL-LIT\tNEL-METO\tMISC\n"
        b"# hipe2022:document_id = a\n# hipe2022:language = de\nNew\tB-loc\tO\tO\tO\tO\tO\tQ60\t_\tEndOfLine\n"
        b"York\tI-loc\tB-org\tO\tO\tO\tO\tQ60\tQ90\tNoSpaceAfter\n.\tO\tO\tO\tO\tO\tO\t_\t_\tEndOfSentence\n"
    ],
    "kilt": [
        b'{"id": "1", "input": "In [START_ENT] German [END_ENT] towns", "output": [{"answer": "Germany", "provenance": '
        b'[{"wikipedia_id": "11867", "title": "Germany"}]}], "meta": {}}\n'
    ],
    "onegen": [
        b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": " <MENTION>Ada</MENTION>[LK], '  # noqa: E501
        b'<MENTION>Zed</MENTION>.</s>", "positive": [["Q1", 2]], "negative": [null]}]}\n'
    ],
    "elevant": [
        b'{"id": 7, "title": "t", "text": "Frank Blake met Zed.", "evaluation_span": [0, 11], "labels": [{"id": 0, "span": '  # noqa: E501
        b'[0, 11], "entity_id": "Q1", "name": "F", "children": [1], "type": "Q5|Q6"}, {"id": 1, "span": [6, 11], "parent": 0}]}\n'  # noqa: E501
    ],
}  # fmt: skip
_CONVERSATIONS = [
    b'{"uid": 12, "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "a[RQ]<paragraph>b[RQ]'  # noqa: E501
    b'</paragraph>c[SE]", "positive": [["12-0"], null], "negative": [["7"], []]}]}\n'
]


def _labelled_seeds(name: str) -> list[bytes]:
    if name in _LABELLED_SEEDS:
        return list(_LABELLED_SEEDS[name])
    return _seeds(name) if name in FORMATS else _seeds("jsonl")


def _read_labelled(name: str | None, path: Path) -> None:
    from elinker.labelled import read_labelled

    problems: list[InputError] = []
    for document in read_labelled(path, format=name, skip=problems.append):
        assert isinstance(document.id, str)
        for mention in document.mentions:
            assert document.text[mention.start : mention.end] == mention.text and mention.text
        document.to_json()
    assert all(str(problem) for problem in problems)


def _read_conversations(path: Path) -> None:
    from elinker.labelled.conversations import read_conversations, read_documents

    for reader in (read_conversations, read_documents):
        problems: list[InputError] = []
        for conversation in reader(path, skip=problems.append):
            assert conversation.text == "".join(segment.text for segment in conversation.segments)


def _read_titles(path: Path) -> None:
    from elinker.labelled.titles import read_titles

    assert all(isinstance(value, str) for pair in read_titles(path).items() for value in pair)


def _labelled_targets() -> Iterable[Target]:
    from elinker.labelled.reading import FORMATS as LABELLED

    for name in LABELLED:
        if name not in ("brat", "docbin", "parquet"):
            suffix = FORMATS[name].reads[0] if name in FORMATS else ".tsv" if name in ("aida", "hipe") else ".jsonl"
            check = tolerant(partial(_read_labelled, name))
            yield Target(f"labelled-{name}", suffix, partial(_labelled_seeds, name), check)
    every = [seed for seeds in _LABELLED_SEEDS.values() for seed in seeds]
    yield Target("labelled-guessed", ".jsonl", lambda: every, tolerant(partial(_read_labelled, None)))
    yield Target("labelled-conversations", ".jsonl", lambda: _CONVERSATIONS, tolerant(_read_conversations))
    yield Target("labelled-titles", ".tsv", lambda: [b"Ada_Lovelace\tQ7259\nZed\thttp://www.wikidata.org/entity/Q1\tx\n"],
                 tolerant(_read_titles))  # fmt: skip


# Knowledge bases


_ENTITIES_CSV = (
    b'id,label,aliases,description,types\nQ1,Ada,"Ada L.|A",person of note,person\nQ2,Apple,,company,org|x\n'
)
_ENTITIES_JSONL = b'{"id": "Q1", "label": "Ada", "aliases": ["A"], "description": "d", "types": ["person"]}\n{"id": "Q2", "label": "B"}\n'  # noqa: E501


def _entities_parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    stream = io.BytesIO()
    rows = [{"id": "Q1", "label": "Ada", "aliases": ["A"], "description": "d", "types": ["person"]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), stream)
    return stream.getvalue()


def _read_entities(path: Path) -> None:
    from elinker.kb.readers import EntityFile, Rejects

    with Rejects(path.with_name("rejects.jsonl")) as rejects:
        for entity in EntityFile(path, rejects=rejects):
            assert entity.id and entity.label and "".join(entity.names).encode()
            assert all(isinstance(name, str) for name in (*entity.aliases, *entity.types, entity.description))


@cache
def conftest(area: str) -> Any:
    """The fixtures of an area of the tests as plain functions."""
    path = ROOT / "tests" / area / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"fuzz_{area or 'main'}_conftest", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def base_files(kind: str) -> dict[str, bytes]:
    """The files of a small base of a kind."""
    from tempfile import TemporaryDirectory

    from elinker.kb import build
    from elinker.schema import Entity

    kb = conftest("kb")
    more = [Entity(f"X{number}", f"Name {number}") for number in range(60)]
    with TemporaryDirectory() as folder:
        made = build([*kb.ENTITIES, *more], kb.NgramEncoder(dim=16), Path(folder) / "base", index=kind)
        return {file.name: file.read_bytes() for file in made.path.iterdir()}


def _use_base(kind: str, name: str, path: Path) -> None:
    """A base in which one file is replaced: it is refused, or it can be used."""
    from elinker.kb import KnowledgeBase, verify

    folder = path.with_name("base")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = path.read_bytes()
    files = base_files(kind) | {name: content}
    if name != "manifest.json":  # a manifest that knows the size: sizes are not what is tested
        manifest = json.loads(files["manifest.json"])
        for record in manifest["files"]:
            record["size"] = len(files[record["name"]])
        files["manifest.json"] = json.dumps(manifest).encode()
    for one, inside in files.items():
        (folder / one).write_bytes(inside)
    for check in verify(folder):
        assert check.problem is None or check.problem
    base = KnowledgeBase.open(folder)
    encoder = conftest("kb").NgramEncoder(dim=16)
    for candidates in base.candidates(encoder.encode_queries(["Steve", "Tokyo"])[:, : base.dim], 3):
        assert all(isinstance(candidate.label, str) for candidate in candidates)
    assert all(entity.id for entity in base.entities())
    for identifier in ("Q312", "X5", "none"):
        row = base.find(identifier)
        assert row is None or base.entity(row).id == identifier
    base.rows_named("apple")


_BASE_FILES = {
    "flat": ("manifest.json", "entities.arrow", "index.faiss", "ids.hashes.npy", "ids.rows.npy", "names.rows.npy"),
    "HNSW8_SQ8": ("index.faiss", "vectors.npy"),
    "IVF4,PQ4x4fs": ("index.faiss", "manifest.json"),
    "IVF2,SQ8": ("index.faiss",),
}


def _base_targets() -> Iterable[Target]:
    for suffix, seed in ((".csv", _ENTITIES_CSV), (".jsonl", _ENTITIES_JSONL)):
        yield Target(f"entities{suffix}", suffix, partial(lambda seed: [seed], seed), tolerant(_read_entities))
    yield Target("entities.tsv", ".tsv", lambda: [_ENTITIES_CSV.replace(b",", b"\t")], tolerant(_read_entities))
    yield Target("entities.jsonl.gz", ".jsonl.gz", lambda: [gzip.compress(_ENTITIES_JSONL)], tolerant(_read_entities))
    yield Target("entities.parquet", ".parquet", lambda: [_entities_parquet()], tolerant(_read_entities))
    for kind, names in _BASE_FILES.items():
        for name in names:
            label = f"base-{kind.split(',')[0].lower()}-{name}"
            seeds = partial(lambda kind, name: [base_files(kind)[name]], kind, name)
            yield Target(label, ".bin", seeds, tolerant(partial(_use_base, kind, name)))


# Settings


def _load_settings(path: Path) -> None:
    from elinker.onegen.settings import SETTINGS_FILE, OneGenSettings

    path.rename(path.with_name(SETTINGS_FILE))
    settings = OneGenSettings.load(path.parent)
    if settings.linking is not None and settings.document is not None and len(settings.tokens) < 40:
        from elinker.onegen.layout import Layout

        tokenizer = _tokenizer()
        tokenizer.add_tokens([token.text for token in settings.tokens], special_tokens=True)
        Layout(settings, tokenizer)


def _tokenizer() -> Any:
    return conftest("").make_tokenizer("bert")


def _load_linker(path: Path) -> None:
    from elinker.linking import linker

    path.rename(path.with_name(linker.SETTINGS_FILE))
    linker._read_settings(path.parent)


def _load_rag(path: Path) -> None:
    from elinker.rag.settings import SETTINGS_FILE, RagSettings

    path.rename(path.with_name(SETTINGS_FILE))
    RagSettings.load(path.parent)


def _load_training(path: Path) -> None:
    from elinker.training.config import Config

    Config.load(path)


def _settings_seeds() -> list[bytes]:
    settings_of = conftest("").settings_of
    made = [settings_of(variant).model_dump_json(indent=1).encode() for variant in ("bert", "published")]
    return [*made, *(file.read_bytes() for file in sorted(ROOT.glob("pipelines/*/**/onegen.json")))]


def _settings_targets() -> Iterable[Target]:
    yield Target("settings-onegen.json", ".json", _settings_seeds, tolerant(_load_settings))
    linkers = partial(lambda: [file.read_bytes() for file in sorted(ROOT.glob("pipelines/*/**/linker.json"))])
    yield Target("settings-linker.json", ".json", linkers, tolerant(_load_linker))
    rag = partial(lambda: [file.read_bytes() for file in ROOT.glob("pipelines/*/rag.json")] or [b'{"top_k": 3}'])
    yield Target("settings-rag.json", ".json", rag, tolerant(_load_rag))
    recipes = partial(lambda: [file.read_bytes() for file in sorted(ROOT.glob("pipelines/train/*.toml"))])
    yield Target("settings-training.toml", ".toml", recipes, tolerant(_load_training))


# The model: any text, marked by tiny ones


@cache
def _model(variant: str) -> Any:
    import torch

    torch.set_num_threads(1)
    return conftest("").make_onegen(variant)


def _mark(variant: str, path: Path) -> None:
    """Mentions of any text are spans of it that do not overlap, begin and end at characters, and are not blank."""
    text = path.read_bytes()[:400].decode("utf-8", "replace")
    for spans in _model(variant).detect([text]):
        end_before = 0
        for start, end in spans:
            assert end_before <= start < end <= len(text), (start, end, text)
            assert text[start:end].strip(), (start, end, text)
            end_before = end


def _model_targets() -> Iterable[Target]:
    seeds = [
        TEXT.encode(),
        b"U.S.A. [LK]</MENTION><MENTION> [SEP][CLS]<s></s>",
        b"A" * 200,
        "日本東京".encode(),
    ]
    for variant in ("bert", "llama", "qwen2", "published"):
        yield Target(f"mark-{variant}", ".txt", lambda: seeds, tolerant(partial(_mark, variant)))


def _all() -> dict[str, Target]:
    made = (*_corpus_targets(), *_labelled_targets(), *_base_targets(), *_settings_targets(), *_model_targets())
    return {target.name: target for target in made}


TARGETS = _all()


def seeds_of(target: Target) -> list[bytes]:
    return list(target.seeds())
