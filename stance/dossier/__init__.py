"""An evaluation as a page that anyone can read offline, and as a model card."""

from stance.dossier.report import LIMITS, html_report

__all__ = ["LIMITS", "html_report"]
