"""Refuses names that would make trouble later, with the reason."""

import importlib.util
import keyword
import sys

NAME, NAMESPACE = "{{ cookiecutter.name }}", "{{ cookiecutter.namespace }}"
DIST, PACKAGE = "{{ cookiecutter.__dist }}", "{{ cookiecutter.__package }}"


def refusal():
    """Why the names will not do, or None."""
    for what, word in (("name", NAME), ("namespace", NAMESPACE)):
        if not (word.isidentifier() and word.isascii()):
            return f"the {what} must be an identifier of ASCII letters, digits and _, got {word!r}"
        if keyword.iskeyword(word):
            return f"the {what} must not be a word of Python's own, got {word!r}"
        if word.startswith("_") or word.endswith("_") or word.lower() != word:
            return f"the {what} must be lower case, with _ only between words, got {word!r}"
    return taken() if importlib.util.find_spec("opwright") else None


def taken():
    """Whose the names are already, or None."""
    import opwright
    from opwright.registry import registry

    theirs = [p for p in registry.packages() if any(n.startswith(f"{NAMESPACE}.") for n in p.names())]
    builtin = hasattr(opwright, NAMESPACE) and not theirs
    for package in theirs:
        builtin = builtin or package.dist == "opwright"
        if not builtin and package.dist != DIST:
            return f"the namespace {NAMESPACE!r} belongs to {package}; choose another, or add the op to that package"
    if builtin:
        return f"the namespace must not be one of Opwright's own names, got {NAMESPACE!r}; choose another"
    if not theirs and importlib.util.find_spec(PACKAGE):
        return f"the package's name must be free, but {PACKAGE!r} can be imported already; choose another name"
    return None


reason = refusal()
if reason:
    sys.exit(f"opwright new: {reason}")
