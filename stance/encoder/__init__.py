"""Fine-tunes, saves and exports transformer encoders. The only package that imports torch."""

from stance.encoder.attribution import integrated_gradients
from stance.encoder.checkpoints import latest, step
from stance.encoder.finetune import FineTuned, OnLog, fine_tune
from stance.encoder.masked import Adapted, adapt, save_adapted
from stance.encoder.model import BUNDLED, Classifier, embed, locate
from stance.encoder.saved import HEAD, load_classifier, save
from stance.encoder.team import from_first, joined, speaks

__all__ = [
    "BUNDLED",
    "HEAD",
    "Adapted",
    "Classifier",
    "FineTuned",
    "OnLog",
    "adapt",
    "embed",
    "fine_tune",
    "from_first",
    "integrated_gradients",
    "joined",
    "latest",
    "load_classifier",
    "locate",
    "save",
    "save_adapted",
    "speaks",
    "step",
]
