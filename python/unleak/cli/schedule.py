"""When looks are taken. Pure: time and memory are arguments.

`diagnose` with a duration looks at even times over it, without one until the answer is decided. `run` looks at its program
as its session asks (evenly over any run length), at new highs of memory, and never so often that looking costs more than
a small share of the program's time."""
from __future__ import annotations

from typing import Any, Dict, List, Optional

MIB = 1 << 20
HIGH_SHARE, HIGH_BYTES = 1.20, 16 * MIB      # what is a new high
LEVEL_S = 0.2                                # no rise for so long: the high has been reached
NEAR_S = 0.6                                 # a look so soon after a high has seen it
BUDGET, ALLOWANCE_S = 0.05, 1.0              # share of the run time that looks may cost, and what they may cost at once
SECOND_SHARE = 0.5                           # of the time so far that the second look may cost
HIGH_FACTOR = 2.0                            # looks at highs may cost more: a high does not come again

LOOKS = 4                                    # the fewest that a diagnosis is made of, unless --looks says otherwise
OVERTIME = 1.5                               # of a duration in which looks are so slow that there were fewer
QUIET_S = 12.0                               # before this garbage or a filling cache may hide a leak that is slower
OPEN_S = 20.0                                # by then uneven growth is judged as it is
LONGEST_S = 27.0                             # then an open answer is told as open: a command without --duration ends within 30 s
JITTER_S = 0.5                               # that a look may come early
SHORTEST_WAIT_S, SLOWER = 2.0, 0.5           # until the next look while the answer is open; as a share of the time so far


def even(taken: int, looks: int, duration: float) -> Optional[float]:
    """When look `taken` (the first is 0) of a diagnosis with a duration is due, in seconds after the first; None when there
    are enough. The times do not depend on what a look takes: those that come late do not make the next ones late."""
    return None if taken >= max(looks, 2) else duration * taken / (max(looks, 2) - 1)


def over(elapsed: float, taken: int, duration: float) -> bool:
    """Is the duration over, `elapsed` seconds after the first look? A little more is taken for the looks that a verdict needs."""
    return elapsed >= duration * (1.0 if taken >= LOOKS else OVERTIME)


def decided(verdict: str, content: bool, elapsed: float) -> bool:
    """Would more looks say the same? `verdict` is what the looks of `elapsed` seconds say with the answers of the source;
    `content` is the session's word: growth so steady that it will go on, or none at all for long enough."""
    elapsed += JITTER_S
    if verdict == "inconclusive":
        return elapsed >= LONGEST_S
    if content and verdict in ("leak", "peak", "clean"):
        return True
    return elapsed >= (QUIET_S if content else OPEN_S)


def wait_while_open(elapsed: float, cost: float) -> float:
    """Seconds from the last look to the next while the answer is open: they thin out, but look at the times that matter.
    `cost` is what a look takes: the last one is over when the time is."""
    times = [until for until in (QUIET_S, OPEN_S, LONGEST_S - cost) if until > elapsed]
    return max(min([elapsed * SLOWER, *(until - elapsed for until in times[:1])]), SHORTEST_WAIT_S)


def too_late(next_at: float, cost: float, taken: int) -> bool:
    """Would a look at `next_at` that takes `cost` end after the time that an open answer is given?"""
    return over(next_at + cost - JITTER_S, taken, LONGEST_S)


class Highs:
    """New highs of resident memory, and which of them a look has seen."""

    def __init__(self) -> None:
        self.top = 0                    # highest seen at all
        self.mark = 0                   # the last new high
        self.now = 0                    # resident when last sampled
        self.rising_at: Optional[float] = None
        self.seen: List[Dict[str, Any]] = []

    def sample(self, now: float, rss: int, peak: int) -> str:
        """Fold in what is resident now and the kernel's own high-water mark; why to look now, or ""."""
        highest = max(rss, peak)
        self.now = rss
        reason = ""
        if self.mark == 0:
            self.mark = highest
        elif highest >= self.mark * HIGH_SHARE and highest >= self.mark + HIGH_BYTES:
            self.mark = highest
            self.seen.append({"at_s": now, "rss": highest, "looked": False})
            self.rising_at, reason = now, "new high"
        elif self.rising_at is not None and highest > self.top:
            self.rising_at = now
        elif self.rising_at is not None and now - self.rising_at >= LEVEL_S:
            self.rising_at, reason = None, "at its height"
        self.top = max(self.top, highest)
        return reason

    def ended(self, now: float, peak: int) -> None:
        """The process has ended, with this high-water mark: what rose after the last poll is a high that nobody saw."""
        self.sample(now, self.now, peak)

    def looked(self, began: float, ended: float) -> None:
        """A look was taken: highs of just before it have been seen, but for those that were over by then (known by the
        kernel's mark alone)."""
        for high in self.seen:
            if began - NEAR_S <= high["at_s"] <= ended and self.now * HIGH_SHARE >= high["rss"]:
                high["looked"] = True

    def missed(self) -> List[Dict[str, Any]]:
        """Highs that no look was near to. Of highs within one rise the last stands for all."""
        result = []
        for high, after in zip(self.seen, self.seen[1:] + [None]):
            one_rise = after is not None and after["at_s"] - high["at_s"] < NEAR_S
            if not high["looked"] and not one_rise:
                result.append({"at_s": round(high["at_s"], 3), "rss": high["rss"]})
        return result


class Budget:
    """What looks have cost against what they may."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.dearest = 0.0
        self.taken = 0

    def charge(self, seconds: float) -> None:
        self.spent += seconds
        self.taken += 1
        self.dearest = max(self.dearest, seconds)

    def allows(self, elapsed: float, high: bool = False) -> bool:
        """May another look be taken `elapsed` seconds into the run? One alone tells nothing, so the second may cost more."""
        if self.taken == 1 and self.dearest <= SECOND_SHARE * elapsed:
            return True
        return self.spent + self.dearest <= (ALLOWANCE_S + BUDGET * elapsed) * (HIGH_FACTOR if high else 1.0)
