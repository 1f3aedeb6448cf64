"""The starter's entities and texts are sound, and its datasheet says what is in them."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from elinker.kb import normalise_name

STARTER = Path(__file__).parents[2] / "kb" / "starter"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (STARTER / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def entities() -> list[dict[str, Any]]:
    return rows("entities.jsonl")


@pytest.fixture(scope="module")
def texts() -> list[dict[str, Any]]:
    return rows("texts.jsonl")


@pytest.fixture(scope="module")
def newswire() -> list[dict[str, Any]]:
    return rows("newswire.jsonl")


@pytest.fixture(scope="module")
def datasheet() -> str:
    return " ".join((STARTER / "DATASHEET.md").read_text(encoding="utf-8").split())


def test_ids_are_unique_and_every_linked_mention_has_its_entity(
    entities: list[dict[str, Any]], texts: list[dict[str, Any]], newswire: list[dict[str, Any]]
) -> None:
    texts = texts + newswire
    ids = {entity["id"] for entity in entities}
    assert len(ids) == len(entities)
    assert len({text["id"] for text in texts}) == len(texts)
    assert {mention["entity_id"] for text in texts for mention in text["mentions"]} - {None} <= ids


def test_every_mention_is_its_text_and_none_overlap(
    texts: list[dict[str, Any]], newswire: list[dict[str, Any]]
) -> None:
    for text in texts + newswire:
        last = 0
        for mention in text["mentions"]:
            assert text["text"][mention["start"] : mention["end"]] == mention["text"] != ""
            assert mention["start"] >= last, text["id"]
            last = mention["end"]


def test_the_datasheet_counts_the_newswire_texts_right(newswire: list[dict[str, Any]], datasheet: str) -> None:
    mentions = [mention for text in newswire for mention in text["mentions"]]
    linked = sum(mention["entity_id"] is not None for mention in mentions)
    parts = Counter(text["id"].partition("-")[0] for text in newswire)
    share = round(100 * linked / len(mentions))
    assert f"{len(newswire)} texts of about 85 words" in datasheet
    assert 80 < sum(len(text["text"].split()) for text in newswire) / len(newswire) < 90
    assert f"with {len(mentions):,} mentions, {linked:,} of them ({share} %)" in datasheet
    assert f"business {parts['business']}, culture and technology {parts['culture']}" in datasheet
    assert f"politics {parts['politics']}" in datasheet
    assert f"science and accidents {parts['science']}, sport {parts['sport']}" in datasheet


def test_the_datasheet_counts_the_entities_right(entities: list[dict[str, Any]], datasheet: str) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for entity in entities:
        for name in (entity["label"], *entity["aliases"]):
            named[normalise_name(name)].add(entity["id"])
    shared = [ids for ids in named.values() if len(ids) > 1]
    typed = [entity for entity in entities if entity["types"]]
    kinds = {kind for entity in entities for kind in entity["types"]}
    aliases = sum(len(entity["aliases"]) for entity in entities)
    assert f"| entities | {len(entities):,} |" in datasheet
    assert f"| types | {len(kinds)} different; {len(typed):,} entities have at least one" in datasheet
    assert f"| aliases | {aliases:,}: {aliases / len(entities):.1f} an entity" in datasheet
    assert f"| {len(named):,} different |" in datasheet
    assert f"| {len(shared):,}, among {len(set.union(*shared)):,} entities" in datasheet
    for kind, count in Counter(entity["types"][0] for entity in typed).most_common(10):
        assert f"| {kind} | {count:,} |" in datasheet


def test_the_datasheet_counts_the_texts_right(
    entities: list[dict[str, Any]], texts: list[dict[str, Any]], datasheet: str
) -> None:
    groups = [[text for text in texts if text["id"].endswith(f"-{kind}")] for kind in "spn"] + [texts]
    mentions = [[mention for text in group for mention in text["mentions"]] for group in groups]
    linked = [[mention for mention in group if mention["entity_id"]] for group in mentions]

    def row(name: str, values: list[str]) -> str:
        return f"| {name} | {' | '.join(values)} |"

    assert row("texts", [f"{len(group):,}" for group in groups]) in datasheet
    assert (
        row("words (by white space)", [f"{sum(len(t['text'].split()) for t in group):,}" for group in groups])
        in datasheet
    )
    assert row("mentions", [f"{len(group):,}" for group in mentions]) in datasheet
    assert (
        row(
            "mentions with an entity",
            [f"{len(w):,} ({len(w) / len(m):.0%})".replace("%", " %") for w, m in zip(linked, mentions, strict=True)],
        )
        in datasheet
    )
    assert (
        row("different entities mentioned", [f"{len({m['entity_id'] for m in group}):,}" for group in linked])
        in datasheet
    )
    assert f"{len({m['entity_id'] for m in linked[-1]}):,} of the {len(entities):,} entities (98 %)" in datasheet
    assert f"{len(mentions[-1]) - len(linked[-1]):,} mentions (42 %) have `entity_id` null" in datasheet
