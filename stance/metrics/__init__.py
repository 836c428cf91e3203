"""Figures from gold labels and probabilities, with intervals. Pure functions.

Notation: N rows, K labels, `gold` of shape (N,) as label numbers, `probs` of shape (N, K);
`weights` of shape (B, N) says how often each of B bootstrap samples drew each row.
"""

from stance.metrics.agreement import agreement, alpha_figure, cohen_kappa, krippendorff_alpha
from stance.metrics.bootstrap import (
    Figure,
    FloatArray,
    IntArray,
    bootstrap,
    figure,
    group_index,
    mean_interval,
    told,
)
from stance.metrics.calibration import (
    calibration_error,
    calibration_figures,
    fit_temperature,
    log_loss,
    reliability,
)
from stance.metrics.comparison import mcnemar, paired_difference
from stance.metrics.figures import (
    PRIMARY,
    confusion,
    evaluate_predictions,
    figures,
    macro_f1,
    numbers,
)
from stance.metrics.probabilities import brier, roc_auc
from stance.metrics.selective import risk_coverage, set_figures

__all__ = [
    "PRIMARY",
    "Figure",
    "FloatArray",
    "IntArray",
    "agreement",
    "alpha_figure",
    "bootstrap",
    "brier",
    "calibration_error",
    "calibration_figures",
    "cohen_kappa",
    "confusion",
    "evaluate_predictions",
    "figure",
    "figures",
    "fit_temperature",
    "group_index",
    "krippendorff_alpha",
    "log_loss",
    "macro_f1",
    "mcnemar",
    "mean_interval",
    "numbers",
    "paired_difference",
    "reliability",
    "risk_coverage",
    "roc_auc",
    "set_figures",
    "told",
]
