"""Choices and loops as TensorFlow 1 programs write them."""

import numpy as np
import opwright_tf1 as tf
import pytest


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def test_a_list_of_one_comes_back_as_what_it_holds(session):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [2])
    y = tf.cond(p, lambda: [x * 2], lambda: [x + 1])
    assert session.run(y, {p: True, x: [1, 2]}).tolist() == [2, 4]
    assert len(tf.cond(p, lambda: [x], lambda: [x], strict=True)) == 1
    assert session.run(tf.while_loop(lambda i: tf.less(i, 10), lambda i: tf.add(i, 1), [tf.constant(0)])) == 10
    assert session.run(tf.case({x[0] > 1: lambda: [x[0]]}, default=lambda: [x[1]]), {x: [5, 7]}) == 5


def test_variables_made_in_a_body(session):
    def body(i, total, array):
        w = tf.get_variable("w", [3], initializer=tf.ones_initializer())
        return i + 1, total + w, array.write(i, total)

    start = (tf.constant(0), tf.zeros([3]), tf.TensorArray(dtype=tf.float32, size=4))
    _, total, array = tf.while_loop(lambda i, *_: i < 4, body, start)
    gradient = tf.gradients(total, tf.trainable_variables())
    session.run(tf.global_variables_initializer())
    assert session.run(total).tolist() == [4, 4, 4]
    np.testing.assert_array_equal(session.run(array.stack()), np.arange(4.0)[:, None] * np.ones(3))
    assert session.run(gradient)[0].tolist() == [4, 4, 4]
    assert [v.name for v in tf.trainable_variables()] == ["w:0"]


def test_training_with_a_condition(session):
    v, step = tf.Variable(3.0), tf.placeholder(tf.int32, [])
    rate = tf.case([(step < 2, lambda: tf.constant(0.25))], default=lambda: tf.constant(0.125))
    train = tf.train.GradientDescentOptimizer(rate).minimize(tf.cond(step < 1, lambda: v * 2.0, lambda: v * v))
    session.run(tf.global_variables_initializer())
    values = []
    for k in range(3):
        session.run(train, {step: k})
        values.append(float(session.run(v)))
    assert values == [2.5, 1.25, 0.9375]
