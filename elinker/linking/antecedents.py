"""Short names that repeat longer ones: the "Nardelli" after "Bob Nardelli", within one document."""

from collections.abc import Sequence


def antecedents(mentions: Sequence[str]) -> list[int | None]:
    """For each mention of one word, the nearest earlier mention of several words that begins or ends with it.

    Args:
        mentions: the texts of a document's mentions in order.

    Returns:
        For each mention the number of its antecedent, or None. Case does not count.
    """
    latest: dict[str, int] = {}
    found: list[int | None] = []
    for number, text in enumerate(mentions):
        words = [word.strip(".,;:").casefold() for word in text.split()]
        found.append(latest.get(words[0]) if len(words) == 1 else None)
        if len(words) > 1:
            latest[words[0]] = latest[words[-1]] = number
    return found
