"""Discovery, loading, clashes, broken plugins: each in a fresh process, on made-up distributions."""

import pytest

OP = """
from opwright import OpDef, hookimpl

shout = OpDef("{name}(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)

@shout.kernel("cpu")
def _(x):
    return x * {factor}

@hookimpl
def opwright_register_ops(register):
    register(shout)
"""


def test_an_installed_op_is_there_without_an_import(site):
    site.make("acme-ops", "acme_ops", OP.format(name="acme::shout", factor=3))
    out = site.run(
        """
        import sys
        import opwright as ow
        assert "acme_ops" not in sys.modules
        print(ow.acme.shout([1.0, 2.0]).numpy().tolist(), ow.ops.acme.shout([1.0]).numpy().tolist())
        assert "acme_ops" in sys.modules
        """,
    )
    assert out.split() == ["[3.0,", "6.0]", "[3.0]"]


def test_using_one_op_leaves_other_packages_alone(site):
    site.make("acme-ops", "acme_ops", OP.format(name="acme::shout", factor=3))
    site.make("other-ops", "other_ops", OP.format(name="other::shout", factor=3))
    site.run(
        """
        import sys
        import opwright as ow
        ow.acme.shout([1.0])
        assert "other_ops" not in sys.modules
        """,
    )


def test_a_name_claimed_twice_raises_and_names_both(site):
    site.make("acme-ops", "acme_ops", OP.format(name="acme::shout", factor=3), version="1.2")
    site.make("rival-ops", "rival_ops", OP.format(name="acme::shout", factor=4), version="3.4")
    out = site.run(
        """
        import opwright as ow
        from opwright.errors import PluginError
        try:
            ow.acme.shout([1.0])
        except PluginError as e:
            print(e)
        print(ow.add(1.0, 2.0).numpy())
        """,
    )
    assert "'acme.shout' comes from both acme-ops 1.2" in out
    assert "rival-ops 3.4" in out
    assert "uninstall one, or set OPWRIGHT_PLUGINS" in out
    assert out.endswith("3.0\n")


def test_a_clash_is_noticed_even_if_one_package_is_loaded_already(site):
    two = OP.format(name="acme::shout", factor=3) + OP.format(name="acme::other", factor=1).replace("shout", "other")
    site.make("acme-ops", "acme_ops", two.replace("register(other)", "register(shout, other)"))
    site.make("rival-ops", "rival_ops", OP.format(name="acme::shout", factor=4))
    out = site.run(
        """
        import opwright as ow
        ow.acme.other([1.0])
        try:
            ow.acme.shout([1.0])
        except Exception as e:
            print(type(e).__name__)
        """,
    )
    assert out == "PluginError\n"


def test_opwright_plugins_chooses(site):
    site.make("acme-ops", "acme_ops", OP.format(name="acme::shout", factor=3), entry="acme")
    site.make("rival-ops", "rival_ops", OP.format(name="acme::shout", factor=4), entry="rival")
    program = "import opwright as ow; print(ow.acme.shout([1.0]).numpy()[0])"
    assert site.run(program, OPWRIGHT_PLUGINS="array,math,rival") == "4.0\n"
    empty = """
        import opwright as ow
        try:
            ow.add(1, 2)
        except AttributeError as e:
            print(e)
    """
    assert "unknown op or function 'add'" in site.run(empty, OPWRIGHT_PLUGINS="")


@pytest.mark.parametrize("fault", ["raise RuntimeError('no such luck')", "import nothing_of_that_name", "x ="])
def test_a_broken_package_explains_itself_and_harms_nobody(site, fault):
    site.make("broken-ops", "broken_ops", OP.format(name="broken::op", factor=1) + "\n" + fault)
    out = site.run(
        """
        import opwright as ow
        print(ow.add(1.0, 2.0).numpy())
        try:
            ow.broken.op([1.0])
        except Exception as e:
            print(type(e).__name__, e)
        print(ow.add(1.0, 2.0).numpy())
        """,
    )
    assert out.startswith("3.0\nPluginError 'broken.op' comes from broken-ops 1.0, which could not be loaded: ")
    assert out.endswith("\n3.0\n")


def test_names_made_at_run_time_are_found_too(site):
    source = """
from opwright import OpDef, hookimpl

made = []
for word in ("red", "green"):
    op = OpDef("paint::" + word + "(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    op.kernel("cpu")(lambda x: x)
    made.append(op)

@hookimpl
def opwright_register_ops(register):
    register(*made)
"""
    site.make("paint-ops", "paint_ops", source)
    assert site.run("import opwright as ow; print(ow.paint.green([1.0]).numpy())") == "[1.]\n"


def test_unknown_names_get_a_suggestion():
    import opwright as ow

    with pytest.raises(AttributeError, match="unknown op or function 'subtrac'; did you mean 'subtract'"):
        ow.subtrac  # noqa: B018
    assert not hasattr(ow, "no_such_thing_at_all")


def test_registering_a_taken_name_is_refused():
    from opwright import OpDef
    from opwright.errors import SchemaError
    from opwright.registry import registry

    registry.op("add")
    mine = OpDef("add(x: T) -> (y: T['*s'])", T=("float32",), gradient=None)
    with pytest.raises(SchemaError, match="'add' is registered already, by opwright"):
        registry.register(mine)


def test_a_class_does_not_inherit_its_public_names(site):
    source = """
from opwright import export, hookimpl
import acme_ops

@export("Parent")
class Parent:
    "Public."

class Child(Parent):
    "Private."

@hookimpl
def opwright_register_ops(register):
    register(acme_ops)
"""
    site.make("acme-ops", "acme_ops", source)
    assert site.run("import opwright as ow; print(ow.Parent.__name__)").strip() == "Parent"


def test_incomplete_ops_are_refused():
    from opwright import OpDef
    from opwright.errors import SchemaError
    from opwright.registry import registry

    with pytest.raises(SchemaError, match=r"\[half_done\] needs a gradient; define one with @half_done.gradient"):
        registry.register(OpDef("half_done(x: T['*s']) -> (y: T['*s'])", T=("float32",)))
    with pytest.raises(SchemaError, match="needs its outputs' shapes"):
        registry.register(OpDef("half_done(x: T) -> (y: T)", T=("float32",), gradient=None))
