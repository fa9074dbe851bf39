"""What a profile records of steps whose nodes are known."""

import json
import threading

import numpy as np
import opwright as ow
import pytest
from opwright.errors import OpwrightError


@pytest.fixture
def step():
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float32", [64, 32], name="x")
        y = ow.reduce_max(ow.matmul(x, np.ones((32, 16), np.float32), name="product"))
        session.run(y, {x: np.ones((64, 32))})
        yield lambda: session.run(y, {x: np.ones((64, 32))})


def test_each_node_has_its_calls_and_its_work(step):
    with ow.profile() as found:
        for _ in range(5):
            step()
    step()  # after the block: not recorded
    (product,) = [row for row in found.rows() if row.op == "matmul"]
    assert product.name.startswith("product")
    assert product.calls == 5
    assert product.flops == 5 * 2 * 64 * 32 * 16
    assert 0 < product.seconds < 1
    assert found.lost == 0


def test_the_table_shows_rates_and_the_machine(step):
    with ow.profile() as found:
        step()
    text = str(found)
    assert "product" in text
    assert "peaks of all workers" in text
    measured = json.loads(found.to_json())
    assert measured["peaks"]["flops"] > 1e8
    assert measured["peaks"]["bandwidth"] > 1e8
    assert {row["op"] for row in measured["rows"]} == {"matmul", "reduce_max"}


def test_the_timeline_is_chromes(step, tmp_path):
    with ow.profile() as found:
        step()
    found.save(tmp_path / "step.json")
    events = json.loads((tmp_path / "step.json").read_text())["traceEvents"]
    assert len(events) == len(found.spans)
    assert all(e["ph"] == "X" and e["dur"] >= 0 for e in events)
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)


def test_more_spans_than_there_is_room_for_are_counted(step):
    with ow.profile(capacity=1) as found:
        step()
        step()
    assert len(found.spans) == 1
    assert found.lost >= 3
    assert "raise capacity" in str(found)


def test_one_block_at_a_time(step):
    with ow.profile():
        with pytest.raises(OpwrightError, match=r"\[profile\] one block must be closed"), ow.profile():
            pass
        step()
    with ow.profile() as found:
        step()
    assert found.rows()
    with pytest.raises(OpwrightError, match=r"capacity must be positive, got 0"):
        ow.profile(capacity=0)


def test_steps_of_all_threads_are_recorded(step):
    with ow.profile() as found:
        threads = [threading.Thread(target=step) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(row.calls for row in found.rows() if row.op == "matmul") == 4


def test_the_floor_counts_operations_and_what_must_be_touched(step):
    with ow.profile() as found:
        for _ in range(3):
            step()
    floor = found.floor()
    assert floor.flops == 3 * (2 * 64 * 32 * 16 + 64 * 16)  # the product's, and the maximum's
    assert floor.bytes == 3 * 64 * 32 * 4  # what is fed; the weights are a constant, the sum is small
    assert 0 < floor.seconds < 1


def test_of_a_gathered_table_the_floor_counts_the_rows(graph, session):
    table = ow.Variable(np.zeros((1000, 8), np.float32))
    total = ow.Variable(np.zeros(8, np.float32))
    rows = ow.placeholder("int32", [5])
    session.run([table.initializer, total.initializer])
    added = ow.assign_add(total, ow.reduce_sum(ow.gather(table, rows), 0)).op
    with ow.profile() as found:
        session.run(added, {rows: [1, 2, 3, 4, 5]})
    assert 5 * 8 * 4 <= found.floor().bytes <= 3 * 5 * 8 * 4 + 100  # the rows, the total twice, the numbers
