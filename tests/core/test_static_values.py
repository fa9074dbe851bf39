"""Values known while a graph is built."""

import numpy as np
import opwright as ow


def test_a_value_function_that_knows_nothing_leaves_the_constants_to_the_kernel(graph):
    # add's value function looks at integers only.
    found = (ow.constant([0.5, 2.0]) + 1.0).static_value()
    np.testing.assert_array_equal(found, [1.5, 3.0])


def test_partly_known_elements_are_no_value(graph):
    sizes = ow.shape(ow.placeholder("float32", [2, None]))
    assert (sizes + 1).static_value() is None
    assert ow.fill(sizes + 1, 0.0).shape.as_list() == [3, None]
