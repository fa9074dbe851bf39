"""PNG and JPEG to images and back, by Pillow. Encoded images are strings."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, PluginError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def pillow() -> ModuleType:
    """PIL.Image. Raises PluginError where it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise PluginError(
            "[image] decoding and encoding need Pillow, which is not installed; pip install pillow"
        ) from None
    return Image


def _encoded(contents: Any) -> Any:
    """A string; uint8s of one dimension are taken as its bytes."""
    tensor = convert_to_tensor(contents)
    if tensor.dtype == "uint8":
        tensor = ops.py_func(lambda data: np.array(data.tobytes(), object), [tensor], "string")
        return ops.ensure_shape(tensor, [])
    return tensor


def _decoder(op: str, channels: int, formats: tuple[str, ...]) -> Callable[[Any], Any]:
    library = pillow()

    def decode(contents: Any) -> Any:
        try:
            with library.open(io.BytesIO(contents[()]), formats=formats) as picture:
                return _pixels(op, picture, channels)
        except OSError as e:
            raise ValueError(f"[{op}] contents must be an image of format {' or '.join(formats)}: {e}") from None

    return decode


def _pixels(op: str, picture: Any, channels: int) -> Any:
    """uint8 [height, width, channels]; channels 0: as many as the image has."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        raise ValueError(f"[{op}] images must have 8 bits a channel, got mode {picture.mode}")
    own = {"1": "L", "L": "L", "LA": "LA", "RGBA": "RGBA"}.get(picture.mode, "RGB")
    if picture.mode == "P" and "transparency" in picture.info:
        own = "RGBA"
    array = np.asarray(picture.convert(MODES[channels] if channels else own))
    return array[:, :, None] if array.ndim == 2 else array


def _decode(op: str, contents: Any, channels: int, allowed: tuple[int, ...], formats: Any, name: str | None) -> Any:
    if channels not in allowed:
        raise ArgumentError(f"[{op}] channels must be one of {', '.join(map(str, allowed))}, got {channels}")
    image = ops.py_func(_decoder(op, channels, formats), [_encoded(contents)], "uint8", name=name)
    return ops.ensure_shape(image, [None, None, channels or None])


@export("image.decode_png", "io.decode_png")
def decode_png(contents: Any, channels: int = 0, dtype: Any = "uint8", name: str | None = None) -> Any:
    """The image, uint8 [height, width, channels], in a PNG file's bytes: 1, 2 (grey and opacity), 3 or 4 channels, or
    with 0 as many as it has. Raises InvalidArgumentError or ValueError for other contents."""
    if dtype != "uint8":
        raise ArgumentError(f"[decode_png] dtype must be uint8, got {dtype}; cast the image")
    return _decode("decode_png", contents, channels, (0, 1, 2, 3, 4), ("PNG",), name)


@export("image.decode_jpeg", "io.decode_jpeg")
def decode_jpeg(contents: Any, channels: int = 0, name: str | None = None) -> Any:
    """The image, uint8 [height, width, channels], in a JPEG file's bytes: 1 or 3 channels, with 0 as many as it has."""
    return _decode("decode_jpeg", contents, channels, (0, 1, 3), ("JPEG",), name)


@export("image.decode_image", "io.decode_image")
def decode_image(contents: Any, channels: int = 0, dtype: Any = "uint8", name: str | None = None) -> Any:
    """The image in a PNG, JPEG, BMP or GIF (its first frame) file's bytes, converted to `dtype` as by
    convert_image_dtype."""
    image = _decode("decode_image", contents, channels, (0, 1, 3, 4), ("PNG", "JPEG", "BMP", "GIF"), name)
    return image if dtype == "uint8" else ops.image.convert_image_dtype(image, dtype)


def _encode(op: str, image: Any, allowed: tuple[int, ...], name: str | None, **options: Any) -> Any:
    library, image = pillow(), convert_to_tensor(image, "uint8")
    dims = image.shape.dims
    if dims is not None and (len(dims) != 3 or dims[2] not in (None, *allowed)):
        counts = ", ".join(map(str, allowed))
        raise ArgumentError(f"[{op}] image must be [height, width, channels], {counts} channels, got {image.shape}")

    def encode(pixels: Any) -> Any:
        written = io.BytesIO()
        library.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(written, **options)
        return np.array(written.getvalue(), object)

    return ops.ensure_shape(ops.py_func(encode, [image], "string", name=name), [])


@export("image.encode_png", "io.encode_png")
def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Any:
    """The bytes of a PNG file of a uint8 image of 1 to 4 channels. compression: 0 to 9, -1 for the usual."""
    if not -1 <= compression <= 9:
        raise ArgumentError(f"[encode_png] compression must lie in [-1, 9], got {compression}")
    level = {} if compression < 0 else {"compress_level": compression}
    return _encode("encode_png", image, (1, 2, 3, 4), name, format="PNG", **level)


@export("image.encode_jpeg", "io.encode_jpeg")
def encode_jpeg(
    image: Any, format: str = "", quality: int = 95, progressive: bool = False, name: str | None = None
) -> Any:
    """The bytes of a JPEG file of a uint8 image of 1 or 3 channels. quality: 0 to 100."""
    if format not in ("", "grayscale", "rgb"):
        raise ArgumentError(f"[encode_jpeg] format must be '', grayscale or rgb, got {format!r}")
    if not 0 <= quality <= 100:
        raise ArgumentError(f"[encode_jpeg] quality must lie in [0, 100], got {quality}")
    allowed = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}[format]
    return _encode("encode_jpeg", image, allowed, name, format="JPEG", quality=quality, progressive=progressive)
