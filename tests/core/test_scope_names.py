"""Names inside name scopes."""

import opwright as ow


def test_an_exact_name_inside_its_own_scope_takes_no_second_one(graph):
    for want in ("sum", "sum_1", "sum_2"):
        with graph.name_scope("sum") as scope:
            assert ow.constant(1.0, name="part").op.name == want + "/part"
            assert ow.identity(ow.constant(2.0), name=scope).op.name == want
