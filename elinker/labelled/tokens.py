"""The text of a format that only has tokens, rebuilt as they come, and its mentions by their first and last tokens."""

from elinker.errors import InputError
from elinker.labelled.mentions import gold_mention
from elinker.schema import Mention


class TokenText:
    """Tokens joined to a text. `between` is what stands before the next token, nothing before the first."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.between = " "

    def add(self, token: str) -> tuple[int, int]:
        """Append a token and return its start and end; `between` is a blank again afterwards.

        Raises:
            InputError: the token is blank.
        """
        if not token or token.isspace():
            raise InputError("a row without a token")
        if self._parts:
            self._parts.append(self.between)
            self._length += len(self.between)
        start = self._length
        self._parts.append(token)
        self._length += len(token)
        self.between = " "
        return start, self._length

    def __str__(self) -> str:
        return "".join(self._parts)


class TokenSpans:
    """Mentions of a tokenised text: begun with a token, made longer by the next ones."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, str | None, str | None]] = []
        self.types: list[str] = []
        self.open = False

    def begin(self, span: tuple[int, int], entity_id: str | None, label: str | None = None, type: str = "") -> None:
        """Start a mention with a token; `types` has what is given as its type."""
        self._spans.append((*span, entity_id, label))
        self.types.append(type)
        self.open = True

    def extend(self, end: int) -> None:
        """Make the open mention reach to `end`."""
        start, _, entity_id, label = self._spans[-1]
        self._spans[-1] = (start, end, entity_id, label)

    def mentions(self, text: str) -> list[Mention]:
        """All mentions, in order."""
        return [gold_mention(text, *span) for span in self._spans]
