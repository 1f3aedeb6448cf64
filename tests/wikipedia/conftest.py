from pathlib import Path

import pytest


@pytest.fixture
def samples() -> Path:
    """The folder with a small dump in the real format, and some rows of its page_props."""
    return Path(__file__).parent / "samples"
