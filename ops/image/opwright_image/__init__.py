"""Images: sizes, crops, colours, distortions, PNG and JPEG."""

from opwright import hookimpl

from opwright_image import codecs, colors, crops, distortions, frames, resample, resize


@hookimpl
def opwright_register_ops(register):
    register(resample)  # the ops behind the functions of image
    register(resize, crops, frames, colors, distortions, codecs)
