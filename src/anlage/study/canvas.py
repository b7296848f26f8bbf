"""A sheet to draw a figure on, and its way into a page: inline SVG whose colours are the page's own.

One unit of every drawing is one CSS pixel. Colours are written as the hexadecimal numbers below and become CSS variables in the
page, so that one drawing serves light and dark mode and print.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

INK, MUTED, LINE, PAPER, BAND = "#1d2126", "#59626c", "#d8d4cb", "#fcfbf8", "#eeebe3"
ARM = ("#c44f00", "#0067a5", "#00805d", "#8a2461", "#8a6a00", "#4b3fa0", "#007c91", "#7a4a2b", "#5f6368")
"""The connectome's colour, then the controls'. Names stand beside the marks, so colour is never the only difference."""
ROLE = {"input": "#a86c00", "inter": "#66717d", "output": "#7b3fb5", "unknown": "#a09a8e"}
"""Colours of neurons by role; different in lightness, so that they differ without colour vision too."""

DARK = {
    INK: "#e9e6df",
    MUTED: "#a5adb5",
    LINE: "#3a4149",
    PAPER: "#15181c",
    BAND: "#22272d",
    **dict(
        zip(
            ARM,
            ("#ff9550", "#62b6f2", "#41cba0", "#e585b8", "#dfb83d", "#aba0f7", "#53cadd", "#d6a27e", "#b9bec4"),
            strict=True,
        )
    ),
    **dict(zip(ROLE.values(), ("#f0b03a", "#98a3af", "#c596f2", "#716d66"), strict=True)),
}
"""Light colour -> the colour that takes its place in dark mode."""

Number = int | float
"""A length in pixels or a place in data: whole or not."""
SMALL, NORMAL = 12.0, 13.0
"""Font sizes in pixels."""
PICTURE_DPI = 108
"""Density of what is drawn as a picture inside a drawing: 1.5 dots per pixel."""


def variable(colour: str) -> str:
    """Name of the CSS variable that stands for a colour of the palette."""
    return f"--c{list(DARK).index(colour)}"


def palette(dark: bool) -> str:
    """CSS declarations of all colours."""
    return "".join(f"{variable(light)}:{night if dark else light};" for light, night in DARK.items())


def arm_colour(number: int) -> str:
    """Colour of an arm, the same in every figure; after the eighth control they repeat."""
    return ARM[0] if number == 0 else ARM[1 + (number - 1) % (len(ARM) - 1)]


def sheet(width: Number, height: Number) -> Figure:
    """An empty drawing of so many pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none", edgecolor="none")


def axes(figure: Figure, left: Number, top: Number, width: Number, height: Number) -> Axes:
    """Axes placed in pixels from the upper left corner; only the lower edge is drawn."""
    full_width, full_height = figure.get_size_inches() * 72
    ax = figure.add_axes(
        (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height),
        facecolor="none",
    )
    for side in ("left", "top", "right"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(LINE)
    ax.tick_params(colors=MUTED, labelsize=SMALL, length=4, width=1, color=LINE, pad=3)
    return ax


def write(ax: Axes, x: Number, y: Number, text: str, **style: object) -> None:
    """Text in the axes' data coordinates, in ink and at normal size unless ``style`` says otherwise."""
    settings: dict[str, Any] = {"color": INK, "fontsize": NORMAL, "parse_math": False, **style}
    ax.text(x, y, text, **settings)


def png(figure: Figure) -> bytes:
    """The drawing as a picture on paper, two dots per pixel, the same bytes every time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure | SubFigure, name: str, description: str, *, least: int | None = None) -> Markup:
    """The drawing as an inline SVG element without outside references, the same bytes every time.

    ``name`` keeps ids apart from those of other figures of the page; ``description`` is read to those who do not see it.
    ``least``: width in pixels below which the figure scrolls rather than shrinks.
    """
    if not isinstance(figure, Figure):
        raise TypeError(f"A drawing is a whole figure, not a {type(figure).__name__}.")
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True, dpi=PICTURE_DPI)
    width, height = (round(float(inches) * 72) for inches in figure.get_size_inches())
    body = _body(buffer.getvalue())
    style = f"width:100%;min-width:{least}px" if least else "width:100%"
    opening = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(description)}" style="{style}">'
    return Markup(opening + body + "</svg>")


def _body(text: str) -> str:
    """What is inside the SVG element, without matplotlib's metadata, fonts and unused ids, in the page's colours."""
    body = text[text.index("</metadata>") + len("</metadata>") : text.rindex("</svg>")]
    rules: Sequence[tuple[str, str]] = (
        (r"<defs>\s*<style.*?</style>\s*</defs>", ""),
        (r"<!--.*?-->", ""),
        (r'<g id="[^"]*">', "<g>"),
        (r"font-family: [^;\"]*;? ?", ""),
        (r"font: ((?:bold|italic|[0-9]{3})? ?)([0-9.]+px) [^;\"]*", r"font-weight: \1; font-size: \2"),
        (r'transform="rotate\(-0 [^)]*\)"', ""),
        (r"xlink:href", "href"),
    )
    for pattern, put in rules:
        body = re.sub(pattern, put, body, flags=re.DOTALL)
    # Two decimals are enough for a place on a screen; what stands between the tags is text and stays as it is.
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), body)
    for colour in DARK:
        body = body.replace(colour, f"var({variable(colour)})")
    return re.sub(r"\s*\n\s*", "\n", body)


def page_colours() -> str:
    """CSS of the colours of a page, by day and by night."""
    return f":root{{{_page_palette(False)}}}@media screen and (prefers-color-scheme:dark){{:root{{{_page_palette(True)}}}}}"


def _page_palette(dark: bool) -> str:
    names = {"paper": PAPER, "ink": INK, "muted": MUTED, "line": LINE}
    return palette(dark) + "".join(f"--{name}:var({variable(colour)});" for name, colour in names.items())
