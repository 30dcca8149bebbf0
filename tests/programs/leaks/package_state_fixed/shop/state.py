"""What the parts of the shop share."""

EVENTS = []


class Event:
    def __init__(self, name, number):
        self.name = name
        self.number = number
