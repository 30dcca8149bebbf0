"""marshmallow: records checked, loaded and dumped; the faults of bad ones are counted.

Needs: marshmallow
Garbage: schemas and their errors
"""

import collections
import time

from marshmallow import Schema, ValidationError, fields, validate


class Line(Schema):
    item = fields.Str(required=True)
    count = fields.Int(validate=validate.Range(min=1))


class Order(Schema):
    number = fields.Int(required=True)
    at = fields.DateTime()
    lines = fields.List(fields.Nested(Line))


def main():
    faults = collections.Counter()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        lines = [{"item": "item %d" % n, "count": n % 5} for n in range(number % 6)]
        try:
            order = Order().load({"number": number, "at": "2024-05-05T10:00:00", "lines": lines})
            Order().dumps(order)
        except ValidationError as error:
            faults.update(error.messages.keys())
        time.sleep(0.005)


if __name__ == "__main__":
    main()
