"""The names that programs written for TensorFlow 2 use most are there."""

import opwright as ow
import pytest

NAMES = """
GradientTape Module TensorShape UnconnectedGradients.NONE UnconnectedGradients.ZERO Variable abs add argmax broadcast_to cast
clip_by_global_norm clip_by_norm clip_by_value compat.as_str concat config.experimental.list_logical_devices
config.experimental.list_physical_devices config.experimental.set_memory_growth config.experimental.set_visible_devices
config.list_physical_devices config.set_visible_devices constant constant_initializer convert_to_tensor custom_gradient
data.AUTOTUNE data.Dataset.from_generator data.Dataset.from_tensor_slices data.Dataset.range data.Dataset.zip
data.experimental.AUTOTUNE data.experimental.CsvDataset debugging.assert_equal debugging.assert_near debugging.assert_shapes
debugging.check_numerics debugging.set_log_device_placement device divide einsum equal exp expand_dims eye fill float16 float32
float64 gather gather_nd initializers.GlorotUniform initializers.RandomNormal int16 int32 int64 is_tensor
linalg.band_part linspace losses.BinaryCrossentropy losses.CategoricalCrossentropy losses.MSE
losses.SparseCategoricalCrossentropy losses.binary_crossentropy losses.categorical_crossentropy math.argmax math.equal
math.is_nan math.log math.minimum math.reduce_mean math.reduce_std math.rsqrt math.sigmoid math.sin math.softmax math.sqrt
math.top_k matmul maximum meshgrid metrics.Accuracy metrics.Mean metrics.SparseCategoricalAccuracy minimum multiply name_scope
newaxis nn.bias_add nn.dropout nn.embedding_lookup nn.l2_loss nn.leaky_relu nn.nce_loss nn.relu nn.sigmoid
nn.sigmoid_cross_entropy_with_logits nn.softmax nn.softmax_cross_entropy_with_logits nn.softplus
nn.sparse_softmax_cross_entropy_with_logits nn.tanh norm one_hot ones ones_like optimizers.Adadelta optimizers.Adagrad
optimizers.Adam optimizers.Ftrl optimizers.RMSprop optimizers.SGD optimizers.schedules.ExponentialDecay pad pow print
random.Generator random.normal random.set_seed random.shuffle random.truncated_normal random.uniform random_normal_initializer
range reduce_max reduce_mean reduce_min reduce_sum reshape reverse shape sigmoid size sqrt square squeeze stack stop_gradient
subtract tanh test.is_gpu_available tile train.Checkpoint train.CheckpointManager train.latest_checkpoint
train.load_checkpoint transpose unstack vectorized_map version.VERSION where zeros zeros_initializer zeros_like
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there(name):
    found = ow
    for part in name.split("."):
        found = getattr(found, part)
