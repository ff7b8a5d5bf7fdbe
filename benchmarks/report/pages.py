"""The pages with figures from the records, and which lines go into which of their places."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.report.exports import export_line, pooling_line
from benchmarks.report.int8 import cost_table, int8_table, usual_table
from benchmarks.report.long_runs import load_table, soak_table
from benchmarks.report.places import filled
from benchmarks.report.platforms import platforms_table
from benchmarks.report.serverless import start_line, zip_table
from benchmarks.report.serving import memory_lines, serving_lines
from benchmarks.report.sizes import sizes_table
from benchmarks.report.spark import spark_lines
from benchmarks.report.summary import summary
from benchmarks.results import read_record, read_records

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"

SPEED_RECORD = "peers/all-MiniLM-L6-v2"
FIDELITY_RECORD = "peers/all-mpnet-base-v2"
"""The records of the README's table: of speed and memory, and of fidelity, by a trained network of BioBERT's size."""


def places() -> Iterator[tuple[Path, str, Iterable[str]]]:
    """Yield every place: its page, its name, and the lines that the committed records put there."""
    speed, fidelity = read_record(SPEED_RECORD), read_record(FIDELITY_RECORD)
    yield README, "summary", summary(speed, fidelity)
    yield DOCS / "design.md", "cost of int8", cost_table([speed, fidelity])
    yield DOCS / "export.md", "exports", [export_line(fidelity)]
    yield DOCS / "export.md", "pooling", [pooling_line(read_record("exports/pooling"))]
    yield DOCS / "fidelity.md", "int8", int8_table(fidelity)
    yield DOCS / "int8.md", "usual int8", usual_table(fidelity)
    yield DOCS / "serverless.md", "cold starts", [start_line(speed)]
    yield DOCS / "serverless.md", "zips", zip_table(read_record("serving/bundle"))
    serving = read_record("serving/all-MiniLM-L6-v2")
    yield DOCS / "serving.md", "memory of serving", memory_lines(serving)
    yield DOCS / "serving.md", "serving", serving_lines(serving)
    yield DOCS / "spark.md", "spark", spark_lines(read_record("spark/all-MiniLM-L6-v2"))
    runs = [run for record in read_records("platforms") for run in record["runs"]]
    yield DOCS / "systems.md", "platforms", platforms_table(runs)
    yield DOCS / "systems.md", "sizes", sizes_table(read_record("sizes/extras"))
    yield DOCS / "systems.md", "load", load_table(read_records("load"))
    yield DOCS / "systems.md", "soak", soak_table(read_records("soak"))


def filled_pages() -> dict[Path, str]:
    """Return the text of each page with what the committed records put into its places, by its path."""
    pages: dict[Path, str] = {}
    for page, name, lines in places():
        text = pages.get(page) or page.read_text(encoding="utf-8")
        pages[page] = filled(text, name, lines)
    return pages
