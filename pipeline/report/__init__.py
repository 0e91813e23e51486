"""The report of a run: one HTML file with all figures inside, made from the run's directory alone."""

from pipeline.report.page import write_report

__all__ = ["write_report"]
