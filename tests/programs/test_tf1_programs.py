"""Programs of the first TensorFlow tutorials, verbatim but for the import."""

import numpy as np
import opwright_tf1 as tf
import pytest


def test_the_line_fit():
    np.random.seed(1)
    x_data = np.random.rand(100).astype(np.float32)
    y_data = x_data * 0.1 + 0.3

    W = tf.Variable(tf.random_uniform([1], -1.0, 1.0))
    b = tf.Variable(tf.zeros([1]))
    y = W * x_data + b

    loss = tf.reduce_mean(tf.square(y - y_data))
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    train = optimizer.minimize(loss)

    init = tf.initialize_all_variables()
    sess = tf.Session()
    sess.run(init)
    for _ in range(201):
        sess.run(train)
    np.testing.assert_allclose([sess.run(W)[0], sess.run(b)[0]], [0.1, 0.3], atol=1e-3)


def test_feed_and_fetch():
    input1 = tf.placeholder(tf.float32)
    input2 = tf.placeholder(tf.float32)
    output = tf.mul(input1, input2)
    with tf.Session() as sess:
        assert sess.run([output], feed_dict={input1: [7.0], input2: [2.0]})[0].tolist() == [14.0]

    input1 = tf.constant([3.0])
    input2 = tf.constant([2.0])
    input3 = tf.constant([5.0])
    intermed = tf.add(input2, input3)
    mul = tf.mul(input1, intermed)
    with tf.Session() as sess:
        result = sess.run([mul, intermed])
        assert [r.tolist() for r in result] == [[21.0], [7.0]]


def test_the_counter():
    state = tf.Variable(0, name="counter")
    one = tf.constant(1)
    new_value = tf.add(state, one)
    update = tf.assign(state, new_value)
    init_op = tf.initialize_all_variables()
    seen = []
    with tf.Session() as sess:
        sess.run(init_op)
        seen.append(sess.run(state))
        for _ in range(3):
            sess.run(update)
            seen.append(sess.run(state))
    assert seen == [0, 1, 2, 3]


def test_the_interactive_session():
    sess = tf.InteractiveSession()
    x = tf.Variable([1.0, 2.0])
    a = tf.constant([3.0, 3.0])
    x.initializer.run()
    sub = tf.sub(x, a)
    assert sub.eval().tolist() == [-2.0, -1.0]
    a = tf.zeros((2, 2))
    b = tf.ones((2, 2))
    assert tf.reduce_sum(b, reduction_indices=1).eval().tolist() == [2.0, 2.0]
    assert a.get_shape() == (2, 2)
    assert str(a.get_shape()) == "(2, 2)"
    assert tf.reshape(a, (1, 4)).eval().tolist() == [[0, 0, 0, 0]]
    sess.close()


def test_linear_regression_with_shared_variables():
    X_data = np.arange(100, step=0.1)
    y_data = X_data + 20 * np.sin(X_data / 10)
    n_samples, batch_size = 1000, 100
    X_data = np.reshape(X_data, (n_samples, 1))
    y_data = np.reshape(y_data, (n_samples, 1))

    X = tf.placeholder(tf.float32, shape=(batch_size, 1))
    y = tf.placeholder(tf.float32, shape=(batch_size, 1))
    with tf.variable_scope("linear-regression"):
        W = tf.get_variable("weights", (1, 1), initializer=tf.random_normal_initializer())
        b = tf.get_variable("bias", (1,), initializer=tf.constant_initializer(0.0))
        y_pred = tf.matmul(X, W) + b
        loss = tf.reduce_sum((y - y_pred) ** 2 / n_samples)
    with tf.variable_scope("linear-regression", reuse=True):
        assert tf.get_variable("weights", (1, 1)) is W
    with pytest.raises(ValueError, match="must be a new name"), tf.variable_scope("linear-regression"):
        tf.get_variable("weights", (1, 1))
    with pytest.raises(ValueError, match="must exist where reuse=True"), tf.variable_scope("other", reuse=True):
        tf.get_variable("weights", (1, 1))
    assert W.name == "linear-regression/weights:0"

    opt_operation = tf.train.AdamOptimizer().minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        rng = np.random.RandomState(0)
        losses = []
        for _ in range(500):
            indices = rng.choice(n_samples, batch_size)
            _, loss_val = sess.run([opt_operation, loss], feed_dict={X: X_data[indices], y: y_data[indices]})
            losses.append(loss_val)
    assert np.mean(losses[-50:]) < np.mean(losses[:50])


def test_mnist_softmax():
    from opwright_datasets import digits

    mnist = digits(one_hot=True)
    x = tf.placeholder(tf.float32, [None, 784])
    W = tf.Variable(tf.zeros([784, 10]))
    b = tf.Variable(tf.zeros([10]))
    y = tf.matmul(x, W) + b
    y_ = tf.placeholder(tf.float32, [None, 10])
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
    train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)
    sess = tf.InteractiveSession()
    tf.global_variables_initializer().run()
    for _ in range(1000):
        batch_xs, batch_ys = mnist.train.next_batch(100)
        sess.run(train_step, feed_dict={x: batch_xs, y_: batch_ys})
    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    reached = sess.run(accuracy, feed_dict={x: mnist.test.images, y_: mnist.test.labels})
    sess.close()
    assert reached >= 0.90


def test_the_gradient_of_a_neuron_has_its_closed_form():
    x = tf.placeholder(tf.float64, [3])
    w = tf.Variable(np.array([0.5, -0.25, 2.0]))
    y = tf.sigmoid(tf.reduce_sum(w * x))
    (grad,) = tf.gradients(y, [w])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        at = np.array([1.0, 2.0, -0.5])
        y_val, grad_val = sess.run([y, grad], {x: at})
    np.testing.assert_allclose(grad_val, y_val * (1 - y_val) * at, rtol=1e-12)


def test_a_variable_must_be_initialised():
    v = tf.Variable(3.0, name="forgotten")
    with (
        tf.Session() as sess,
        pytest.raises(tf.errors.FailedPreconditionError, match="'forgotten' must be initialised"),
    ):
        sess.run(v + 1.0)


class SquareTest(tf.test.TestCase):
    """The documentation's test case."""

    def test_square(self):
        with self.test_session():
            x = tf.square([2, 3])
            self.assertAllEqual(x.eval(), [4, 9])
            self.assertShapeEqual(np.zeros(2), x)

    def test_gradient(self):
        with self.test_session():
            x = tf.constant([[1.0, 2.0], [3.0, 4.0]], dtype=tf.float64)
            y = tf.sigmoid(tf.matmul(x, x))
            error = tf.test.compute_gradient_error(x, [2, 2], y, [2, 2], delta=1e-4)
            self.assertLess(error, 1e-6)
            theoretical, numeric = tf.test.compute_gradient(x, [2, 2], y, [2, 2], x_init_value=np.eye(2))
            self.assertAllClose(theoretical, numeric, rtol=1e-4, atol=1e-4)
            self.assertEqual(theoretical.shape, (4, 4))

    def test_errors(self):
        with self.test_session():
            with self.assertRaisesOpError("must be fed"):
                tf.placeholder(tf.float32, name="nothing").eval()
            self.assertNear(1.0, 1.0 + 1e-9, 1e-6)
            self.assertArrayNear([1.0, 2.0], [1.0, 2.0], 1e-6)
            with self.assertRaises(AssertionError):
                self.assertAllClose([1.0], [1.1])
