"""{{ cookiecutter.name }}(x): x cubed."""

from opwright import elementwise

# An expression in C, of any number of arguments: its gradient follows, and it fuses with its neighbours.
{{ cookiecutter.name }} = elementwise("{{ cookiecutter.__op }}", "x * x * x")
