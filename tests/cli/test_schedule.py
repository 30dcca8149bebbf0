"""When `run` looks: new highs, their end, what was missed, and what looking may cost."""
from unleak.cli import schedule
from unleak.cli.schedule import Budget, Highs

MIB = 1 << 20


def feed(highs, samples):
    """(time, MiB) pairs in; the reasons that came out, with their times."""
    return [(at, reason) for at, mib in samples for reason in [highs.sample(at, mib * MIB, mib * MIB)] if reason]


def test_a_rise_is_looked_at_and_once_more_at_its_height():
    reasons = feed(Highs(), [(0.0, 20), (0.1, 60), (0.15, 64), (0.2, 64), (0.3, 64), (0.4, 64), (0.6, 64)])
    assert reasons == [(0.1, "new high"), (0.4, "at its height")]


def test_small_or_slow_rises_are_none():
    assert feed(Highs(), [(0.0, 20), (1.0, 30), (2.0, 35)]) == []                  # less than 16 MiB
    assert feed(Highs(), [(0.0, 1000), (1.0, 1100)]) == []                         # less than 20 %


def test_a_spike_between_two_polls_is_known_by_the_kernel_s_mark():
    highs = Highs()
    highs.sample(0.0, 20 * MIB, 20 * MIB)
    assert highs.sample(0.1, 20 * MIB, 200 * MIB) == "new high"
    assert highs.top == 200 * MIB


def test_a_high_without_a_look_is_missed():
    highs = Highs()
    feed(highs, [(0.0, 20), (1.0, 100), (5.0, 200)])
    highs.looked(5.1, 5.2)
    assert highs.missed() == [{"at_s": 1.0, "rss": 100 * MIB}]


def test_a_look_after_a_high_is_over_has_not_seen_it():
    highs = Highs()
    highs.sample(0.0, 20 * MIB, 20 * MIB)
    highs.sample(1.0, 30 * MIB, 200 * MIB)      # all of the rise fell into a long look, or between two polls
    highs.looked(1.0, 1.1)
    assert highs.missed() == [{"at_s": 1.0, "rss": 200 * MIB}]


def test_a_high_just_before_the_end_is_missed():
    highs = Highs()
    highs.sample(0.0, 20 * MIB, 20 * MIB)
    highs.looked(0.0, 0.1)
    highs.ended(2.0, 21 * MIB)
    assert highs.missed() == []
    highs.ended(2.0, 140 * MIB)
    assert highs.missed() == [{"at_s": 2.0, "rss": 140 * MIB}]


def test_one_rise_needs_one_look():
    highs = Highs()
    feed(highs, [(0.0, 20), (1.0, 50), (1.1, 80), (1.2, 110)])
    highs.looked(1.75, 1.8)
    assert highs.missed() == []


def looks_taken(high):
    """How many looks of 0.1 s are taken in 100 s in which somebody always wants to look."""
    budget, looks = Budget(), 0
    for tick in range(2000):
        if budget.allows(tick * 0.05, high):
            budget.charge(0.1)
            looks += 1
    return looks


def test_looks_cost_a_small_share_of_the_time():
    assert 55 <= looks_taken(high=False) <= 60          # 5 % of 100 s, and one second that is free
    assert 110 <= looks_taken(high=True) <= 120         # a high does not come again


def test_looks_of_a_duration_come_at_even_times_however_late_one_was():
    assert [schedule.even(taken, 4, 9.0) for taken in range(5)] == [0.0, 3.0, 6.0, 9.0, None]
    assert schedule.even(1, 1, 9.0) == 9.0              # one look judges nothing


def test_a_little_overtime_for_the_looks_that_a_verdict_needs():
    assert schedule.over(10.0, 4, 10.0) and not schedule.over(12.0, 3, 10.0) and schedule.over(15.1, 3, 10.0)


def test_a_sure_leak_is_told_at_once_and_an_open_answer_is_looked_at_longer():
    assert schedule.decided("leak", True, 6.0)
    assert not schedule.decided("leak", False, 12.0)        # uneven growth may be a burst
    assert schedule.decided("leak", False, 20.0)
    assert not schedule.decided("inconclusive", True, 20.0)
    assert schedule.decided("inconclusive", True, 27.0)     # only a --duration tells


def test_an_open_answer_is_told_within_half_a_minute_however_long_a_look_takes():
    for cost in (0.1, 1.0, 3.0, 5.0):
        at, taken = 6.0, 4
        while not schedule.too_late(at + schedule.wait_while_open(at, cost), cost, taken):
            at, taken = at + max(schedule.wait_while_open(at, cost), cost), taken + 1
        assert 20.0 <= at and at + cost <= 28.0


def test_the_looks_that_a_verdict_needs_may_take_longer():
    assert not schedule.too_late(24.0, 8.0, 3) and schedule.too_late(24.0, 8.0, 4)
    assert schedule.too_late(40.0, 10.0, 3)


def test_a_verdict_that_a_slower_leak_would_change_waits_for_it():
    for verdict in ("garbage", "not_a_leak"):
        assert not schedule.decided(verdict, True, 6.0)
        assert schedule.decided(verdict, True, 12.0)


def test_looks_at_an_open_answer_thin_out():
    times = [6.0]
    while times[-1] < 26.0:
        times.append(times[-1] + schedule.wait_while_open(times[-1], 1.0))
    assert times == [6.0, 9.0, 12.0, 18.0, 20.0, 26.0]


def test_the_second_look_may_be_dear():
    budget = Budget()
    budget.charge(0.9)
    assert not budget.allows(1.0) and budget.allows(1.8)
    budget.charge(0.9)
    assert not budget.allows(2.8)
