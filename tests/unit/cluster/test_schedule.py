"""Which task a worker gets next."""

from fixlip.cluster.schedule import ATTEMPTS, Schedule


def test_in_order_and_what_comes_back_first():
    tasks = Schedule("abc")
    assert [tasks.next("a", ["a"], False) for _ in range(2)] == [0, 1]
    tasks.returned(0)
    assert [tasks.next("a", ["a"], False) for _ in range(3)] == [0, 2, None]


def test_a_suspect_comes_last_alone_and_elsewhere():
    tasks = Schedule("ab")
    assert not tasks.failed(tasks.next("a", "ab", False), "a", alone=False)
    assert tasks.next("a", "ab", True) == 1
    assert tasks.next("a", "ab", True) is None, "it has failed there, and there is another node"
    assert tasks.next("b", "ab", False) is None, "not beside others"
    assert tasks.next("b", "ab", True) == 0
    tasks.returned(0)
    assert tasks.next("a", "a", True) == 0, "where there is no other node"
    assert ATTEMPTS == 3
    assert [tasks.failed(0, "a", alone=True) for _ in range(3)] == [False, False, True]
    assert tasks.tasks == {1: "b"}
