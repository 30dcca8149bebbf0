"""Notes what happened."""

from .state import EVENTS, Event


def note(name, number):
    EVENTS.append(Event(name, number))
    if len(EVENTS) >= 100:
        EVENTS.clear()
