"""The bounds between sentences that each set of rules finds are counted, and recorded."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.sentences import count_bounds

PROJECT = Path(__file__).parents[2]

SENTENCES = ["Fever was found in E. coli sepsis.", "Did it end?", "Yes; in two days.", "No cough.", "No rash."]


def test_a_bound_is_found_missed_or_false() -> None:
    assert count_bounds([SENTENCES], "biomedical") == {"found": 4, "false": 0, "missed": 0}
    assert count_bounds([SENTENCES], "spark-nlp") == {"found": 4, "false": 1, "missed": 0}  # ";"
    assert count_bounds([["A title without a mark", "It ends."]], "biomedical") == {"found": 0, "false": 0, "missed": 1}


def test_the_record_counts_what_was_read_and_leaves_out_lines_without_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text("\n".join([*SENTENCES, "A title without a mark"]), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.sentences", str(file), "--source", "ours", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    record = json.loads((tmp_path / "rules.json").read_text(encoding="utf-8"))
    assert (record["source"], record["sentences"]) == ("ours", len(SENTENCES))
    assert record["rules"]["biomedical"] == {"found": 4, "false": 0, "missed": 0}
    assert "biomedical: 5 sentences" in done.stdout and "F1 1.000" in done.stdout
