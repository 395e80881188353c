"""What every page shares: templates, scripts by their hash, figures in one block of data."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from evaluation.report import words
from evaluation.report.figures import Figure
from evaluation.report.meanings import meaning_of
from evaluation.report.values import plain_values

_HERE = Path(__file__).parent


class Figures:
    """Collects what plotly.js draws and numbers the places."""

    def __init__(self) -> None:
        self.drawn: list[Any] = []

    def add(self, figure: Figure) -> dict[str, Any]:
        """The place of a figure, for the template."""
        place = len(self.drawn)
        self.drawn.append(
            {
                "data": figure.data,
                "layout": figure.layout,
                "choices": [{"data": data, "layout": layout} for _, data, layout in figure.choices],
            }
        )
        return {"place": place, "figure": figure, "labels": [label for label, _, _ in figure.choices]}


def render_page(template: str, figures: Figures, **values: Any) -> str:
    """A template as the text of one self-contained HTML file.

    Every text is escaped, and a content security policy lets nothing run but the scripts that are part of the file
    by their hash, and nothing be loaded at all.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=words.number, percent=words.percent)
    scripts = [_script(get_plotlyjs()), _script((_HERE / "figures.js").read_text(encoding="utf-8"))]
    return environment.get_template(template).render(
        words=words,
        meaning_of=meaning_of,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        scripts=[script for script, _ in scripts],
        script_sources=" ".join(f"'sha256-{digest}'" for _, digest in scripts),
        figures=_data_block(figures.drawn),
        **values,
    )


def _script(code: str) -> tuple[Markup, str]:
    """A script as it stands in the page, and its hash for the content security policy."""
    code = code.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return Markup(code), digest


def _data_block(value: Any) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(plain_values(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
