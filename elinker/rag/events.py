"""What happens while an answer is written, as it happens."""

from dataclasses import dataclass

from elinker.rag.answer import Answer, Step


@dataclass(frozen=True, slots=True)
class Written:
    """More of what the model writes; `answer` says whether it belongs to the answer."""

    text: str
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A sub-question is complete: passages are looked for."""

    query: str


@dataclass(frozen=True, slots=True)
class Found:
    """Passages were found and are being read."""

    step: Step


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer; nothing comes after it."""

    answer: Answer


Event = Written | Asked | Found | Finished
