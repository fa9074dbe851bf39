"""{{ cookiecutter.__op }}, an op for Opwright."""

from opwright import hookimpl

from {{ cookiecutter.__package }} import {{ cookiecutter.name }}


@hookimpl
def opwright_register_ops(register):
    register({{ cookiecutter.name }})
