"""A row of the report: our figure beside a yardstick's from the same run.

Printed as columns that are separated by two spaces or more, which no column contains:

    name  ours  yardstick  unit  ratio  goal  met

`ratio` is ours / yardstick. `goal` is '-' and `met` is '-' for a row that only reports. A remark follows on a line of its
own, indented by four spaces. `re.split(r"\\s{2,}", line)` reads a row.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

HEAD = ("name", "ours", "yardstick", "unit", "ratio", "goal", "met")


@dataclass(frozen=True)
class Figure:
    name: str
    ours: float
    yardstick: float
    unit: str
    ratio: float
    goal: str = ""
    met: bool | None = None
    remark: str = ""

    def columns(self) -> tuple[str, ...]:
        verdict = {True: "yes", False: "NO", None: "-"}[self.met]
        return (
            self.name,
            plain(self.ours),
            plain(self.yardstick),
            self.unit,
            f"{self.ratio:.3f}",
            self.goal or "-",
            verdict,
        )


def compare(name: str, ours: float, yardstick: float, unit: str, goal: str = "", remark: str = "") -> Figure:
    """`goal`: '>= 0.8' or '<= 1.3', of ours / yardstick; '' for a row that only reports."""
    ratio = ours / yardstick
    sign, _, bound = goal.partition(" ")
    met = None if not goal else ratio >= float(bound) if sign == ">=" else ratio <= float(bound)
    return Figure(name, ours, yardstick, unit, round(ratio, 3), goal, met, remark)


def plain(value: float) -> str:
    """Four significant digits, never an exponent."""
    return f"{float(f'{value:.4g}'):.12g}"


def table(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *(figure.columns() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    remarks = ["", *(figure.remark for figure in figures)]
    return "\n".join(line + (f"\n    {remark}" if remark else "") for line, remark in zip(lines, remarks, strict=True))


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    return [asdict(figure) for figure in figures]
