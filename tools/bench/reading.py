"""CPU and memory of reading a file in its child, against a library that takes the text alone in a process of its own."""

import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import samples
from figures import Figure, compare
from harness import Servers

from nightshift.knowledge.extract import READERS

RUNS = 5
# By a small process, for a child's memory counts from that of the process which starts it. ru_maxrss is in bytes on macOS.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10)))
"""
PDFIUM = """
import sys, pypdfium2
for page in pypdfium2.PdfDocument(sys.argv[1]):
    print(page.get_textpage().get_text_range())
    page.close()
"""
OFFICE_OXIDE = """
import sys, office_oxide
print(office_oxide.extract_text(sys.argv[1]))
"""
SELECTOLAX = """
import sys
from selectolax.lexbor import LexborHTMLParser
print(LexborHTMLParser(open(sys.argv[1]).read()).text())
"""


class Case(NamedTuple):
    kind: str
    what: str
    data: bytes
    library: str
    program: str


class Cost(NamedTuple):
    cpu_seconds: float
    megabytes: float


def cost(command: Sequence[str], path: Path) -> Cost:
    """Of a process that reads a file, from its start to its end."""
    measure = [sys.executable, "-c", MEASURE, *command]
    with path.open("rb") as file:
        measured = subprocess.run(measure, stdin=file, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(*map(float, measured.stdout.split()))


def reading(case: Case, home: Path) -> list[Figure]:
    path = home / f"sample.{case.kind}"
    path.write_bytes(case.data)
    ours = [sys.executable, "-m", "nightshift.knowledge.extract.reader", READERS[case.kind], "120"]
    bare = [sys.executable, "-c", case.program, str(path)]
    pairs = [(cost(ours, path), cost(bare, path)) for _ in range(RUNS)]
    mine, yardstick = (Cost(*map(statistics.median, zip(*costs, strict=True))) for costs in zip(*pairs, strict=True))
    against = f"of reading {case.what}, against {case.library} alone"
    return [
        compare(f"CPU {against}", mine.cpu_seconds, yardstick.cpu_seconds, "s"),
        compare(f"memory {against}", mine.megabytes, yardstick.megabytes, "MB"),
    ]


def measure(servers: Servers) -> list[Figure]:
    cases = [
        Case("pdf", "a 1,000-page PDF", samples.thousand_pages(), "PDFium", PDFIUM),
        Case("docx", "a DOCX of 3,000 paragraphs", samples.docx(3000), "office-oxide", OFFICE_OXIDE),
        Case("xlsx", "an XLSX of 100,000 cells", samples.xlsx(20_000, 5), "office-oxide", OFFICE_OXIDE),
        Case("html", "an HTML page of 3,000 paragraphs", samples.html(3000), "selectolax", SELECTOLAX),
    ]
    with TemporaryDirectory() as home:
        return [figure for case in cases for figure in reading(case, Path(home))]
