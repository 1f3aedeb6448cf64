"""What a benchmark says is right: gold documents, their mentions, and what is scored. `benchmarks` reads the files."""

from dataclasses import dataclass, field

from elinker.errors import InputError
from elinker.schema import Document, Mention

Span = tuple[int, int]
"""Start and end of a mention in characters of the document's text."""


@dataclass(frozen=True, slots=True)
class GoldMention:
    """A span that the annotators marked. `entity_id` is None where they gave the entity no id, or none we know.

    `label` is the entity's name and `types` are its classes, where the benchmark tells them; they are not compared.
    """

    start: int
    end: int
    entity_id: str | None = None
    label: str | None = field(default=None, compare=False)
    types: tuple[str, ...] = field(default=(), compare=False)

    @property
    def span(self) -> Span:
        """`start` and `end` as a pair."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """A text with what should be found in it.

    `mentions` may overlap. `alternatives` are other acceptable answers inside a mention (ELEVANT's labels with a
    `parent`): finding one is neither right nor wrong. Only what lies wholly inside `evaluation_span` is scored; None
    means the whole text.

    Raises:
        InputError: a span is empty or reaches beyond the text.
    """

    id: str
    text: str
    mentions: tuple[GoldMention, ...] = ()
    alternatives: tuple[GoldMention, ...] = ()
    evaluation_span: Span | None = None
    title: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for mention in (*self.mentions, *self.alternatives):
            if not 0 <= mention.start < mention.end <= len(self.text):
                raise InputError(
                    f"document {self.id!r}: span {mention.start}:{mention.end} is not in the text of "
                    f"{len(self.text)} characters",
                    hint="offsets count characters of the text, the end is exclusive",
                )

    def is_scored(self, start: int, end: int) -> bool:
        """Whether a mention at `start:end` lies wholly inside the part of the text that is scored."""
        first, last = self.evaluation_span or (0, len(self.text))
        return first <= start and end <= last

    def scored(self) -> tuple[GoldMention, ...]:
        """The mentions inside the evaluation span."""
        return tuple(mention for mention in self.mentions if self.is_scored(mention.start, mention.end))

    def scored_alternatives(self) -> tuple[GoldMention, ...]:
        """The alternatives inside the evaluation span."""
        return tuple(mention for mention in self.alternatives if self.is_scored(mention.start, mention.end))

    def to_document(self) -> Document:
        """The bare text, as a linker gets it for end-to-end linking."""
        return Document(id=self.id, text=self.text)

    def given_layers(self) -> list[Document]:
        """The text with the scored spans marked and their entities left out, as a linker gets it for disambiguation.

        Mentions of a `Document` do not overlap, so gold spans that do are dealt out over several documents; almost
        always there is one. No document comes back where nothing is marked.
        """
        layers: list[list[Span]] = []
        for start, end in sorted({mention.span for mention in self.scored()}):
            for layer in layers:
                if layer[-1][1] <= start:
                    layer.append((start, end))
                    break
            else:
                layers.append([(start, end)])
        return [
            Document(
                id=self.id,
                text=self.text,
                mentions=tuple(Mention(start=start, end=end, text=self.text[start:end]) for start, end in layer),
            )
            for layer in layers
        ]
