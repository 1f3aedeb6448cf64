"""What early stopping watches: held-out texts linked end to end in a temporary base."""

from collections.abc import Callable

from elinker.onegen.model import OneGen
from elinker.schema import Entity
from elinker.training.heldout import choose, linking_f1
from elinker.training.labelled import LabelledText

Marked = Callable[..., LabelledText]


def test_entities_of_the_texts_come_first_and_others_fill_the_base(marked: Marked) -> None:
    entities = [Entity(f"Q{number}", f"name {number}") for number in range(50)]
    texts = [marked("[Q7:seven] and [Q40:forty]"), marked("[:Oslo]"), marked("[Q7:seven]")]
    chosen, linked = choose(entities, texts, most_texts=9, most_entities=10, seed=1)
    assert linked == texts
    ids = [entity.id for entity in chosen]
    assert len(ids) == 10
    assert {"Q7", "Q40"} < set(ids)
    assert ids == sorted(ids, key=lambda one: int(one[1:]))
    assert choose(entities, texts, most_texts=9, most_entities=1, seed=1)[0] == [entities[7], entities[40]]


def test_no_more_texts_are_linked_than_asked_for_and_always_the_same(
    texts: tuple[LabelledText, ...], entities: tuple[Entity, ...]
) -> None:
    drawn = [choose(entities, texts, most_texts=5, most_entities=9, seed=3)[1] for _ in range(2)]
    assert len(drawn[0]) == 5
    assert drawn[0] == drawn[1]


def test_f1_is_between_nothing_and_all_and_a_text_without_names_is_no_gain(
    onegen: OneGen, texts: tuple[LabelledText, ...], entities: tuple[Entity, ...], marked: Marked
) -> None:
    assert 0.0 <= linking_f1(onegen, entities, texts[:6]) <= 1.0
    assert linking_f1(onegen, entities, [marked("nobody came")]) == 0.0
