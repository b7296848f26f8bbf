"""The report."""

from pathlib import Path

from anlage.study.run import Run


def write_report(run: Run) -> Path:
    """Write the report."""
    return run.folder / "report.html"
