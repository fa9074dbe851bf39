"""Candidate samplers: their distributions and expected counts; losses over the candidates against all classes."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_op, run_in_graph

CLASSES = 20
ZIPF = np.log1p(1 / np.arange(1, CLASSES + 1)) / np.log(CLASSES + 1)
UNIGRAMS = np.arange(CLASSES, dtype=float)
SAMPLERS = {
    "log_uniform": (ow.nn.log_uniform_candidate_sampler, {}, ZIPF),
    "uniform": (ow.nn.uniform_candidate_sampler, {}, np.full(CLASSES, 1 / CLASSES)),
    "fixed_unigram": (
        ow.nn.fixed_unigram_candidate_sampler,
        {"unigrams": UNIGRAMS, "distortion": 0.75},
        UNIGRAMS**0.75 / np.sum(UNIGRAMS**0.75),
    ),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_distribution(name):
    sampler, options, p = SAMPLERS[name]
    true = np.array([[0, 5], [19, 3], [1, 1]])
    sampled, of_true, of_sampled = (np.asarray(t) for t in sampler(true, 2, 100_000, False, CLASSES, seed=1, **options))
    assert (sampled.dtype, of_true.shape, of_sampled.shape) == (np.int64, (3, 2), (100_000,))
    found = np.bincount(sampled, minlength=CLASSES) / 100_000
    np.testing.assert_allclose(found, p, atol=0.008)  # five standard deviations
    np.testing.assert_allclose(of_true, 100_000 * p[true], rtol=1e-6)
    np.testing.assert_allclose(of_sampled, 100_000 * p[sampled], rtol=1e-6)


@pytest.mark.parametrize("name", SAMPLERS)
def test_unique_candidates(name):
    sampler, options, p = SAMPLERS[name]
    true, counts, tries = np.arange(CLASSES)[:, None], np.zeros(CLASSES), []
    for seed in range(1, 301):
        sampled, expected, of_sampled = (
            np.asarray(t) for t in sampler(true, 1, 6, True, CLASSES, seed=seed, **options)
        )
        assert len(set(sampled)) == 6
        np.testing.assert_array_equal(of_sampled, expected[sampled, 0])
        counts[sampled] += 1 / 300
        # The count comes from the number of draws it took: 6 p if there were no repetitions, else 1 - (1 - p)^draws.
        likely = np.argmax(p)
        one = expected[likely, 0]
        draws = 6 if one == np.float32(6 * p[likely]) else np.log1p(-one) / np.log1p(-p[likely])
        assert abs(draws - round(draws)) < 1e-3
        tries.append(round(draws))
        want = 6 * p if tries[-1] == 6 else 1 - (1 - p) ** tries[-1]
        np.testing.assert_allclose(expected[:, 0], want, rtol=1e-5, atol=1e-7)
    assert min(tries) >= 6
    # The mean of what is expected is close to what was found: 300 runs, five standard deviations are 0.15.
    approximate = np.mean([1 - (1 - p) ** t for t in tries], 0)
    np.testing.assert_allclose(counts, approximate, atol=0.15)


def test_all_classes_can_be_drawn():
    sampled = np.asarray(ow.nn.log_uniform_candidate_sampler(np.zeros((1, 1), np.int64), 1, 50, True, 50)[0])
    assert sorted(sampled) == list(range(50))


def test_runs_differ_and_seeds_repeat(graph):
    drawn = ow.nn.log_uniform_candidate_sampler(ow.constant([[1]], "int64"), 1, 10, True, 1000, seed=5)[0]
    runs = []
    for _ in range(2):
        with ow.Session(graph=graph) as session:
            runs.append([session.run(drawn), session.run(drawn)])
    assert (runs[0][0] != runs[0][1]).any()
    np.testing.assert_array_equal(runs[0], runs[1])


def test_fixed_unigram_from_a_file(tmp_path):
    path = tmp_path / "vocabulary.csv"
    path.write_text("cat,1\ndog,0\nbird,3\nfish,4\n")
    sampled, expected, _ = ow.nn.fixed_unigram_candidate_sampler(
        np.array([[0], [1], [3]]), 1, 1000, False, 5, vocab_file=str(path), num_reserved_ids=1
    )
    assert set(np.unique(np.asarray(sampled))) == {1, 3, 4}
    np.testing.assert_allclose(np.asarray(expected)[:, 0], [0, 125, 375], rtol=1e-5)
    sampled, *_ = ow.nn.fixed_unigram_candidate_sampler(
        np.array([[0]]), 1, 1000, False, 4, unigrams=[1, 1, 1, 1], num_shards=2, shard=1
    )
    assert set(np.unique(np.asarray(sampled))) == {1, 3}


def test_accidental_hits():
    indices, ids, weights = ow.nn.compute_accidental_hits(np.array([[1, 2], [0, 9], [3, 2]]), np.array([3, 2, 7]), 2)
    np.testing.assert_array_equal(np.asarray(indices), [0, 2, 2])
    np.testing.assert_array_equal(np.asarray(ids), [1, 0, 1])
    np.testing.assert_array_equal(np.asarray(weights), np.full(3, -np.finfo(np.float32).max))
    found = ow.nn.compute_accidental_hits(np.array([[1]]), np.array([3]), 1)
    assert [np.asarray(t).shape for t in found] == [(0,)] * 3


def test_masked_hits(rng):
    labels, sampled = np.array([[1, 2], [0, 9], [3, 2]]), np.array([3, 2, 7, 2])
    hit = (labels[:, :, None] == sampled).any(1)

    def op(x):
        return ow.nn.relu(ow.mask_accidental_hits(x, labels, sampled))  # relu: the lowest value has no differences

    cases = [case(rng.uniform(1, 2, size=(3, 4)))]
    check_op(op, cases, lambda x: np.where(hit, 0, x), dtypes=("float32", "float64", "float16", "bfloat16"))
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        lowest = np.asarray(ow.mask_accidental_hits(ow.constant(np.zeros((3, 4)), dtype), labels, sampled))
        assert np.isfinite(lowest).all()
        assert (lowest[hit] < -65000).all()


def _logits(weights, biases, labels, inputs, values, mask):
    """True and sampled logits less log expected counts, and targets."""
    sampled, of_true, of_sampled = values
    true = np.sum(inputs[:, None] * weights[labels], -1) + biases[labels] - np.log(of_true)
    others = inputs @ weights[sampled].T + biases[sampled] - np.log(of_sampled)
    if mask:
        others = np.where((labels[:, :, None] == sampled).any(1), -1e30, others)
    targets = np.concatenate([np.full(true.shape, 1 / labels.shape[1]), np.zeros(others.shape)], 1)
    return np.concatenate([true, others], 1), targets


@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("mask", [False, True])
def test_losses_of_given_candidates(num_true, mask, rng):
    weights, biases, inputs = rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=(4, 3))
    labels, sampled = rng.integers(0, 7, (4, num_true)), np.array([0, 2, 5])
    of_true, of_sampled = rng.uniform(0.1, 1, (4, num_true)), rng.uniform(0.1, 1, 3)
    values = sampled, of_true, of_sampled

    def sampled_softmax(w, b, x):
        counts = [ow.cast(v, w.dtype) if v.dtype.kind == "f" else v for v in values]
        return ow.nn.sampled_softmax_loss(w, b, labels, x, 3, 7, num_true, counts, mask)

    def nce(w, b, x):
        counts = [ow.cast(v, w.dtype) if v.dtype.kind == "f" else v for v in values]
        return ow.nn.nce_loss(w, b, labels, x, 3, 7, num_true, counts, mask)

    def softmax_reference(w, b, x):
        logits, targets = _logits(w, b, labels, x, values, mask)
        return -np.sum(targets * scipy.special.log_softmax(logits, 1), 1)

    def nce_reference(w, b, x):
        logits, targets = _logits(w, b, labels, x, values, mask)
        losses = -targets * scipy.special.log_expit(logits) - (1 - targets) * scipy.special.log_expit(-logits)
        return losses.sum(1)

    one = [case(weights, biases, inputs)]
    check_op(sampled_softmax, one, softmax_reference)
    check_op(nce, one, nce_reference)


def test_losses_with_their_own_candidates(rng):
    # All classes drawn: each is expected about once, so the loss is close to that over all classes.
    weights, biases, inputs = rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=(4, 3))
    labels = np.array([[0], [3], [6], [1]])
    (found,) = run_in_graph(
        lambda w, b, x: ow.nn.sampled_softmax_loss(w, b, labels, x, 7, 7), [weights, biases, inputs], {}
    )
    want = -np.take_along_axis(scipy.special.log_softmax(inputs @ weights.T + biases, 1), labels, 1)[:, 0]
    np.testing.assert_allclose(found, want, atol=1)
    (found,) = run_in_graph(lambda w, b, x: ow.nn.nce_loss(w, b, labels, x, 3, 7), [weights, biases, inputs], {})
    assert found.shape == (4,)
    assert (found > 0).all()


def test_weights_in_parts_give_sparse_gradients(session, rng):
    parts = [ow.placeholder("float32", [4, 3]), ow.placeholder("float32", [3, 3])]
    labels = np.array([[6], [0]])
    loss = ow.nn.nce_loss(parts, ow.zeros([7]), labels, ow.ones([2, 3]), 3, 7, partition_strategy="mod")
    slopes = ow.gradients(loss, parts)
    assert all(isinstance(s, ow.IndexedSlices) for s in slopes)
    session.run(slopes, {parts[0]: np.ones((4, 3)), parts[1]: np.ones((3, 3))})


def test_errors(graph):
    labels = ow.placeholder("int64", [None, 1])
    with pytest.raises(ShapeError, match="num_sampled must be at most range_max = 5 for unique candidates, got 6"):
        ow.nn.log_uniform_candidate_sampler(labels, 1, 6, True, 5)
    with pytest.raises(ShapeError, match=r"range_max must be positive, got 0"):
        ow.nn.uniform_candidate_sampler(labels, 1, 6, False, 0)
    with pytest.raises(ArgumentError, match=r"enough classes must have a positive weight, got 1 for 2 candidates"):
        ow.nn.fixed_unigram_candidate_sampler(labels, 1, 2, True, 3, unigrams=[0, 1, 0])
    with pytest.raises(ArgumentError, match=r"must be range_max = 4 together, got 3"):
        ow.nn.fixed_unigram_candidate_sampler(labels, 1, 2, True, 4, unigrams=[1, 1, 1])


def test_true_classes_out_of_range():
    with pytest.raises(OutOfRangeError, match=r"true_classes must lie in \[0, 5\), got 5"):
        ow.nn.log_uniform_candidate_sampler(np.array([[5]]), 1, 2, True, 5)
