"""Tables written into a page between two markers; the prose around them stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import BadInput


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a Markdown file.

    Raises BadInput where the file or the pair of markers is missing; the file is then untouched.
    """
    first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
    try:
        page = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise BadInput(f"cannot read {path}: {problem.strerror}") from None
    before, opened, rest = page.partition(first)
    _, closed, after = rest.partition(last)
    if not opened or not closed:
        raise BadInput(f"{path.name} lacks the lines {first} and {last}; put them where it belongs")
    half = path.with_suffix(".tmp")
    half.write_text(f"{before}{first}\n{text.strip()}\n{last}{after}", encoding="utf-8")
    os.replace(half, path)
