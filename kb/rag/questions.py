"""Questions of every kind with their hops: what is asked for, the passage that is read, the answer."""

import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compositions import Chain, Compositions
from facts import KINDS, Base, Fact
from passages import Passage
from relations import Relation, nested_question
from worlds import World

UNKNOWN = "not in the base"
"""The answer to a question that the passages do not answer."""

_TEXTS = Path(__file__).resolve().parent.parent / "starter" / "texts.jsonl"
_HINTS = {
    "spouse": "wife|husband|married|spouse|widow",
    "birthplace": "born|native",
    "founder": "found",
    "headquarters": "based|headquarter|in [A-Z]",
    "owner": "owned|subsidiary|part of|division",
    "band": "band|singer|of ",
    "club": "for |of |with ",
    "university": "professor|student|university",
    "party": "party|politic|president|minister",
    "director": "direct| by ",
    "author": " by |writ",
    "maker": " by |made|develop",
    "painter": " by ",
    "performer": " by ",
    "creator": " by |creat",
    "museum": "museum|in ",
    "stadium": " at |stadium",
    "home city": "from|in [A-Z]|based",
    "birth year": "born|[0-9]{4}",
    "release year": "[0-9]{4}",
    "founding year": "[0-9]{4}",
    "occupation": ".",
}
"""What in a description may tell a fact although none is listed: such a fact is not called missing."""
SAME = (
    "Are {a} and {b} in the same country?", "Do {a} and {b} lie in the same country?",
    "Is {a} in the same country as {b}?", "Is it true that {a} and {b} are in the same country?",
)  # fmt: skip
SAME_HOME = (
    "Are {a} and {b} from the same country?", "Do {a} and {b} come from the same country?",
    "Is {a} from the same country as {b}?", "Is it true that {a} and {b} come from the same country?",
)  # fmt: skip
_ALSO = re.compile(r"Also called (.+?)\. ")
_BY_ALIAS = 0.12
_SHORTENED = 0.15
YES_NO = ("Is {o} {p}?", "Is it true that {p} is {o}?", "Is it {o} that is {p}?", "{p} is {o}, right?")


@dataclass(frozen=True, slots=True)
class Hop:
    """A sub-question, the passage read for it, its answer; `gold` is the entity's passage, `wrong` are others."""

    relation: str
    name: str
    title: str
    text: str
    answer: str | None
    gold: str | None = None
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question of some kind, its hops and its answers; the first answer is what the model is to write."""

    kind: str
    text: str
    hops: tuple[Hop, ...]
    answers: tuple[str, ...]
    composition: tuple[str, ...] = ()
    subject: str | None = None


class Asker:
    """Asks about the base and about invented worlds.

    Args:
        base: the entities.
        facts: all facts.
        relations: how they are asked.
        passages: all passages.
        compositions: the chains, and which compositions are held out.
        generator: source of all draws.
    """

    def __init__(
        self, base: Base, facts: Sequence[Fact], relations: dict[str, Relation], passages: Sequence[Passage],
        compositions: Compositions, generator: random.Random,
    ) -> None:  # fmt: skip
        self._base, self._relations, self._compositions, self._random = base, relations, compositions, generator
        self._world = World(base, relations, generator)
        self._facts = {(fact.subject, fact.relation): fact for fact in facts}
        self._passage = {passage.id: passage for passage in passages}
        self._all = list(self._passage)
        self._with: dict[str, list[str]] = defaultdict(list)
        self._sharing: dict[str, list[str]] = defaultdict(list)
        for passage in passages:
            for relation in passage.relations:
                self._with[relation].append(passage.id)
            for word in _words(passage.title):
                self._sharing[word].append(passage.id)
        self._objects: dict[str, list[str]] = defaultdict(list)
        for fact in facts:
            self._objects[fact.relation].append(fact.object)
        aimed = {fact.object_id for fact in facts}
        plain = [entity.id for entity in base.entities.values() if entity.title == entity.label]
        leaves = [name for name in plain if name not in aimed]
        self.unseen = frozenset(generator.sample(leaves, len(leaves) // 7))
        self._asked = frozenset(plain)
        self._strangers = _strangers(base, generator)

    # ---- what is asked

    def chain(self, length: int, *, test: bool, form: bool = False) -> Question:
        """A question of `length` hops; with `test` its composition is held out, or the entity of its one hop."""
        chain = self._single(test) if length == 1 else self._composed(length, test)
        hops = tuple(self._hop(fact) for fact in chain)
        if not test:
            hops = (self._renamed(hops[0], chain[0]), *hops[1:])
            hops = tuple(self._shortened(hop, fact) for hop, fact in zip(hops, chain, strict=True))
        return self._about(chain, hops, form)

    def by_alias(self) -> Question:
        """A question of one hop that names an unseen entity by another name, which its passage tells."""
        while True:
            chain = self._single(True)
            hop = self._hop(chain[0])
            alias = _ALSO.search(hop.text)
            if alias:
                return replace(self._about(chain, (replace(hop, name=alias[1]),)), kind="single, by alias")

    def _renamed(self, hop: Hop, fact: Fact) -> Hop:
        """The hop, now and then by another name of its entity, where its passage tells that name."""
        alias = _ALSO.search(hop.text)
        return replace(hop, name=alias[1]) if alias and self._random.random() < _BY_ALIAS else hop

    def _shortened(self, hop: Hop, fact: Fact) -> Hop:
        """The hop, now and then with a passage that tells the fact in the words of the description only."""
        if fact.object not in self._base.entities[fact.subject].description or self._random.random() > _SHORTENED:
            return hop
        told = [sentence for sentence in hop.text.split(". ") if fact.object in sentence]
        return replace(hop, text=told[0].rstrip(".") + ".") if told else hop

    def _about(self, chain: Chain, hops: tuple[Hop, ...], form: bool = False) -> Question:
        used = [self._relations[fact.relation] for fact in chain]
        text = nested_question(used, hops[0].name, self._random, unseen=form)
        kind = {1: "single", 2: "two hops", 3: "three hops"}[len(chain)]
        composition = tuple(fact.relation for fact in chain)
        return Question(kind, text, hops, self._answers(chain[-1]), composition, chain[0].subject)

    def _single(self, test: bool) -> Chain:
        relations = list(self._relations)
        while True:
            relation = self._random.choice(relations)
            subject = self._random.choice(self._with[relation])
            if subject in self._asked and (subject in self.unseen) == test:
                return (self._facts[subject, relation],)

    def _composed(self, length: int, test: bool) -> Chain:
        keys = [
            key for key in self._compositions.chains
            if len(key) == length and self._compositions.is_held_out(key) == test
        ]  # fmt: skip
        weights = [len(self._compositions.chains[key]) ** 0.5 for key in keys]
        while True:
            key = self._random.choices(keys, weights)[0]
            chains = self._compositions.chains[key]
            if test and self._random.random() < 0.6:
                chains = [chain for chain in chains if chain[0].subject in self.unseen] or chains
            chain = self._random.choice(chains)
            if test or all(fact.subject not in self.unseen for fact in chain):
                return chain

    def confirmed(self, *, test: bool, form: bool = False) -> Question:
        """A yes/no question of one hop or two."""
        length = self._random.choice((1, 1, 2))
        asked = self.chain(length, test=test)
        chain = [self._relations[hop.relation] for hop in asked.hops]
        phrase, nested = asked.hops[0].name, False
        for relation in chain:
            phrase, nested = relation.phrase(phrase, self._random, nested=nested), True
        right = self._random.random() < 0.5
        others = [name for name in self._objects[chain[-1].name] if name != asked.answers[0]]
        told = asked.answers[0] if right else self._random.choice(others)
        text = self._form(YES_NO, form).replace("{o}", told).replace("{p}", phrase)
        return replace(asked, kind="yes or no", text=text[0].upper() + text[1:], answers=("yes" if right else "no",))

    def compared(self, *, test: bool, form: bool = False) -> Question:
        """Which of two is earlier, or whether two are in the same country."""
        relation = self._random.choice(("birth year", "founding year", "release year", "country", "home country"))
        while True:
            first, second = (self._fact_of(relation, test) for _ in range(2))
            if first.subject == second.subject or (relation.endswith("year") and first.object == second.object):
                continue
            if not relation.endswith("year") and self._random.random() < 0.5:
                same = [one for one in self._with[relation] if self._facts[one, relation].object == first.object]
                second = self._facts[self._random.choice(same), relation]
                if first.subject == second.subject or second.subject not in self._asked:
                    continue
                if (second.subject in self.unseen) != test:
                    continue
            break
        a, b = (self._base.entities[fact.subject].label for fact in (first, second))
        if relation.endswith("year"):
            forms = self._relations[relation].earlier
            answers = (a if int(first.object) < int(second.object) else b,)
        else:
            forms = SAME if relation == "country" else SAME_HOME
            answers = ("yes" if first.object == second.object else "no",)
        text = self._form(forms, form).replace("{a}", a).replace("{b}", b)
        hops = (self._hop(first), self._hop(second))
        return Question("comparison", text, hops, answers, (relation, relation), first.subject)

    def missing(self, *, test: bool) -> Question:
        """A question that the base does not answer: it lacks the entity, or a fact, at the first hop or the second."""
        if self._random.random() < 0.5:
            return self._of_stranger(test)
        while True:
            before: Chain = ()
            if self._random.random() < 0.35:
                key = self._random.choice([key for key in self._compositions.chains if len(key) == 2])
                before = self._random.choice(self._compositions.chains[key])[:1]
                entity = self._base.entities[before[0].object_id or ""]
                unseen = before[0].subject in self.unseen
            else:
                entity = self._base.entities[self._random.choice(self._all)]
                unseen = entity.id in self.unseen
            if unseen != test or entity.id not in self._asked:
                continue
            relation = self._random.choice(
                [one for one in self._relations.values() if _fits(one, entity.kind)] or [None]
            )
            if relation is None or (entity.id, relation.name) in self._facts or relation.name not in _HINTS:
                continue
            if re.search(_HINTS[relation.name], entity.description):
                continue
            break
        if before and self._compositions.is_held_out((before[0].relation, relation.name)) != test:
            return self.missing(test=test)
        start = self._base.entities[before[0].subject].label if before else entity.label
        used = [*(self._relations[fact.relation] for fact in before), relation]
        read = self._passage[entity.id]
        wrong = self._near(entity.label, entity.id)
        last = Hop(relation.name, entity.label, read.title, read.text, None, entity.id, wrong)
        hops = (*(self._hop(fact) for fact in before), last)
        text = nested_question(used, start, self._random)
        return Question("missing fact", text, hops, (UNKNOWN,), tuple(one.name for one in used), entity.id)

    def _of_stranger(self, test: bool) -> Question:
        name = self._random.choice(self._strangers[test])
        length = self._random.choice((1, 1, 2))
        used = [
            self._relations[fact.relation] for fact in (self._single(False) if length == 1 else self._composed(2, test))
        ]
        near = self._near(name, "")
        other = (
            self._random.choice(near)
            if near and self._random.random() < 0.7
            else self._random.choice(self._with[used[0].name])
        )
        read = self._passage[other]
        text = nested_question(used, name, self._random)
        hop = Hop(used[0].name, name, read.title, read.text, None)
        return Question("missing entity", text, (hop,), (UNKNOWN,), tuple(one.name for one in used))

    def misled(self, question: Question) -> Question:
        """The question with a passage that does not answer one of its hops, so that it ends there."""
        at = self._random.randrange(len(question.hops))
        hop = question.hops[at]
        pool = [name for name in (*hop.wrong[:2], self._random.choice(self._with[hop.relation])) if name != hop.gold]
        if not pool:
            return question
        read = self._passage[self._random.choice(pool)]
        hops = (*question.hops[:at], replace(hop, title=read.title, text=read.text, answer=None))
        return replace(question, hops=hops, answers=(UNKNOWN,))

    # ---- invented worlds

    def invented(self, kind: str) -> Question:
        """A question of a kind about a world that only its passages describe; nothing of it can be retrieved."""
        length = {"single": 1, "two hops": 2, "three hops": 3, "missing fact": self._random.choice((1, 2, 3))}.get(
            kind, 1
        )
        words = self._random.random() < 0.4
        chain = self._world.chain(length) if words else self._invented_chain(length)
        if kind == "comparison":
            return self._invented_comparison()
        hops: list[Hop] = []
        name = self._world.name(chain[0].subject)
        for relation in chain:
            answer = self._world.name(relation.object)
            text = self._world.passage(
                relation, name, answer, self._world.others(relation, self._random.choice((0, 1, 2, 3)))
            )
            hops.append(Hop(relation.name, name, name, text, answer))
            name = answer
        question = nested_question(chain, hops[0].name, self._random)
        answers = (hops[-1].answer or "",)
        if kind == "yes or no":
            right = self._random.random() < 0.5
            told = answers[0] if right else self._world.name(chain[-1].object)
            phrase = chain[0].phrase(hops[0].name, self._random, nested=False)
            question = self._form(YES_NO, False).replace("{o}", told).replace("{p}", phrase)
            question, answers = question[0].upper() + question[1:], ("yes" if right else "no",)
        if kind == "missing fact":
            hops[-1] = self._without(hops[-1], chain[-1])
            answers = (UNKNOWN,)
        return Question(kind, question, tuple(hops), answers, tuple(relation.name for relation in chain))

    def _invented_chain(self, length: int) -> list[Relation]:
        if length == 1:
            return [self._random.choice(list(self._relations.values()))]
        keys = [k for k in self._compositions.chains if len(k) == length and not self._compositions.is_held_out(k)]
        return [self._relations[name] for name in self._random.choice(keys)]

    def _without(self, hop: Hop, relation: Relation) -> Hop:
        """The hop with a passage that does not answer it: of somebody else, or of other facts."""
        if self._random.random() < 0.5:
            others = self._world.others(relation, self._random.choice((1, 2, 3)))
            return replace(hop, answer=None, text=self._world.passage(None, hop.name, "", others) or "Nothing is told.")
        name = self._world.name(relation.subject)
        if self._random.random() < 0.5 and " " in hop.name:  # a namesake in part
            words, other = hop.name.split(), name.split()
            name = " ".join([words[0], *other[-1:]] if self._random.random() < 0.5 else [*other[:1], words[-1]])
        if name == hop.name:
            name += " II"
        others = self._world.others(relation, self._random.choice((0, 1)))
        text = self._world.passage(relation, name, self._world.name(relation.object), others)
        return replace(hop, title=name, text=text, answer=None)

    def _invented_comparison(self) -> Question:
        relation = self._relations[
            self._random.choice(("birth year", "founding year", "release year", "country", "home country"))
        ]
        years = relation.name.endswith("year")
        names = [self._world.name(relation.subject) for _ in range(2)]
        first, second = (self._world.name(relation.object) for _ in range(2))
        if not years and self._random.random() < 0.5:
            second = first
        if years and first == second:
            second = str(int(first) + 1)
        hops = tuple(
            Hop(
                relation.name,
                name,
                name,
                self._world.passage(relation, name, told, self._world.others(relation, 1)),
                told,
            )
            for name, told in zip(names, (first, second), strict=True)
        )
        forms = relation.earlier if years else SAME if relation.name == "country" else SAME_HOME
        text = self._form(forms, False).replace("{a}", names[0]).replace("{b}", names[1])
        answer = names[first > second] if years else "yes" if first == second else "no"
        return Question("comparison", text, hops, (answer,), (relation.name,) * 2)

    # ---- parts

    def _form(self, forms: Sequence[str], unseen: bool) -> str:
        return forms[-1] if unseen else self._random.choice(forms[:-1])

    def _fact_of(self, relation: str, test: bool) -> Fact:
        while True:
            subject = self._random.choice(self._with[relation])
            if subject in self._asked and (subject in self.unseen) == test:
                return self._facts[subject, relation]

    def _hop(self, fact: Fact) -> Hop:
        passage = self._passage[fact.subject]
        label = self._base.entities[fact.subject].label
        wrong = (*self._near(label, fact.subject)[:2], self._random.choice(self._with[fact.relation]))
        return Hop(
            fact.relation, label, passage.title, passage.text, fact.object, fact.subject,
            tuple(one for one in wrong if one != fact.subject),
        )  # fmt: skip

    def _near(self, name: str, entity: str) -> tuple[str, ...]:
        """Passages of other entities whose titles share a word with a name."""
        pool = [p for word in _words(name) for p in self._sharing[word][:400] if p != entity]
        return tuple(self._random.sample(pool, min(3, len(pool))))

    def _answers(self, fact: Fact) -> tuple[str, ...]:
        if fact.object_id is None:
            return (fact.object,)
        entity = self._base.entities[fact.object_id]
        return tuple(dict.fromkeys((fact.object, entity.label, *entity.aliases)))


def _fits(relation: Relation, kind: str) -> bool:
    return kind in KINDS.get(relation.subject, (relation.subject,))


def _words(title: str) -> list[str]:
    return [word for word in re.findall(r"\w+", title.lower()) if len(word) > 3]


def _strangers(base: Base, generator: random.Random) -> dict[bool, list[str]]:
    """Names that texts of kb/starter mention and the base lacks: for training (False) and for the test (True)."""
    found = set()
    for line in _TEXTS.open(encoding="utf-8"):
        for mention in json.loads(line)["mentions"]:
            title = mention.get("title") or ""
            if mention["entity_id"] is None and title and title.lower() not in base.names and "(" not in title:
                found.add(title)
    names = sorted(found)
    generator.shuffle(names)
    return {True: names[: len(names) // 6], False: names[len(names) // 6 :]}
