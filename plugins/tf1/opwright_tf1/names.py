"""Names of TensorFlow r0.8 to r1.15 that differ from Opwright's."""

# The modules of `surface`.
MODULES = (
    "framework",
    "legacy",
    "flow",
    "convolution",
    "image",
    "variables",
    "sessions",
    "test",
    "app",
    "errors",
    "libraries",
    "tracing",
    "tutorials",
    "summaries",
    "layers",
    "saver",
    "logs",
)

# Prefixes that lead on to other names.
NAMESPACES = frozenset(
    "app compat compat.v1 contrib contrib.layers errors examples examples.tutorials examples.tutorials.mnist "
    "initializers layers logging losses math nn python python.framework python.framework.ops random summary test "
    "train".split()
)

RENAMED = {
    "add_v2": "add",
    "all_variables": "global_variables",
    "batch_matmul": "matmul",
    "complex_abs": "abs",
    "contrib.layers.variance_scaling_initializer": "variance_scaling_initializer",
    "contrib.layers.xavier_initializer": "glorot_uniform_initializer",
    "floor_div": "floordiv",
    "initialize_all_variables": "global_variables_initializer",
    "initialize_local_variables": "local_variables_initializer",
    "initialize_variables": "variables_initializer",
    "inv": "reciprocal",
    "is_finite": "isfinite",
    "is_inf": "isinf",
    "is_nan": "isnan",
    "math.mod": "floormod",
    "mod": "floormod",
    "mul": "multiply",
    "neg": "negative",
    "pack": "stack",
    "select": "where",
    "sub": "subtract",
    "unpack": "unstack",
}
