"""An evaluation as a page that anyone can read offline, and as a model card."""

from stance.dossier.card import model_card
from stance.dossier.limits import verdicts
from stance.dossier.report import html_report

__all__ = ["html_report", "model_card", "verdicts"]
