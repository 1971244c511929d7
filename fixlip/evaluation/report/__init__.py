"""The report of an evaluation: tables of its rows, and what is written of them."""

from fixlip.evaluation.report.page import Report, report

__all__ = ["Report", "report"]
