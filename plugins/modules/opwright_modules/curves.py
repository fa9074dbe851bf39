"""AUC: the area under the curve of a classifier's rates as its threshold moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import export, ops
from opwright.errors import ArgumentError

from opwright_modules.losses import both, weights_like
from opwright_modules.metrics import Metric

_EPSILON = 1e-7  # outside [0, 1] by so much lie the first and the last threshold


@export("metrics.AUC")
class AUC(Metric):
    """The area under the curve of true over false positives (curve="ROC") or of precision over recall ("PR"), from
    counts at num_thresholds thresholds.

    `summation_method` says what lies between two: "interpolation" (a straight line; for PR as Davis and Goadrich, The
    relationship between precision-recall and ROC curves, 2006), "minoring", "majoring" (the lower, the higher end).
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = "auc",
        dtype: Any = "float32",
        thresholds: Any = None,
        from_logits: bool = False,
    ) -> None:
        if curve not in ("ROC", "PR"):
            raise ArgumentError(f"[AUC] curve must be ROC or PR, got {curve!r}")
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ArgumentError(
                f"[AUC] summation_method must be interpolation, minoring or majoring, got {summation_method!r}"
            )
        inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1) if thresholds is None else np.sort(thresholds)
        if thresholds is None and num_thresholds < 2:
            raise ArgumentError(f"[AUC] num_thresholds must be at least 2, got {num_thresholds}")
        super().__init__(name, dtype)
        self.thresholds = [-_EPSILON, *inner.tolist(), 1.0 + _EPSILON]
        self._curve = curve
        self._between = summation_method
        self._from_logits = from_logits
        n = len(self.thresholds)
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        self._counts = [self.add_weight(count, (n,)) for count in names]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        true, pred = both(y_true, y_pred)
        pred = ops.sigmoid(pred) if self._from_logits else pred
        weights = ops.ones_like(true) if sample_weight is None else weights_like(sample_weight, true)
        weights = ops.reshape(ops.broadcast_to(weights, ops.shape(true)), [1, -1])
        limits = ops.constant(np.array(self.thresholds)[:, None], pred.dtype)
        chosen = ops.cast(ops.reshape(pred, [1, -1]) > limits, true.dtype)
        true = ops.reshape(true, [1, -1])
        parts = (true * chosen, (1.0 - true) * chosen, (1.0 - true) * (1.0 - chosen), true * (1.0 - chosen))
        for count, part in zip(self._counts, parts, strict=True):
            count.assign_add(ops.cast(ops.reduce_sum(part * weights, 1), self.dtype))

    def result(self) -> Any:
        tp, fp, tn, fn = (ops.identity(count) for count in self._counts)
        if self._curve == "PR" and self._between == "interpolation":
            return _under_precision(tp, fp, fn)
        recall = ops.divide_no_nan(tp, tp + fn)
        x, y = (ops.divide_no_nan(fp, fp + tn), recall) if self._curve == "ROC" else (
            recall, ops.divide_no_nan(tp, tp + fp)
        )  # fmt: skip
        if self._between == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        else:
            heights = (ops.minimum if self._between == "minoring" else ops.maximum)(y[:-1], y[1:])
        return ops.reduce_sum((x[:-1] - x[1:]) * heights)


def _under_precision(tp: Any, fp: Any, fn: Any) -> Any:
    """Between two thresholds true positives grow in proportion to positives: precision is integrated along that."""
    positives = tp + fp
    gained, more = tp[:-1] - tp[1:], positives[:-1] - positives[1:]
    slope = ops.divide_no_nan(gained, ops.maximum(more, 0.0))
    intercept = tp[1:] - slope * positives[1:]
    both_some = ops.logical_and(positives[:-1] > 0.0, positives[1:] > 0.0)
    ratio = ops.where(both_some, ops.divide_no_nan(positives[:-1], positives[1:]), ops.ones_like(more))
    grown = slope * (gained + intercept * ops.log(ratio))
    return ops.reduce_sum(ops.divide_no_nan(grown, ops.maximum(tp[1:] + fn[1:], 0.0)))
