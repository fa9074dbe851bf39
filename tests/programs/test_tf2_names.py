"""The names that programs written for TensorFlow 2 use most are there."""

import opwright as ow
import pytest

# The 150 names outside of keras, estimator, distribute, tpu and lite that open the most of some 230 public programs for
# TensorFlow 2, in the order in which they do.
FIRST = """
Variable constant reduce_sum square GradientTape function optimizers.Adam optimizers.SGD reduce_mean matmul zeros add
random.uniform one_hot pow autograph.to_code test.is_gpu_available float32 TensorArray argmax int32 print cast nn.relu
reshape data.Dataset.from_tensor_slices squeeze losses.CategoricalCrossentropy equal int64
nn.sparse_softmax_cross_entropy_with_logits nn.softmax device random.normal convert_to_tensor random.set_seed
zeros_initializer stack nn.l2_loss losses.categorical_crossentropy ones sigmoid losses.MSE linspace
clip_by_global_norm random.truncated_normal math.argmax int16 norm einsum image.rot90 nn.sigmoid clip_by_value
math.log initializers.RandomNormal TensorShape concat nn.sigmoid_cross_entropy_with_logits exp clip_by_norm
losses.binary_crossentropy reduce_max reduce_min broadcast_to expand_dims shape config.list_physical_devices
train.latest_checkpoint train.Checkpoint train.CheckpointManager saved_model.load summary.scalar
summary.create_file_writer summary.trace_export summary.trace_on newaxis constant_initializer unstack
losses.BinaryCrossentropy name_scope summary.histogram transpose math.sqrt feature_column.numeric_column image.resize
ones_like zeros_like io.read_file tanh nn.leaky_relu image.decode_png summary.image nn.tanh summary.graph
saved_model.save TensorSpec image.decode_jpeg data.experimental.AUTOTUNE Module image.random_flip_left_right
image.random_crop data.Dataset.from_generator version.VERSION random_normal_initializer meshgrid math.sin
config.experimental.list_physical_devices config.experimental.set_visible_devices is_tensor config.set_visible_devices
debugging.set_log_device_placement math.top_k math.softmax range maximum linalg.band_part math.equal math.minimum
math.rsqrt config.experimental.set_memory_growth config.experimental.list_logical_devices sqrt math.is_nan
nn.embedding_lookup nn.nce_loss abs train.load_checkpoint cond compat.as_str nn.conv2d nn.max_pool nn.bias_add
multiply subtract divide string data.experimental.CsvDataset io.decode_csv math.reduce_mean math.reduce_std
random.shuffle math.sigmoid nn.softplus image.adjust_contrast UnconnectedGradients.ZERO python.keras.models.Model
python.keras.models.load_model io.gfile.rmtree io.gfile.exists python.ops.summary_ops_v2
""".split()
# Insides of TensorFlow that programs should not have used.
PRIVATE = """
python.keras.models.Model python.keras.models.load_model python.ops.summary_ops_v2
""".split()
MORE = """
UnconnectedGradients.NONE custom_gradient data.AUTOTUNE data.Dataset.range data.Dataset.zip debugging.assert_equal
debugging.assert_near debugging.assert_shapes debugging.check_numerics eye fill float16 float64 gather gather_nd
initializers.GlorotUniform losses.SparseCategoricalCrossentropy metrics.Accuracy metrics.Mean
metrics.SparseCategoricalAccuracy minimum nn.dropout nn.softmax_cross_entropy_with_logits optimizers.Adadelta
optimizers.Adagrad optimizers.Ftrl optimizers.RMSprop optimizers.schedules.ExponentialDecay pad random.Generator
reverse size stop_gradient tile vectorized_map where
""".split()


def found(name):
    thing = ow
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize("name", [name for name in FIRST + MORE if name not in PRIVATE])
def test_a_name_is_there(name):
    found(name)


def test_most_of_the_first_are_there():
    assert len(FIRST) == 150
    assert len(PRIVATE) / len(FIRST) <= 0.05
