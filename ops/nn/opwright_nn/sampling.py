"""Losses over many classes that look at a sample of them (Gutmann and Hyvärinen 2010, Jean et al. 2014)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError

from opwright_nn import candidates
from opwright_nn.embedding import embedding_lookup


@export("nn.log_uniform_candidate_sampler", "random.log_uniform_candidate_sampler")
def log_uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> list[Any]:
    """Classes below `range_max` drawn by Zipf's law, P(k) = log((k + 2) / (k + 1)) / log(range_max + 1), all different
    if `unique`: [candidates, expected counts of the true classes [batch, num_true], expected counts of the candidates].

    Running it raises OutOfRangeError where a true class is none.
    """
    true_classes = _int64(true_classes)
    return candidates.log_uniform(true_classes, num_true, num_sampled, unique, range_max, name=name, **_seeds(seed))


@export("nn.uniform_candidate_sampler", "random.uniform_candidate_sampler")
def uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> list[Any]:
    """The same with classes that are all equally likely."""
    true_classes = _int64(true_classes)
    return candidates.uniform(true_classes, num_true, num_sampled, unique, range_max, name=name, **_seeds(seed))


@export("nn.fixed_unigram_candidate_sampler", "random.fixed_unigram_candidate_sampler")
def fixed_unigram_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    shard: int = 0,
    unigrams: Sequence[float] = (),
    seed: int | None = None,
    name: str | None = None,
) -> list[Any]:
    """The same with classes as likely as weight ** distortion. The weights are `unigrams`, or the last fields of the
    lines of `vocab_file`; the `num_reserved_ids` first classes have none. With several shards only every num_shards-th
    class, from `shard` on, is drawn. Raises ArgumentError where the weights do not fit.
    """
    weights = _weights(vocab_file, unigrams)
    weights = np.concatenate([np.zeros(num_reserved_ids), weights**distortion])
    if len(weights) != range_max:
        raise ArgumentError(
            f"[fixed_unigram_candidate_sampler] reserved ids and weights must be range_max = {range_max} together, "
            f"got {len(weights)}"
        )
    weights[np.arange(range_max) % num_shards != shard] = 0
    possible = np.count_nonzero(weights > 0)
    if possible < max(num_sampled if unique else 1, 1):
        raise ArgumentError(
            f"[fixed_unigram_candidate_sampler] enough classes must have a positive weight, got {possible} for "
            f"{num_sampled} candidates"
        )
    cumulative = np.cumsum(weights) / np.sum(weights)
    return candidates.fixed_unigram(
        _int64(true_classes), cumulative, num_true, num_sampled, unique, range_max, name=name, **_seeds(seed)
    )


def _weights(vocab_file: str, unigrams: Sequence[float]) -> Any:
    if bool(vocab_file) == bool(len(unigrams)):
        raise ArgumentError("[fixed_unigram_candidate_sampler] either vocab_file or unigrams must be given")
    if not vocab_file:
        return np.asarray(unigrams, np.float64)
    with Path(vocab_file).open(newline="", encoding="utf-8") as lines:
        return np.array([float(row[-1]) for row in csv.reader(lines) if row])


def _seeds(seed: int | None) -> dict[str, int]:
    first, second = ops.get_seed(seed)
    return {"seed": first or 0, "seed2": second or 0}


def _int64(x: Any) -> Any:
    x = convert_to_tensor(x)
    return x if x.dtype == "int64" else ops.cast(x, "int64")


@export("nn.compute_accidental_hits")
def compute_accidental_hits(
    true_classes: Any, sampled_candidates: Any, num_true: int, seed: int | None = None, name: str | None = None
) -> list[Any]:
    """Which candidates are true classes of an example: for each hit [the example's number, the candidate's position,
    float32's lowest value]. `seed` is there for TensorFlow's sake."""
    true_classes = ops.reshape(_int64(true_classes), [-1, num_true])
    return candidates.accidental_hits(true_classes, _int64(sampled_candidates), name=name)


@export("nn.nce_loss")
def nce_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    name: str | None = "nce_loss",
    partition_strategy: str = "div",
) -> Any:
    """The noise-contrastive estimation loss of each example: sigmoid cross-entropies of its true classes and of
    `num_sampled` candidates (log-uniform and unique unless `sampled_values` are given), summed.

    weights [num_classes, dim] may be a list of partitions; biases [num_classes]; labels [batch, num_true]; inputs
    [batch, dim].
    """
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
        partition_strategy, None,
    )  # fmt: skip
    losses = ops.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return ops.reduce_sum(losses, axis=1, name=name)


@export("nn.sampled_softmax_loss")
def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: int | None = None,
    name: str | None = "sampled_softmax_loss",
    partition_strategy: str = "div",
) -> Any:
    """The softmax cross-entropy of each example over its true classes and `num_sampled` candidates, with arguments as
    nce_loss: an estimate, for training only, of the loss over all classes."""
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
        partition_strategy, seed,
    )  # fmt: skip
    return ops.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def _sampled_logits(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    remove_accidental_hits: bool,
    partition_strategy: str,
    seed: int | None,
) -> tuple[Any, Any]:
    """The logits of the true classes and the candidates, less the logarithms of their expected counts, and the
    targets: 1 / num_true for each true class."""
    labels, inputs = ops.reshape(_int64(labels), [-1, num_true]), convert_to_tensor(inputs)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
    sampled, true_count, sampled_count = (ops.stop_gradient(convert_to_tensor(v)) for v in sampled_values)
    sampled = _int64(sampled)
    flat = ops.reshape(labels, [-1])
    true_weights = embedding_lookup(weights, flat, partition_strategy=partition_strategy)
    products = _paired(inputs, num_true) * true_weights
    true_logits = ops.reshape(ops.reduce_sum(products, axis=1), [-1, num_true])
    true_logits += ops.reshape(embedding_lookup(biases, flat, partition_strategy=partition_strategy), [-1, num_true])
    sampled_weights = embedding_lookup(weights, sampled, partition_strategy=partition_strategy)
    sampled_logits = ops.matmul(inputs, sampled_weights, transpose_b=True)
    sampled_logits += embedding_lookup(biases, sampled, partition_strategy=partition_strategy)
    if remove_accidental_hits:
        sampled_logits = candidates.mask_accidental_hits(sampled_logits, labels, sampled)
    true_logits -= ops.cast(ops.log(true_count), true_logits.dtype)
    sampled_logits -= ops.cast(ops.log(sampled_count), sampled_logits.dtype)
    logits = ops.concat([true_logits, sampled_logits], 1)
    targets = ops.concat([ops.ones_like(true_logits) / num_true, ops.zeros_like(sampled_logits)], 1)
    return logits, targets


def _paired(inputs: Any, num_true: int) -> Any:
    """Each example as often as it has true classes."""
    if num_true == 1:
        return inputs
    dim = inputs.shape[1] if inputs.shape[1] is not None else ops.shape(inputs)[1]
    repeated = ops.expand_dims(inputs, 1) + ops.zeros([1, num_true, 1], inputs.dtype)
    return ops.reshape(repeated, [-1, dim])
