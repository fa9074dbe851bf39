"""Drawing Subjects from an op's signature: dtypes, shapes, attributes and values, kept where the op takes them.

What the signature does not say (that an index must lie inside its tensor, that an axis must exist) is found by trying:
calls that the op refuses with an error of Opwright's are drawn again. The intervals in which its results are numbers
(log wants x > 0) are found the same way. `@op.examples` gives arguments where trying finds none.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from opwright.dtypes import ALL, DType, bfloat16, from_storage, string, to_storage
from opwright.errors import OpwrightError
from opwright.opdef import OpDef
from opwright.schema import REQUIRED, Attribute, TensorArg
from opwright.shapes import Shape

from opwright_check.subject import Array, Groups, Subject, as_dtype

# Each case draws its sizes from one of these, and the number of dimensions that *names and ... stand for.
SIZES = ((3, 2, 7), (1,), (17, 7, 3), (0, 2), (64, 3, 17), (2, 3), (1025, 2, 1), (7, 1), (1025, 64))
RANKS = (2, 1, 1, 2, 2, 3, 1, 4, 2)
FIRST = (0, 3, 8)  # the cases of a reduced draw, and of dtypes other than the first
LARGEST = 70_000  # elements of an argument
ATTEMPTS = 24  # for each case
# Intervals for floating arguments, tried until the results are numbers.
DOMAINS = ((-2.0, 2.0), (0.1, 0.9), (1.1, 2.5), (-0.9, 0.9), (0.5, 6.0))
WORDS = ("", "a", "word", "12", "Ünïcode")
AXES = ((0,), (1,), (-1,), (0, 1), (), (1, 1), (0, 0), (1, 0), (2,))


@dataclass
class Draw:
    """What drawing for an op has found."""

    subjects: list[Subject] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # of calls that were drawn again
    crashes: list[str] = field(default_factory=list)  # exceptions that are none of Opwright's
    untaken: dict[str, str] = field(default_factory=dict)  # declared dtypes nothing is accepted of -> the last refusal


class Drawer:
    """Draws for one op. The same op is always drawn the same subjects."""

    def __init__(self, op: OpDef, full: bool = True) -> None:
        self.op = op
        self.full = full
        self.rng = np.random.default_rng(zlib.crc32(op.name.encode()))
        self.found = Draw()
        self.domain: tuple[tuple[float, float], ...] | None = None
        self.steady: dict[str, Any] = {}  # what worked before, tried first

    def draw(self) -> Draw:
        untaken: dict[str, tuple[dict[str, DType], str]] = {}
        for number, (varied, dtypes) in enumerate(combinations(self.op)):
            cases = range(len(SIZES)) if self.full and number == 0 else FIRST if number == 0 else FIRST[:2]
            taken = self._recast(dtypes) if number and self.op.example_function is None else []
            taken = taken or self._cases(cases, dtypes)
            if not taken and len(dtypes) > 1:  # perhaps they have to be alike
                taken = self._cases(cases, self._alike(dtypes, dtypes[varied]))
            self.found.subjects += taken
            if not taken and varied in self.op.schema.types and self.found.refusals:
                untaken[f"{varied}={dtypes[varied].name}"] = (dtypes, self.found.refusals[-1])
        for name, (dtypes, said) in untaken.items():
            taken = self._recast(dtypes)  # of what was taken with later dtypes
            self.found.subjects += taken
            if not taken:
                self.found.untaken[name] = said
        return self.found

    def _recast(self, dtypes: dict[str, DType]) -> list[Subject]:
        """Calls that were taken before, with other dtypes."""
        found = []
        for subject in self.found.subjects[: len(FIRST) - 1]:
            groups, own = [], []
            for arg, before, group in zip(self.op.schema.tensors, subject.dtypes, subject.groups, strict=True):
                dtype = dtypes.get(arg.dtype) or as_dtype(arg.dtype)
                values = [from_storage(a, before) for a in group]
                if before.is_floating and dtype.is_integer:
                    values = [np.rint(np.abs(v) if dtype.min == 0 else v) for v in values]
                groups.append([stored(v.astype(np.bool_) if dtype.is_bool else v, dtype) for v in values])
                own.append(dtype)
            attributes = {a.name: dtypes.get(a.name, subject.attributes[a.name]) for a in self.op.schema.attributes}
            drawn = Subject(self.op, own, groups, attributes, self.domain)
            if self._try(drawn):
                found.append(drawn)
        return found

    def _alike(self, dtypes: dict[str, DType], wanted: DType) -> dict[str, DType]:
        """One dtype for all that may have it."""
        types = self.op.schema.types
        return {name: wanted if wanted.name in types.get(name, (wanted.name,)) else d for name, d in dtypes.items()}

    def _cases(self, cases: Iterable[int], dtypes: dict[str, DType]) -> list[Subject]:
        if self.op.example_function is not None:
            return self._examples(dtypes)
        return [s for k in cases if (s := self._case(k, dtypes)) is not None]

    def _case(self, k: int, dtypes: dict[str, DType]) -> Subject | None:
        for attempt in range(ATTEMPTS):
            try:
                subject = self._attempt(k, attempt, dtypes)
            except OpwrightError as e:
                self.found.refusals.append(str(e).partition("\n")[0])
                continue
            if subject is not None and self._try(subject):
                return self._in_domain(subject)
        return None

    def _examples(self, dtypes: dict[str, DType]) -> list[Subject]:
        """The op's own examples in these dtypes."""
        assert self.op.example_function is not None
        rng = np.random.default_rng(1)  # the same in each dtype
        made = [self._of_example(example, dtypes) for example in self.op.example_function(rng)]
        return [s for s in made if self._try(s)]

    def _of_example(self, example: dict[str, Any], dtypes: dict[str, DType]) -> Subject:
        given, attributes = self.op.schema.bind((), example)
        groups, own = [], []
        for arg in self.op.schema.tensors:
            dtype = dtypes.get(arg.dtype) or as_dtype(arg.dtype)
            value = given[arg.name]
            items = [] if value is None else value if arg.is_list else [value]
            groups.append([stored(np.asarray(i), dtype) for i in items])
            own.append(dtype)
        for attribute in self.op.schema.attributes:
            if attribute.kind == "dtype" and attribute.name in dtypes:
                attributes[attribute.name] = dtypes[attribute.name]
        return Subject(self.op, own, groups, attributes)

    def _try(self, subject: Subject) -> bool:
        try:
            subject.outputs  # noqa: B018  (running is the question)
        except OpwrightError as e:
            self.found.refusals.append(str(e).partition("\n")[0])
            return False
        except Exception as e:  # whatever a shape function may raise by mistake
            self.found.crashes.append(f"{subject} raises {type(e).__name__}: {e}")
            return False
        return True

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _attempt(self, k: int, attempt: int, dtypes: dict[str, DType]) -> Subject | None:
        attributes = {a.name: self._attribute(a, attempt, dtypes) for a in self.op.schema.attributes}
        sizes = Sizes(
            self.rng, SIZES[k], RANKS[k] if attempt < ATTEMPTS // 2 else int(self.rng.integers(5)), attributes
        )
        groups: Groups = []
        own: list[DType] = []
        for arg in self.op.schema.tensors:
            dtype = dtypes.get(arg.dtype) or as_dtype(arg.dtype)
            count = 0 if arg.optional and attempt % 2 else int(self.rng.integers(1, 4)) if arg.is_list else 1
            if arg.is_list and self.op.schema.tensors[0].is_list:
                count = sizes.list_length
            shapes = [sizes.shape(arg, attempt) for _ in range(count)]
            if any(math.prod(s) > LARGEST for s in shapes):
                return None
            groups.append([self._array(arg, dtype, s, groups, attempt) for s in shapes])
            own.append(dtype)
        attributes = {a.name: self._bound(a, attributes[a.name], groups) for a in self.op.schema.attributes}
        return Subject(self.op, own, groups, attributes, self.domain)

    def _bound(self, attribute: Attribute, value: Any, groups: Groups) -> Any:
        """A drawn attribute as the op takes it; a shape is that of the first argument, as long as nothing is wrong."""
        if value is _LIKE_FIRST:
            value = groups[0][0].shape if groups and groups[0] else (2, 3)
        return self.op.schema._attribute(attribute, value)

    def _attribute(self, attribute: Attribute, attempt: int, dtypes: dict[str, DType]) -> Any:
        if attribute.kind == "dtype" and attribute.name in dtypes:
            return dtypes[attribute.name]
        has_default = attribute.default is not REQUIRED
        if has_default and attempt % 3 == 0:
            return attribute.default
        choices: dict[str, list[Any]] = {
            "int": [0, 1, -1, 2, 3],
            "float": [0.5, 1.0, 0.25],
            "bool": [False, True],
            "ints": list(AXES),
            "floats": [(0.5,), (0.5, 0.25)],
            "shape": [_LIKE_FIRST],
            "array": [np.zeros((2, 3), np.float32)],
        }
        drawn = choices.get(
            attribute.kind, [attribute.default if has_default else "" if attribute.kind == "str" else None]
        )
        return drawn[int(self.rng.integers(len(drawn)))]

    # -- values --------------------------------------------------------------------------------------------------------

    def _array(self, arg: TensorArg, dtype: DType, shape: tuple[int, ...], before: Groups, attempt: int) -> Array:
        if dtype is string:
            return stored(self.rng.choice(WORDS, shape), dtype)
        if dtype.is_bool:
            return np.asarray(self.rng.integers(0, 2, shape), np.bool_)
        if dtype.is_floating:
            return stored(self._floats(len(before), shape), dtype)
        if self._counts(arg):
            low = 0 if dtype.min == 0 else -5
            return np.asarray(self.rng.integers(low, 6, shape)).astype(dtype.numpy)
        return self._indices(shape, before, attempt).astype(dtype.numpy)

    def _counts(self, arg: TensorArg) -> bool:
        """Whether an argument's integers are numbers to compute with, rather than indices or sizes."""
        return len(set(self.op.schema.dtypes_of(arg)) - {"int32", "int64"}) > 0

    def _floats(self, position: int, shape: tuple[int, ...]) -> Array:
        low, high = self.domain[position] if self.domain else DOMAINS[0]
        return np.asarray(self.rng.uniform(low, high, shape))

    def _indices(self, shape: tuple[int, ...], before: Groups, attempt: int) -> Array:
        """Integers that may be indices, sizes, axes: of the first argument's shape, in order, or small."""
        size = math.prod(shape)
        first = before[0][0].shape if before and before[0] else (2, 3)
        if attempt % 4 == 1 and len(shape) == 1 and shape[0] == len(first):
            return np.array(first, np.int64)
        if attempt % 4 == 2:
            return np.arange(size, dtype=np.int64).reshape(shape)
        if attempt % 4 == 3:
            return np.full(shape, int(attempt % 8 == 3), np.int64)
        return np.asarray(self.rng.integers(0, 3, shape))

    # -- intervals -----------------------------------------------------------------------------------------------------

    def _in_domain(self, subject: Subject) -> Subject:
        """The subject, its floats drawn again where the op's results are no numbers otherwise."""
        if self.domain is not None or not any(d.is_floating for d in subject.dtypes) or subject.size == 0:
            return subject
        for domain in self._domains(subject):
            self.domain = domain
            drawn = self._redrawn(subject)
            if self._try(drawn) and all_numbers(drawn):
                return drawn
        self.domain = (DOMAINS[0],) * len(subject.dtypes)
        return subject

    def _domains(self, subject: Subject) -> Iterator[tuple[tuple[float, float], ...]]:
        n = len(subject.dtypes)
        yield from ((d,) * n for d in DOMAINS)
        if sum(d.is_floating for d in subject.dtypes) in (2, 3) and n <= 3:
            yield from itertools.product(DOMAINS, repeat=n)

    def _redrawn(self, subject: Subject) -> Subject:
        groups = [
            [stored(self._floats(i, a.shape), dtype) if dtype.is_floating else a for a in group]
            for i, (dtype, group) in enumerate(zip(subject.dtypes, subject.groups, strict=True))
        ]
        return Subject(subject.op, subject.dtypes, groups, subject.attributes, self.domain)


_LIKE_FIRST = object()


class Sizes:
    """Sizes for the named dimensions of one attempt."""

    def __init__(self, rng: Any, sizes: tuple[int, ...], rank: int, attributes: dict[str, Any]) -> None:
        self.rng = rng
        self.sizes = sizes
        self.rank = rank
        self.known: dict[str, Any] = {k: v for k, v in attributes.items() if type(v) is int}
        self.list_length = int(rng.integers(1, 4))

    def _size(self) -> int:
        return int(self.sizes[int(self.rng.integers(len(self.sizes)))])

    def _several(self) -> tuple[int, ...]:
        drawn = tuple(self._size() for _ in range(self.rank))
        while math.prod(drawn) > LARGEST:
            drawn = tuple(min(d, 17) for d in drawn)
            if math.prod(drawn) > LARGEST:
                drawn = tuple(min(d, 3) for d in drawn)
        return drawn

    def shape(self, arg: TensorArg, attempt: int) -> tuple[int, ...]:
        """A shape for an argument that agrees with those drawn before."""
        if arg.dims is None:  # the signature leaves it open: mostly the shape of the others
            fresh = attempt % 4 >= 2
            return self._several() if fresh else self.known.setdefault("(any)", self._several())
        dims: list[int] = []
        for name in arg.dims:
            if name == "...":
                whole = self.known.setdefault("...", self._several())
                dims += self._broadcast(whole, attempt)
            elif name.startswith("*"):
                dims += self.known.setdefault(name, self._several())
            elif name == "_":
                dims.append(self._size())
            else:
                dims.append(int(name) if name.isdigit() else self.known.setdefault(name, self._size()))
        return tuple(abs(d) for d in dims)

    def _broadcast(self, whole: tuple[int, ...], attempt: int) -> tuple[int, ...]:
        """A shape that broadcasts to `whole`: in half of the attempts the same."""
        if attempt % 2 == 0 and self.rng.random() < 0.5:
            return whole
        dims = tuple(1 if self.rng.random() < 0.3 else d for d in whole)
        return dims[int(self.rng.integers(len(dims) + 1)) if self.rng.random() < 0.3 else 0 :]


def combinations(op: OpDef) -> list[tuple[str, dict[str, DType]]]:
    """The dtypes to try for type variables and dtype attributes, every one of each while the others stay as at first,
    with the name of the one that is varied."""
    schema = op.schema
    ranges: dict[str, list[DType]] = {
        v: [as_dtype(n) for n in names if n != "string" or len(names) == 1] for v, names in schema.types.items()
    }
    for attribute in schema.attributes:
        if attribute.kind == "dtype":
            default = attribute.default
            name = default if isinstance(default, str) else "float32"
            first = default if isinstance(default, DType) else as_dtype(name)
            ranges[attribute.name] = [first, *(d for d in ALL if d not in (first, string))]
    for name in schema.types:
        choices = ranges[name]
        favourite = next((d for d in choices if d.name == "float32"), choices[0])
        ranges[name] = [favourite, *(d for d in choices if d is not favourite)]
    start = {name: choices[0] for name, choices in ranges.items()}
    varied = [(name, {**start, name: d}) for name, choices in ranges.items() for d in choices[1:]]
    return [(next(iter(schema.types), ""), start), *varied]


def stored(array: Array, dtype: DType) -> Array:
    """The array as the dtype is stored, dense."""
    return np.ascontiguousarray(to_storage(np.asarray(array), dtype)).reshape(np.shape(array))


def all_numbers(subject: Subject) -> bool:
    """Whether no floating output of the subject has an infinity or nan."""
    pairs = zip(subject.outputs, subject.output_dtypes, strict=True)
    return all(np.isfinite(from_storage(a, d)).all() for a, d in pairs if d.is_floating)


def widened(subject: Subject, declared: bool = True) -> Subject | None:
    """The subject with its floating inputs as float64 (their values exactly); None if the op does not take that and
    `declared` dtypes are wanted."""
    schema, wide = subject.op.schema, as_dtype("float64")
    dtypes, groups = [], []
    for arg, dtype, group in zip(schema.tensors, subject.dtypes, subject.groups, strict=True):
        if dtype.is_floating and arg.dtype in schema.types and dtype is not wide:
            if declared and wide.name not in schema.dtypes_of(arg):
                return None
            dtypes.append(wide)
            groups.append([from_storage(a, dtype).astype(wide.numpy) for a in group])
        else:
            dtypes.append(dtype)
            groups.append(group)
    return Subject(subject.op, dtypes, groups, subject.attributes, subject.domain)


def is_narrow(dtype: DType) -> bool:
    return dtype.name in ("float16", "bfloat16") or dtype is bfloat16


__all__ = ["Draw", "Drawer", "Shape", "combinations", "is_narrow", "stored", "widened"]
