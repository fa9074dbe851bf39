"""Names that programs written for TensorFlow ask for."""

from __future__ import annotations

from opwright import export


class Name(str):
    """A str that can be exported."""


DEFAULT_SERVING_SIGNATURE_DEF_KEY = export(
    "saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY",
    "saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY",
)(Name("serving_default"))
SERVING = export("saved_model.SERVING", "saved_model.tag_constants.SERVING")(Name("serve"))
