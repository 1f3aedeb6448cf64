"""Writes the passages and questions of the RAG starter; the same files for the same facts.

    python kb/rag/make.py                      # facts.tsv, passages.jsonl, test.jsonl, beside this file
    python kb/rag/make.py --shipped DIR        # the same, elsewhere
    python kb/rag/make.py --training DIR       # train.jsonl and documents.jsonl, what `elinker train` reads

The first are committed; the second are larger and are made when a model is trained.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import facts
import passages
import relations
from compositions import Compositions
from questions import UNKNOWN, Asker, Question

HERE = Path(__file__).resolve().parent
SEED = 20
QUERY, DOCUMENT, OPEN, CLOSE = "[RQ]", "[RD]", "<paragraph>", "</paragraph>"
ANSWER_OPEN, ANSWER_CLOSE, END = "<FINAL-ANSWER>", "</FINAL-ANSWER>", "[SEP]"
TRAINING = {
    "single": 0.17, "two hops": 0.28, "three hops": 0.23, "yes or no": 0.11, "comparison": 0.09, "missing": 0.12,
}  # fmt: skip
INVENTED = 0.4
MISLED = 0.06
TEST = {
    "single": 200,
    "single, by alias": 100,
    "two hops": 300,
    "three hops": 300,
    "yes or no": 100,
    "comparison": 100,
    "missing": 200,
}
FORMS = {"single": 100, "two hops": 100, "yes or no": 50, "comparison": 50}


class Maker:
    """Everything that the files are made from."""

    def __init__(self) -> None:
        self.base = facts.Base()
        self.relations = relations.load()
        self.facts = facts.collect(self.base, self.relations)
        self.passages = list(passages.write(self.base, self.facts, self.relations, random.Random(SEED)))
        self.compositions = Compositions(self.base, self.facts, random.Random(SEED + 1))

    def asker(self, seed: int) -> Asker:
        """Who asks; what is held out does not depend on `seed`."""
        generator = random.Random(SEED + 2)
        asker = Asker(self.base, self.facts, self.relations, self.passages, self.compositions, generator)
        generator.seed(seed)
        return asker


def training_questions(asker: Asker, count: int, generator: random.Random) -> Iterator[Question]:
    """Questions for training, in the shares above."""
    for kind in generator.choices(list(TRAINING), list(TRAINING.values()), k=count):
        if generator.random() < INVENTED:
            yield asker.invented("missing fact" if kind == "missing" else kind)
            continue
        question = _asked(asker, kind, test=False)
        yield asker.misled(question) if kind != "missing" and generator.random() < MISLED else question


def test_questions(asker: Asker) -> Iterator[Question]:
    """Questions for the test, none asked twice."""
    seen: set[str] = set()
    for forms, counts in ((False, TEST), (True, FORMS)):
        for kind, count in counts.items():
            made = tries = 0
            while made < count and tries < 50 * count:
                tries += 1
                question = _asked(asker, kind, test=True, form=forms)
                if question.text not in seen:
                    seen.add(question.text)
                    made += 1
                    yield question if not forms else _renamed(question)


def _renamed(question: Question) -> Question:
    return Question(
        question.kind + ", unseen form",
        question.text,
        question.hops,
        question.answers,
        question.composition,
        question.subject,
    )


def _asked(asker: Asker, kind: str, *, test: bool, form: bool = False) -> Question:
    if kind == "single, by alias":
        return asker.by_alias()
    if kind == "missing":
        return asker.missing(test=test)
    if kind == "yes or no":
        return asker.confirmed(test=test, form=form)
    if kind == "comparison":
        return asker.compared(test=test, form=form)
    return asker.chain({"single": 1, "two hops": 2, "three hops": 3}[kind], test=test, form=form)


def conversation(question: Question) -> dict[str, Any]:
    """A question as a line of training."""
    written: list[str] = []
    last = len(question.hops) - 1
    says_between = question.answers[0] in ("yes", "no") or question.kind.startswith("comparison")
    for index, hop in enumerate(question.hops):
        written.append(f"{hop.relation} of {hop.name}?{QUERY}{OPEN}{hop.title}. {hop.text}{CLOSE}")
        if hop.answer is not None and (index < last or says_between):
            written.append(f"{hop.answer}; ")
    cited = "" if question.answers[0] == UNKNOWN else "".join(f"[[{number + 1}]]" for number in range(last + 1))
    written.append(f"{ANSWER_OPEN}{question.answers[0]}{cited}{ANSWER_CLOSE}{END}")
    return {
        "kind": question.kind,
        "composition": question.composition,
        "subject": question.subject,
        "messages": [
            {"role": "user", "content": f"[CLS]{question.text}{END}"},
            {
                "role": "assistant",
                "content": "".join(written),
                "positive": [[hop.gold] if hop.gold else [] for hop in question.hops],
                "negative": [list(hop.wrong) for hop in question.hops],
            },
        ],
    }


def document(passage: passages.Passage) -> dict[str, Any]:
    """A passage as a document of training."""
    messages = [
        {"role": "user", "content": f"{passage.title}. "},
        {"role": "assistant", "content": f"{passage.text}{DOCUMENT}"},
    ]
    return {"uid": passage.id, "messages": messages}


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_shipped(maker: Maker, directory: Path) -> None:
    """What is committed."""
    with (directory / "facts.tsv").open("w", encoding="utf-8") as file:
        file.write("subject\tlabel\trelation\tobject\tname\tsource\n")
        for fact in maker.facts:
            label = maker.base.entities[fact.subject].label
            row = (fact.subject, label, fact.relation, fact.object_id or "", fact.object, fact.source)
            file.write("\t".join(row) + "\n")
    write(
        directory / "passages.jsonl",
        ({"id": p.id, "title": p.title, "text": p.text} for p in maker.passages),
    )
    asker = maker.asker(SEED + 3)
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(test_questions(asker)):
        row = {
            "id": f"q{number}",
            "type": question.kind,
            "question": question.text,
            "answers": question.answers,
            "answerable": question.answers[0] != UNKNOWN,
            "hops": [[hop.gold] for hop in question.hops],
            "sub_questions": [f"{hop.relation} of {hop.name}?" for hop in question.hops],
            "composition": question.composition,
            "entity": "unseen" if question.subject is None or question.subject in asker.unseen else "seen",
        }
        if question.hops[0].gold is None:
            del row["hops"]  # there is no passage about an entity that the base lacks
        rows.append(row)
    write(directory / "test.jsonl", rows)


def write_training(maker: Maker, directory: Path, count: int) -> None:
    """What `elinker train` reads: questions, and the passages of all entities that are not held out."""
    directory.mkdir(parents=True, exist_ok=True)
    asker = maker.asker(SEED + 4)
    told = [passage for passage in maker.passages if passage.id not in asker.unseen]
    write(directory / "documents.jsonl", map(document, told))
    write(directory / "train.jsonl", map(conversation, training_questions(asker, count, random.Random(SEED + 5))))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shipped", type=Path, default=HERE, metavar="DIR", help="write the committed files there")
    parser.add_argument("--training", type=Path, metavar="DIR", help="write the training files there")
    parser.add_argument("--questions", type=int, default=60_000, help="how many questions to train on")
    arguments = parser.parse_args()
    maker = Maker()
    if arguments.training is None:
        write_shipped(maker, arguments.shipped)
    else:
        write_training(maker, arguments.training, arguments.questions)


if __name__ == "__main__":
    main()
