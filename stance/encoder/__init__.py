"""Fine-tunes, saves and exports transformer encoders. The only package that imports torch."""

from stance.encoder.attribution import integrated_gradients
from stance.encoder.checkpoints import latest, place
from stance.encoder.finetune import FineTuned, fine_tune
from stance.encoder.loop import OnLog, fast_bf16
from stance.encoder.masked import Adapted, adapt, save_adapted
from stance.encoder.model import BUNDLED, Classifier, embed, locate
from stance.encoder.quantise import quantise
from stance.encoder.saved import HEAD, export, load_classifier, load_saved, logits, save
from stance.encoder.tagger import (
    FineTunedTagger,
    TokenTagger,
    chain_loss,
    fine_tune_tagger,
    load_tagger,
    save_tagger,
    token_scores,
)
from stance.encoder.team import from_first, joined, speaks
from stance.encoder.zeroshot import zero_shot

__all__ = [
    "BUNDLED",
    "HEAD",
    "Adapted",
    "Classifier",
    "FineTuned",
    "FineTunedTagger",
    "OnLog",
    "TokenTagger",
    "adapt",
    "chain_loss",
    "embed",
    "export",
    "fast_bf16",
    "fine_tune",
    "fine_tune_tagger",
    "from_first",
    "integrated_gradients",
    "joined",
    "latest",
    "load_classifier",
    "load_saved",
    "load_tagger",
    "locate",
    "logits",
    "place",
    "quantise",
    "save",
    "save_adapted",
    "save_tagger",
    "speaks",
    "token_scores",
    "zero_shot",
]
