"""Numbers, sizes and names as a person reads them. Names come from a target and are data: nothing in them may steer
a terminal."""
from __future__ import annotations

import re
import textwrap
from typing import List

WIDTH = 100
LONGEST = 2000
QUANTITY = re.compile(r"(\d) ([KMGT]?i?B|ms|s|min|h)\b")


def printable(text: object) -> str:
    """`text` on one line with every control or otherwise unprintable character written as an escape, cut when it is
    longer than any name that a person would read."""
    text = str(text)
    text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in text)


def size(count: float) -> str:
    """Bytes in the unit that leaves at most four digits: 812 B, 61 KiB, 21.9 MiB."""
    sign, value = ("-" if count < 0 else ""), abs(float(count))
    if value < 1024:
        return "%s%d B" % (sign, value)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024 or unit == "TiB":
            break
    figure = ("%.1f" if value < 100 and unit != "KiB" else "%.0f") % value
    return "%s%s %s" % (sign, figure[:-2] if figure.endswith(".0") else figure, unit)


def number(count: float) -> str:
    return "{:,}".format(int(count))


def seconds(value: float) -> str:
    if value < 10:
        return "%.1f s" % value
    if value < 180:
        return "%.0f s" % value
    if value < 3 * 3600:
        return "%.0f min" % (value / 60)
    return "%.1f h" % (value / 3600)


def row(label: str, text: str, right: str = "", indent: int = 2, column: int = 11, width: int = WIDTH) -> List[str]:
    """`  label    text ...   right`, wrapped to `width`, `right` flush at the end of the last line it fits on."""
    joined = QUANTITY.sub("\\1\u00a0\\2", text)      # a number stays with its unit
    wrapped = textwrap.wrap(joined, width - column, break_long_words=True, break_on_hyphens=False) or [""]
    body = [line.replace("\u00a0", " ") for line in wrapped]
    lines = [(" " * indent + label).ljust(column) + body[0]] + [" " * column + line for line in body[1:]]
    if right:
        gap = width - len(lines[-1]) - len(right)
        if gap >= 3:
            lines[-1] += " " * gap + right
        else:
            lines += [" " * column + line for line in textwrap.wrap(right, width - column)]
    return [line.rstrip() for line in lines]


def table(rows: List[List[str]], head: List[str], numeric: List[bool]) -> List[str]:
    """Aligned columns: numbers to the right, the rest to the left."""
    everything = [head] + rows
    widths = [max(len(r[i]) for r in everything) for i in range(len(head))]
    out = []
    for line in everything:
        cells = [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric)]
        out.append("  ".join(cells).rstrip())
    return out
