"""The page at `/`: a text in, its mentions in colour. One file without anything of other sites."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.responses import Response


async def page() -> Response:
    """A page for people: type a text and see its mentions and links."""
    content, policy = _content()
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(content, headers=headers, media_type="text/html; charset=utf-8")


@cache
def _content() -> tuple[bytes, str]:
    """The page, and a policy under which a browser runs its own script and style and nothing else."""
    text = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    hashes = {
        tag: " ".join(f"'sha256-{_digest(part)}'" for part in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL))
        for tag in ("script", "style")
    }
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode("utf-8"), policy


def _digest(part: str) -> str:
    return base64.b64encode(hashlib.sha256(part.encode("utf-8")).digest()).decode("ascii")
