"""What annotators correct in other tools comes back as labelled texts: ids, NIL, types and nested mentions included."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from elinker.corpus.formats import FORMATS
from elinker.corpus.formats.several_files import Folder
from elinker.errors import InputError
from elinker.labelled import read_labelled
from elinker.schema import Candidate, Document, Mention

Write = Callable[[str, str | bytes], Path]

TEXT = "😀 Ada met Zed in New York City."
LINKED = Document(
    "a",
    TEXT,
    (
        Mention(2, 5, "Ada", "Q7259", "Ada Lovelace", 0.9, (Candidate("Q7259", "Ada Lovelace", 0.8),)),
        Mention(17, 30, "New York City", "Unknown1"),
        Mention(17, 25, "New York", "Q60", "New York City", 0.4),
    ),
)
CORRECTED = [("Ada", "Q1"), ("Zed", None), ("New York City", "Unknown1"), ("New York", "Q60")]
"""Ada is another one, Zed is marked; an id that no base has and the nested mention stay."""


def pairs(document: Document) -> list[tuple[str, str | None]]:
    assert document.text == TEXT
    return [(mention.text, mention.entity_id) for mention in document.mentions]


def written(name: str, path: Path) -> Path:
    form = FORMATS[name]
    if form.write_files is not None:
        folder = Folder(path)
        writer = form.write_files(folder)
        writer.write(LINKED)
        writer.finish()
        folder.commit()
    else:
        assert form.write is not None
        with path.open("wb") as stream:
            writer = form.write(stream)
            writer.write(LINKED)
            writer.finish()
    return path


def test_label_studio_annotations_replace_the_predictions(tmp_path: Path) -> None:
    path = written("label-studio", tmp_path / "tasks.json")
    [task] = json.loads(path.read_text("utf-8"))
    result = task["predictions"][0]["result"]
    result[1]["value"]["text"] = ["Q1"]
    value = {"start": 10, "end": 13, "text": "Zed", "labels": ["PERSON"]}
    result.append({"id": "new", "from_name": "label", "to_name": "text", "type": "labels", "value": value})
    task |= {"id": 17, "annotations": [{"was_cancelled": True, "result": []}, {"result": result}]}
    path.write_text(json.dumps([task]), "utf-8")
    [document] = read_labelled(path)
    assert pairs(document) == CORRECTED
    ada, zed, _, new_york = document.mentions
    assert (ada.label, ada.score, ada.candidates) == (None, 0.0, ()), "what was said of another entity does not hold"
    assert (new_york.label, new_york.score) == ("New York City", 0.4)
    assert document.meta == {"mention_types": [[], ["PERSON"], [], []]}
    assert zed.entity_id is None


def test_a_task_that_all_annotators_skipped_is_left_out_and_one_that_none_saw_is_predicted(write: Write) -> None:
    skipped = {"data": {"text": "a"}, "annotations": [{"was_cancelled": True, "result": []}], "predictions": []}
    span = {"type": "labels", "value": {"start": 0, "end": 1, "labels": ["X"]}}
    unseen = {"data": {"text": "b", "id": 5}, "annotations": [], "predictions": [{"result": [span]}]}
    [document] = read_labelled(write("a.json", json.dumps([skipped, unseen])))
    assert (document.id, [mention.text for mention in document.mentions]) == ("5", ["b"])


def test_the_annotation_that_is_ground_truth_counts(write: Write) -> None:
    first, second = ({"result": [{"value": {"start": n, "end": n + 1, "labels": ["X"]}}]} for n in (0, 1))
    task = {"data": {"text": "ab"}, "annotations": [{**first, "ground_truth": True}, second]}
    [document] = read_labelled(write("a.json", json.dumps([task])))
    assert [mention.text for mention in document.mentions] == ["a"]


def test_label_studio_files_that_count_code_units_are_told_by_their_texts(write: Write) -> None:
    span = {"value": {"start": 3, "end": 6, "text": "Ada", "labels": ["X"]}}
    [document] = read_labelled(
        write("a.json", json.dumps([{"data": {"text": TEXT}, "annotations": [{"result": [span]}]}]))
    )
    assert pairs(document) == [("Ada", None)]


def test_prodigy_answers_are_honoured(tmp_path: Path) -> None:
    path = written("prodigy", tmp_path / "a.prodigy.jsonl")
    task = json.loads(path.read_text("utf-8"))
    task["spans"][0]["kb_id"] = "Q1"
    task["spans"].append({"start": 10, "end": 13, "token_start": 3, "token_end": 3, "label": "ENTITY"})
    lines = [{**task, "answer": answer} for answer in ("reject", "accept", "ignore")]
    path.write_text("".join(json.dumps({**line, "_task_hash": 1}) + "\n" for line in lines), "utf-8")
    [document] = read_labelled(path)
    assert pairs(document) == CORRECTED
    assert (document.id, document.meta) == ("a", {})


@pytest.mark.parametrize(("accept", "entity"), [(["Q7259"], "Q7259"), (["NIL_ambiguous"], None), ([], None)])
def test_a_choice_of_prodigy_is_the_entity_of_its_span(write: Write, accept: list[str], entity: str | None) -> None:
    span = {"start": 0, "end": 3, "label": "PERSON", "kb_id": "Q5"}
    task = {"text": "Ada.", "spans": [span], "options": [{"id": "Q7259"}], "accept": accept, "answer": "accept"}
    [document] = read_labelled(write("a.jsonl", json.dumps(task)))
    assert [mention.entity_id for mention in document.mentions] == [entity]


def test_brat_files_are_corrected_by_hand(tmp_path: Path) -> None:
    folder = written("brat", tmp_path / "brat")
    annotations = folder / "a.ann"
    content = annotations.read_text("utf-8").replace("Wikidata:Q7259\tAda Lovelace", "Wikidata:Q1\t")
    annotations.write_text(f"{content}T9\tPERSON 10 13\tZed\n", "utf-8")
    [document] = read_labelled(folder)
    assert pairs(document) == CORRECTED
    assert document.meta == {"mention_types": [[], ["PERSON"], [], []]}


def test_webanno_gets_an_entity_changed_and_a_mention_on_a_part_of_a_token(tmp_path: Path) -> None:
    folder = written("webanno", tmp_path / "webanno")
    content = (folder / "a.tsv").read_text("utf-8").replace("entity/Q7259", "entity/Q1")
    zed = "1-4\t11-14\tZed\t_\t_\t\n"
    assert zed in content
    (folder / "a.tsv").write_text(content.replace(zed, f"{zed}1-4.1\t11-13\tZe\t*\tPERSON\t\n"), "utf-8")
    [document] = read_labelled(folder / "a.tsv")
    assert pairs(document) == [("Ada", "Q1"), ("Ze", None), *CORRECTED[2:]]
    assert document.meta == {"mention_types": [[], ["PERSON"], [], []]}


def test_webanno_columns_of_other_layers_are_passed_over(write: Write) -> None:
    content = (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"
        "#T_RL=webanno.custom.Rel|label|BT_webanno.custom.Rel\n"
        "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value|identifier\n\n\n#Text=Ada met\n"
        "1-1\t0-3\tAda\tNNP\t_\t_\tPER\\_x[1]|LOC[2]\thttp://www.wikidata.org/entity/Q7259[1]|*[2]\t\n"
        "1-2\t4-7\tmet\tVBD\t_\t_\tPER\\_x[1]\thttp://www.wikidata.org/entity/Q7259[1]\t\n"
    )
    [document] = read_labelled(write("one.tsv", content))
    assert document.id == "one"
    assert [(mention.text, mention.entity_id) for mention in document.mentions] == [("Ada met", "Q7259"), ("Ada", None)]
    assert document.meta == {"mention_types": [["PER_x"], ["LOC"]]}


def test_tei_is_corrected_in_an_editor(tmp_path: Path) -> None:
    path = written("tei", tmp_path / "a.xml")
    content = path.read_text("utf-8").replace("entity/Q7259", "entity/Q1")
    path.write_text(content.replace("Zed", '<persName cert="high">Zed</persName>'), "utf-8")
    [document] = read_labelled(path)
    assert pairs(document) == CORRECTED
    assert document.meta == {"mention_types": [[], ["persName"], [], []]}


def test_names_of_other_tei_are_mentions_and_their_keys_ids_where_there_is_no_address(write: Write) -> None:
    content = (
        '<TEI xmlns="http://www.tei-c.org/ns/1.0" xml:id="t1"><teiHeader><name>No</name></teiHeader><text><body><p>'
        '<placeName key="K7">Paris</placeName> and <rs type="place" ref="#p2 http://x.org">Rome</rs></p></body></text></TEI>'
    )
    [document] = read_labelled(write("a.xml", content))
    assert (document.id, document.text) == ("t1", "Paris and Rome")
    assert [(mention.text, mention.entity_id) for mention in document.mentions] == [("Paris", "K7"), ("Rome", "#p2")]
    assert document.meta == {"mention_types": [["placeName"], ["place"]]}


def test_web_annotations_are_added_by_a_quote(tmp_path: Path) -> None:
    path = written("web-annotation", tmp_path / "a.jsonld")
    [page] = json.loads(path.read_text("utf-8"))
    page["items"][1]["body"][0]["source"] = "https://www.wikidata.org/wiki/Q1"
    selector = {"type": "TextQuoteSelector", "exact": "Zed", "prefix": "met "}
    page["items"].append({"type": "Annotation", "target": {"source": "urn:a", "selector": selector}})
    path.write_text(json.dumps([page]), "utf-8")
    [document] = read_labelled(path)
    assert pairs(document) == CORRECTED


def test_a_quote_that_fits_twice_is_an_error(write: Write) -> None:
    described = {"motivation": "describing", "body": {"value": "a b a"}, "target": "urn:x"}
    quoted = {"target": {"source": "urn:x", "selector": {"type": "TextQuoteSelector", "exact": "a"}}}
    page = {"@context": "http://www.w3.org/ns/anno.jsonld", "items": [described, quoted]}
    with pytest.raises(InputError, match="more than once"):
        list(read_labelled(write("a.jsonld", json.dumps(page))))


def test_conllu_is_corrected_and_other_peoples_links_are_read(tmp_path: Path, write: Write) -> None:
    path = written("conllu", tmp_path / "a.conllu")
    content = path.read_text("utf-8").replace("-Q7259-0.9000-Ada%20Lovelace", "-Q1")
    zed = "\tZed" + "\t_" * 8
    assert zed in content
    path.write_text(content.replace(zed, "\tZed" + "\t_" * 7 + "\tEntity=(z-ENTITY)"), "utf-8")
    [document] = read_labelled(path)
    assert pairs(document) == CORRECTED

    def row(number: str, form: str, misc: str) -> str:
        return f"{number}\t{form}" + "\t_" * 7 + f"\t{misc}\n"

    rows = [
        row("1-2", "zum", "_"), row("1", "zu", "_"), row("2", "dem", "_"), row("3", "New", "NE=B-LOC|NEL=Q60"),
        row("4", "York", "NE=I-LOC|NEL=Q60"), row("5", "Zed", "NE=B-PER|NEL=NIL|SpaceAfter=No"), row("6", ".", "_"),
    ]  # fmt: skip
    [other] = read_labelled(write("b.conllu", "# sent_id = 1\n" + "".join(rows) + "\n"))
    assert other.text == "zum New York Zed."
    assert [(mention.text, mention.entity_id) for mention in other.mentions] == [("New York", "Q60"), ("Zed", None)]


@pytest.mark.parametrize("name", ["label-studio", "prodigy", "tei", "web-annotation", "conllu", "nif", "docbin"])
def test_gold_specifics_survive_a_tool_that_changes_nothing(name: str, tmp_path: Path) -> None:
    [document] = read_labelled(written(name, tmp_path / f"a{FORMATS[name].writes[-1]}"), format=name)
    assert pairs(document) == [("Ada", "Q7259"), ("New York City", "Unknown1"), ("New York", "Q60")]


def test_a_blank_mention_is_no_gold(write: Write) -> None:
    path = write("a.jsonl", '{"text": "a b", "spans": [{"start": 1, "end": 2}], "tokens": []}')
    with pytest.raises(InputError, match=r"span 1:2 holds nothing but whitespace"):
        list(read_labelled(path))
