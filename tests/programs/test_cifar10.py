"""The CIFAR-10 tutorial: distorted images, two layers of convolution, pooling and local response normalisation, two of
local weights with weight decay, gradient descent with a decayed rate, moving averages of losses and variables."""

import numpy as np
import opwright as ow
import opwright_tf1 as tf

BATCH_SIZE = 16
IMAGE_SIZE = 24
NUM_CLASSES = 10
NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN = 256
MOVING_AVERAGE_DECAY = 0.9999
NUM_EPOCHS_PER_DECAY = 350.0
LEARNING_RATE_DECAY_FACTOR = 0.1
INITIAL_LEARNING_RATE = 0.1


def photographs(n):
    """Images of 32 x 32 in place of CIFAR-10's: each class has a pattern of its own under noise."""
    rng = np.random.default_rng(1)
    patterns = np.kron(rng.uniform(40, 215, (NUM_CLASSES, 4, 4, 3)), np.ones((1, 8, 8, 1)))
    labels = rng.integers(0, NUM_CLASSES, n).astype(np.int32)
    noisy = patterns[labels] + rng.normal(scale=20, size=(n, 32, 32, 3))
    return noisy.clip(0, 255).astype(np.uint8), labels


def distorted(image, label):
    distorted_image = tf.random_crop(tf.cast(image, tf.float32), [IMAGE_SIZE, IMAGE_SIZE, 3], seed=1)
    distorted_image = tf.image.random_flip_left_right(distorted_image, seed=2)
    distorted_image = tf.image.random_brightness(distorted_image, max_delta=63, seed=3)
    distorted_image = tf.image.random_contrast(distorted_image, lower=0.2, upper=1.8, seed=4)
    return tf.image.per_image_whitening(distorted_image), label


def distorted_inputs():
    """Batches that a thread prepares ahead."""
    examples = tf.data.Dataset.from_tensor_slices(photographs(NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN))
    examples = examples.shuffle(NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN, seed=1).repeat().map(distorted)
    return iter(examples.batch(BATCH_SIZE).prefetch(4).as_numpy_iterator())


def _variable_with_weight_decay(name, shape, stddev, wd):
    var = tf.get_variable(name, shape, initializer=tf.truncated_normal_initializer(stddev=stddev))
    if wd:
        weight_decay = tf.mul(tf.nn.l2_loss(var), wd, name="weight_loss")
        tf.add_to_collection("losses", weight_decay)
    return var


def _biases(n, value):
    return tf.get_variable("biases", [n], initializer=tf.constant_initializer(value))


def inference(images):
    with tf.variable_scope("conv1") as scope:
        kernel = _variable_with_weight_decay("weights", shape=[5, 5, 3, 64], stddev=5e-2, wd=0.0)
        conv = tf.nn.conv2d(images, kernel, [1, 1, 1, 1], padding="SAME")
        conv1 = tf.nn.relu(tf.nn.bias_add(conv, _biases(64, 0.0)), name=scope.name)
    pool1 = tf.nn.max_pool(conv1, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME", name="pool1")
    norm1 = tf.nn.lrn(pool1, 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75, name="norm1")

    with tf.variable_scope("conv2") as scope:
        kernel = _variable_with_weight_decay("weights", shape=[5, 5, 64, 64], stddev=5e-2, wd=0.0)
        conv = tf.nn.conv2d(norm1, kernel, [1, 1, 1, 1], padding="SAME")
        conv2 = tf.nn.relu(tf.nn.bias_add(conv, _biases(64, 0.1)), name=scope.name)
    norm2 = tf.nn.lrn(conv2, 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75, name="norm2")
    pool2 = tf.nn.max_pool(norm2, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME", name="pool2")

    with tf.variable_scope("local3") as scope:
        reshape = tf.reshape(pool2, [BATCH_SIZE, -1])
        dim = reshape.get_shape().as_list()[1]
        weights = _variable_with_weight_decay("weights", shape=[dim, 384], stddev=0.04, wd=0.004)
        local3 = tf.nn.relu(tf.matmul(reshape, weights) + _biases(384, 0.1), name=scope.name)
    with tf.variable_scope("local4") as scope:
        weights = _variable_with_weight_decay("weights", shape=[384, 192], stddev=0.04, wd=0.004)
        local4 = tf.nn.relu(tf.matmul(local3, weights) + _biases(192, 0.1), name=scope.name)
    with tf.variable_scope("softmax_linear") as scope:
        weights = _variable_with_weight_decay("weights", [192, NUM_CLASSES], stddev=1 / 192.0, wd=0.0)
        return tf.add(tf.matmul(local4, weights), _biases(NUM_CLASSES, 0.0), name=scope.name)


def total_loss(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        logits=logits, labels=tf.cast(labels, tf.int64), name="cross_entropy_per_example"
    )
    tf.add_to_collection("losses", tf.reduce_mean(cross_entropy, name="cross_entropy"))
    return tf.add_n(tf.get_collection("losses"), name="total_loss")


def train(loss, global_step):
    num_batches_per_epoch = NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN / BATCH_SIZE
    decay_steps = int(num_batches_per_epoch * NUM_EPOCHS_PER_DECAY)
    lr = tf.train.exponential_decay(
        INITIAL_LEARNING_RATE, global_step, decay_steps, LEARNING_RATE_DECAY_FACTOR, staircase=True
    )
    loss_averages = tf.train.ExponentialMovingAverage(0.9, name="avg")
    loss_averages_op = loss_averages.apply([*tf.get_collection("losses"), loss])
    with tf.control_dependencies([loss_averages_op]):
        opt = tf.train.GradientDescentOptimizer(lr)
        grads = opt.compute_gradients(loss)
    apply_gradient_op = opt.apply_gradients(grads, global_step=global_step)

    variable_averages = tf.train.ExponentialMovingAverage(MOVING_AVERAGE_DECAY, global_step)
    variables_averages_op = variable_averages.apply(tf.trainable_variables())
    with tf.control_dependencies([apply_gradient_op, variables_averages_op]):
        train_op = tf.no_op(name="train")
    return train_op, loss_averages.average(loss), variable_averages


def test_the_loss_falls():
    ow.random.set_seed(1)  # the distortions are drawn eagerly, from streams that go on from test to test
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        global_step = tf.Variable(0, trainable=False)
        images = tf.placeholder(tf.float32, [BATCH_SIZE, IMAGE_SIZE, IMAGE_SIZE, 3])
        labels = tf.placeholder(tf.int32, [BATCH_SIZE])
        loss = total_loss(inference(images), labels)
        train_op, average_loss, averages = train(loss, global_step)
        batches = distorted_inputs()
        with tf.Session() as sess:
            sess.run(tf.initialize_all_variables())
            losses = []
            for _ in range(120):
                x, y = next(batches)
                losses.append(sess.run([train_op, loss], feed_dict={images: x, labels: y})[1])
            assert np.isfinite(losses).all()
            # At first the loss is log(10) = 2.3 and the weight decay of the local layers, 2.2.
            np.testing.assert_allclose(losses[0], np.log(10) + 2.2, atol=0.3)
            assert np.mean(losses[-10:]) < losses[0] - 1
            assert sess.run(global_step) == 120
            assert min(losses) < sess.run(average_loss) < max(losses)
            weights = next(v for v in tf.trainable_variables() if v.op.name == "local3/weights")
            value, average = sess.run([weights, averages.average(weights)])
            assert 0 < abs(value - average).max() < 0.1
