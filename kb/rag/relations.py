"""The relations of `relations.toml`: how facts are stated and asked, and which forms and compositions are held out."""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation. The last question and the last phrase are not for training."""

    name: str
    subject: str
    object: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    phrases: tuple[str, ...]
    earlier: tuple[str, ...] = ()

    def sub_question(self, name: str) -> str:
        """What the model writes before it asks for a passage."""
        return f"{self.name} of {name}?"

    def phrase(self, name: str, generator: random.Random, *, nested: bool, unseen: bool = False) -> str:
        """A noun phrase such as "the author of NAME"; "NAME's author" only where NAME is no phrase itself."""
        forms = self.phrases[-1:] if unseen else [form for form in self.phrases[:-1] if not (nested and "'s " in form)]
        return generator.choice(forms).replace("{x}", name)

    def question(self, name: str, generator: random.Random, *, nested: bool = False, unseen: bool = False) -> str:
        """A question about NAME: one of its own forms, or a general one around a phrase."""
        if unseen:
            return self.questions[-1].replace("{x}", name)
        if generator.random() < 0.6:
            return generator.choice(self.questions[:-1]).replace("{x}", name)
        asking = "Who is" if self.object == "person" else "What is"
        form = generator.choice([f"{asking} {{}}?", f"{asking} {{}}?", "Name {}.", "Tell me {}.", "{}?"])
        text = form.format(self.phrase(name, generator, nested=nested))
        return text[0].upper() + text[1:]


def load() -> dict[str, Relation]:
    """All relations by name."""
    table = tomllib.loads((HERE / "relations.toml").read_text(encoding="utf-8"))
    return {
        name: Relation(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for name, row in table.items()
    }


NOUNS = (
    "mascot", "patron", "rival", "mentor", "neighbour", "colour", "emblem", "anthem", "chairman", "treasurer",
    "coach", "captain", "heir", "tutor", "pupil", "editor", "publisher", "sponsor", "architect", "landlord",
    "tenant", "keeper", "guardian", "envoy", "bishop", "mayor", "governor", "commander", "pilot", "doctor",
    "lawyer", "agent", "broker", "supplier", "customer", "dealer", "partner", "successor", "predecessor", "deputy",
    "secretary", "assistant", "guide", "translator", "critic", "biographer", "portrait", "statue", "bridge",
    "river", "mountain", "harbour", "castle", "garden", "library", "theatre", "school", "hospital", "airport",
    "station", "market", "festival", "dish", "drink", "dance", "flower", "tree", "bird", "animal", "stone", "metal",
    "saint", "prophet", "feast", "motto", "nickname", "symbol", "flag", "hymn", "sister", "brother", "cousin",
    "uncle", "aunt", "nephew", "niece", "ancestor", "teacher", "student", "friend", "enemy", "ally", "hero",
    "villain", "instrument", "composer", "singer", "drummer", "guitarist", "producer", "label", "studio", "channel",
    "magazine", "newspaper", "journal", "printer", "designer", "engineer", "builder", "carpenter", "baker",
    "brewer", "farmer", "hunter", "sailor", "admiral", "general", "judge", "witness", "sheriff", "warden", "ranger",
    "porter", "driver", "mechanic", "horse", "dog", "cat", "ship", "boat", "train", "engine", "bank", "insurer",
    "auditor", "regulator", "minister", "ambassador", "consul", "delegate", "twin", "godfather", "province",
    "district", "village", "suburb", "island", "valley", "forest", "lake", "desert", "region", "parish", "abbey",
    "temple", "shrine",
)  # fmt: skip
"""Words that stand for relations in invented worlds, so that "the WORD of NAME" is understood whatever the word is."""


def of_noun(noun: str, kind: str) -> Relation:
    """A relation that only invented worlds have."""
    return Relation(
        noun,
        kind,
        kind,
        (
            f"The {noun} of {{s}} is {{o}}.",
            f"{{o}} is the {noun} of {{s}}.",
            f"{noun.capitalize()}: {{o}}.",
            f"Its {noun} is {{o}}.",
        ),
        (f"What is the {noun} of {{x}}?", f"Which is the {noun} of {{x}}?", ""),
        (f"the {noun} of {{x}}", f"{{x}}'s {noun}", f"the {noun} of {{x}}", ""),
    )


def nested_question(chain: Sequence[Relation], name: str, generator: random.Random, *, unseen: bool = False) -> str:
    """The question whose first hop is `chain[0]` from NAME and whose last is `chain[-1]`.

    With `unseen`, the innermost phrase and the question have the held-out form.
    """
    inner, nested = name, False
    for index, relation in enumerate(chain[:-1]):
        inner = relation.phrase(inner, generator, nested=nested, unseen=unseen and index == 0)
        nested = True
    return chain[-1].question(inner, generator, nested=nested, unseen=unseen)
