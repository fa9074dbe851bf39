"""Samplers that cannot find as many different classes as they are asked for say so."""

import numpy as np
import pytest
from opwright import ops
from opwright.errors import InvalidArgumentError


def test_unique_candidates_need_as_many_possible_classes():
    cumulative = np.array([0.5, 0.5, 0.5, 1.0])
    arguments = {"num_true": 1, "unique": True, "range_max": 4, "seed": 1}
    sampled, _, _ = ops.fixed_unigram_candidate_sampler(
        np.zeros((1, 1), np.int64), cumulative, num_sampled=2, **arguments
    )
    assert sorted(np.asarray(sampled)) == [0, 3]
    with pytest.raises(
        InvalidArgumentError, match=r"num_sampled must be at most 2, the classes of positive probability, got 3"
    ):
        ops.fixed_unigram_candidate_sampler(np.zeros((1, 1), np.int64), cumulative, num_sampled=3, **arguments)
