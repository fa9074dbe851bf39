"""The eager world's random streams: keyed by the seed that was set, by the system where none was."""

from types import SimpleNamespace

from opwright import OpDef
from opwright.eager import World

DRAW = OpDef("draw(seed: int = 0, seed2: int = 0) -> (y: float32[''])", random=True, gradient=None)


def stream(world, seed=0, seed2=0):
    key, counter = world.rng(SimpleNamespace(definition=DRAW, attributes={"seed": seed, "seed2": seed2}))
    return (key.seed, key.stream), counter


def test_without_a_seed_each_world_has_a_key_of_its_own():
    world = World()
    key, counter = stream(world)
    assert stream(world) == (key, counter)
    assert stream(World())[0] != key


def test_a_seed_fixes_the_key_and_starts_the_count_anew():
    world, other = World(), World()
    world.set_seed(5)
    other.set_seed(5)
    key, counter = stream(world)
    assert stream(other)[0] == key
    counter[0] = 3
    world.set_seed(5)
    assert stream(world)[0] == key
    assert stream(world)[1][0] == 0
    world.set_seed(0)
    assert stream(world)[0] == (0, key[1])


def test_an_ops_seeds_need_no_other():
    assert stream(World(), 87654321, 1)[0] == stream(World(), 87654321, 1)[0]
    assert stream(World(), 87654321, 1)[0] != stream(World(), 87654321, 2)[0]
