"""The CIFAR-10 tutorial's input: binary files, a queue of their names, a reader, distorted images, a queue of batches that
many threads fill; and a network that learns from them."""

import os

import numpy as np
import opwright_tf1 as tf
import pytest

IMAGE_SIZE = 24
NUM_CLASSES = 10
NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN = 500


def read_cifar10(filename_queue):
    class CIFAR10Record(object):  # noqa: UP004
        pass

    result = CIFAR10Record()
    label_bytes = 1
    result.height = 32
    result.width = 32
    result.depth = 3
    image_bytes = result.height * result.width * result.depth
    record_bytes = label_bytes + image_bytes
    reader = tf.FixedLengthRecordReader(record_bytes=record_bytes)
    result.key, value = reader.read(filename_queue)
    record_bytes = tf.decode_raw(value, tf.uint8)
    result.label = tf.cast(tf.slice(record_bytes, [0], [label_bytes]), tf.int32)
    depth_major = tf.reshape(
        tf.slice(record_bytes, [label_bytes], [image_bytes]), [result.depth, result.height, result.width]
    )
    result.uint8image = tf.transpose(depth_major, [1, 2, 0])
    return result


def _generate_image_and_label_batch(image, label, min_queue_examples, batch_size, shuffle):
    num_preprocess_threads = 16
    if shuffle:
        images, label_batch = tf.train.shuffle_batch(
            [image, label],
            batch_size=batch_size,
            num_threads=num_preprocess_threads,
            capacity=min_queue_examples + 3 * batch_size,
            min_after_dequeue=min_queue_examples,
        )
    else:
        images, label_batch = tf.train.batch(
            [image, label],
            batch_size=batch_size,
            num_threads=num_preprocess_threads,
            capacity=min_queue_examples + 3 * batch_size,
        )
    return images, tf.reshape(label_batch, [batch_size])


def filenames_of(data_dir, names):
    filenames = [os.path.join(data_dir, name) for name in names]
    for f in filenames:
        if not tf.gfile.Exists(f):
            raise ValueError("Failed to find file: " + f)
    return filenames


def distorted_inputs(data_dir, batch_size):
    filenames = filenames_of(data_dir, [f"data_batch_{i}.bin" for i in range(1, 6)])
    filename_queue = tf.train.string_input_producer(filenames)
    read_input = read_cifar10(filename_queue)
    reshaped_image = tf.cast(read_input.uint8image, tf.float32)
    height = IMAGE_SIZE
    width = IMAGE_SIZE
    distorted_image = tf.random_crop(reshaped_image, [height, width, 3])
    distorted_image = tf.image.random_flip_left_right(distorted_image)
    distorted_image = tf.image.random_brightness(distorted_image, max_delta=63)
    distorted_image = tf.image.random_contrast(distorted_image, lower=0.2, upper=1.8)
    float_image = tf.image.per_image_whitening(distorted_image)
    min_fraction_of_examples_in_queue = 0.4
    min_queue_examples = int(NUM_EXAMPLES_PER_EPOCH_FOR_TRAIN * min_fraction_of_examples_in_queue)
    return _generate_image_and_label_batch(float_image, read_input.label, min_queue_examples, batch_size, shuffle=True)


def inputs(data_dir, batch_size):
    filename_queue = tf.train.string_input_producer(filenames_of(data_dir, ["test_batch.bin"]), num_epochs=1)
    read_input = read_cifar10(filename_queue)
    reshaped_image = tf.cast(read_input.uint8image, tf.float32)
    resized_image = tf.image.resize_image_with_crop_or_pad(reshaped_image, IMAGE_SIZE, IMAGE_SIZE)
    float_image = tf.image.per_image_whitening(resized_image)
    return _generate_image_and_label_batch(float_image, read_input.label, 50, batch_size, shuffle=False)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Files as CIFAR-10's: a byte for the label, 32 x 32 reds, greens, blues. Each class is a pattern under noise."""
    folder, rng = tmp_path_factory.mktemp("cifar10"), np.random.default_rng(1)
    patterns = np.kron(rng.uniform(40, 215, (NUM_CLASSES, 3, 4, 4)), np.ones((1, 1, 8, 8)))
    for name in [*[f"data_batch_{i}.bin" for i in range(1, 6)], "test_batch.bin"]:
        labels = rng.integers(0, NUM_CLASSES, 100)
        images = (patterns[labels] + rng.normal(scale=20, size=(100, 3, 32, 32))).clip(0, 255).astype(np.uint8)
        records = np.concatenate([labels[:, None].astype(np.uint8), images.reshape(100, -1)], 1)
        records.tofile(folder / name)
    return str(folder)


def network(images):
    weights = tf.get_variable("weights", [5, 5, 3, 16], initializer=tf.truncated_normal_initializer(stddev=5e-2))
    h = tf.nn.relu(tf.nn.conv2d(images, weights, [1, 2, 2, 1], padding="SAME"))
    h = tf.reshape(tf.nn.max_pool(h, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"), [-1, 6 * 6 * 16])
    dense = tf.get_variable(
        "dense", [6 * 6 * 16, NUM_CLASSES], initializer=tf.truncated_normal_initializer(stddev=0.02)
    )
    return tf.matmul(h, dense)


def test_it_learns_from_distorted_inputs(data_dir):
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        images, labels = distorted_inputs(data_dir, 32)
        assert images.get_shape().as_list() == [32, IMAGE_SIZE, IMAGE_SIZE, 3]
        logits = network(images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        train_op = tf.train.AdamOptimizer(3e-3).minimize(loss)
        with tf.Session() as sess:
            sess.run(tf.initialize_all_variables())
            coord = tf.train.Coordinator()
            threads = tf.train.start_queue_runners(sess=sess, coord=coord)
            losses = [sess.run([train_op, loss])[1] for _ in range(100)]
            x = sess.run(images)
            coord.request_stop()
            coord.join(threads, stop_grace_period_secs=10)
    np.testing.assert_allclose(x.mean((1, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(x.std((1, 2, 3)), 1, atol=1e-3)
    np.testing.assert_allclose(losses[0], np.log(NUM_CLASSES), atol=0.5)
    assert np.mean(losses[-10:]) < 0.75 * losses[0]


def test_evaluation_reads_each_example_once(data_dir):
    labels_there = np.fromfile(os.path.join(data_dir, "test_batch.bin"), np.uint8).reshape(100, -1)[:, 0]
    with tf.Graph().as_default():
        images, labels = inputs(data_dir, 20)
        for _ in range(2):  # the tutorial evaluates again and again, in a session of its own each time
            with tf.Session() as sess:
                coord = tf.train.Coordinator()
                threads = []
                for qr in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS):
                    threads.extend(qr.create_threads(sess, coord=coord, daemon=True, start=True))
                found = []
                with coord.stop_on_exception():
                    while not coord.should_stop():
                        found += sess.run([images, labels])[1].tolist()
                coord.join(threads, stop_grace_period_secs=10)
                assert sorted(found) == sorted(labels_there.tolist())
