"""Label Studio's JSON: an array of tasks with a text each, mentions as predictions or, corrected, as annotations.

The format: https://labelstud.io/guide/export and https://labelstud.io/guide/predictions; `LABELING_CONFIG` is the
labelling interface that the tasks are for. Label Studio counts characters (Unicode code points); files of older
versions, which counted UTF-16 code units, are told by their texts.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from elinker.corpus.formats.details import details, list_of, object_of, with_details
from elinker.corpus.formats.json_array import ArrayWriter, elements
from elinker.corpus.formats.mention_types import ENTITY, sorted_mentions, typed_mentions, with_types
from elinker.corpus.formats.utf16 import CodeUnits
from elinker.corpus.records import BadRecord, Format, Located, ReadOptions, Record, Source
from elinker.errors import InputError
from elinker.schema import Document, Mention

MODEL_VERSION = "elinker"
LABELS = "label"
ENTITY_FIELD = "entity"
LABELING_CONFIG = """<View>
  <Labels name="label" toName="text"><Label value="ENTITY"/></Labels>
  <Text name="text" value="$text"/>
  <TextArea name="entity" toName="text" perRegion="true" maxSubmissions="1" displayMode="region-list"/>
</View>
"""
"""A labelling interface for the tasks: spans, and for each the id of its entity, which can be edited."""


class LabelStudioWriter:
    """Writes a task a document; its data have `text`, `id` and `meta`, its mentions are one prediction."""

    def __init__(self, stream: BinaryIO) -> None:
        self._array = ArrayWriter(stream)

    def write(self, document: Document) -> None:
        """Add a task; see `Writer.write`."""
        document = sorted_mentions(document)
        results: list[dict[str, Any]] = []
        for number, (mention, kind) in enumerate(typed_mentions(document), start=1):
            results += _results(f"m{number}", mention, kind)
        scores = [mention.score for mention in document.mentions]
        prediction = {
            "model_version": MODEL_VERSION,
            "score": round(sum(scores) / len(scores), 4) if scores else 0.0,
            "result": results,
        }
        data = {"text": document.text, "id": document.id, "meta": dict(document.meta)}
        self._array.add({"data": data, "predictions": [prediction]})

    def finish(self) -> None:
        """End the array."""
        self._array.finish()


def _results(identifier: str, mention: Mention, kind: str) -> Iterator[dict[str, Any]]:
    place = {"start": mention.start, "end": mention.end}
    yield {
        "id": identifier,
        "from_name": LABELS,
        "to_name": "text",
        "type": "labels",
        "value": {**place, "text": mention.text, "labels": [kind]},
        "score": round(mention.score, 4),
        "meta": {"elinker": details(mention)},
    }
    if mention.entity_id is not None:
        yield {
            "id": identifier,
            "from_name": ENTITY_FIELD,
            "to_name": "text",
            "type": "textarea",
            "value": {**place, "text": [mention.entity_id]},
        }


def recognises(head: bytes) -> bool:
    """Whether the file begins as an array of tasks, or as one task."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return start in (b"[", b"{") and (b'"data"' in head or b'"predictions"' in head)


def read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A document a task, `line` being its number; without `data.id` the id is `file:number`.

    What annotators said counts, a prediction only where there is no annotation: of several annotations the one marked
    as ground truth, else the last that was not cancelled. A task whose annotations were all cancelled (skipped) is left
    out. A mention's entity is the text of the field `entity` of its region.
    """
    try:
        for number, task in elements(source, options):
            try:
                document = _document(task, f"{source.id}:{number}", options)
            except InputError as error:
                yield BadRecord(source.name, number, str(error))
                continue
            if document is not None:
                yield Located(document, source.name, number)
    except InputError as error:
        yield BadRecord(source.name, None, str(error))


def _document(task: Any, default_id: str, options: ReadOptions) -> Document | None:
    data = object_of(object_of(task, "a task").get("data"), "data")
    text = data.get(options.text_field)
    if not isinstance(text, str):
        raise InputError(f"no text in data.{options.text_field}")
    results = _chosen(task)
    if results is None:
        return None
    typed = sorted(_mentions(text, results), key=lambda pair: (pair[0].start, -pair[0].end))
    meta = data.get("meta", {})
    others = {name: value for name, value in data.items() if name not in (options.text_field, "id", "meta")}
    meta = {**others, **meta} if isinstance(meta, dict) else {**others, "meta": meta}
    identifier = data.get("id")
    return Document(
        default_id if identifier is None else str(identifier),
        text,
        tuple(mention for mention, _ in typed),
        with_types(meta, [kind for _, kind in typed]),
    )


def _chosen(task: Mapping[str, Any]) -> list[Any] | None:
    """The results that count, None where annotators skipped the task."""
    annotations = [object_of(one, "an annotation") for one in list_of(task.get("annotations"), "annotations")]
    if annotations:
        kept = [one for one in annotations if not one.get("was_cancelled")]
        truth = [one for one in kept if one.get("ground_truth")]
        return list_of((truth or kept)[-1].get("result"), "result") if kept else None
    predictions = [object_of(one, "a prediction") for one in list_of(task.get("predictions"), "predictions")]
    return list_of(predictions[-1].get("result"), "result") if predictions else []


def _mentions(text: str, results: list[Any]) -> Iterator[tuple[Mention, str]]:
    entities: dict[Any, str] = {}
    regions = []
    for each in results:
        result = object_of(each, "a result")
        value = object_of(result.get("value", {}), "value")
        if "labels" in value:
            regions.append((result, value))
        elif result.get("type") == "textarea" and result.get("from_name") == ENTITY_FIELD:
            written = value.get("text")
            lines = written if isinstance(written, list) else [written]
            entities[result.get("id")] = next((line for line in lines if isinstance(line, str) and line), "")
    units = CodeUnits(text)
    for result, value in regions:
        start, end = _span(text, units, value)
        kinds = value["labels"]
        kind = kinds[0] if isinstance(kinds, list) and kinds and isinstance(kinds[0], str) and kinds[0] else ENTITY
        yield _mention(text, start, end, entities.get(result.get("id")) or None, result), kind


def _span(text: str, units: CodeUnits, value: Mapping[str, Any]) -> tuple[int, int]:
    start, end, stated = value.get("start"), value.get("end"), value.get("text")
    if type(start) is not int or type(end) is not int:
        raise InputError("a region without whole numbers 'start' and 'end'")
    if 0 <= start < end <= len(text) and (not isinstance(stated, str) or text[start:end] == stated):
        return start, end
    span = units.characters(start, end)
    if span is not None and text[span[0] : span[1]] == stated:
        return span
    raise InputError(f"region {stated!r} is not the text at {start}:{end}")


def _mention(text: str, start: int, end: int, entity_id: str | None, result: Mapping[str, Any]) -> Mention:
    meta = result.get("meta")
    known = meta.get("elinker") if isinstance(meta, dict) else None
    return with_details(Mention(start, end, text[start:end], entity_id), known)


FORMAT = Format(
    "label-studio",
    reads=(".json",),
    read=read,
    writes=(".label-studio.json", ".json"),
    write=LabelStudioWriter,
    recognises=recognises,
)
