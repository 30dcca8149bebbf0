"""A target with objects of most builtin and stdlib types that hold references.

Writes to FILE what each object's tp_traverse reports (gc.get_referents), as 64-bit words: address, number of references,
their addresses; then prints READY with the addresses of objects that go on changing, and waits for a line.
"""

import array
import gc
import os
import sys
import warnings

warnings.simplefilter("ignore")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rich_objects  # noqa: E402


def main() -> None:
    keep = rich_objects.make_all()
    gc.collect()
    gc.disable()
    out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    objects = gc.get_objects()
    seen = {id(found) for found in objects}
    words = array.array("Q")
    changing = [id(keep), id(objects), id(seen), id(words), id(sys._getframe())]
    position = 0
    while position < len(objects):
        current = objects[position]
        if id(current) not in changing:
            referents = gc.get_referents(current)
            words.append(id(current))
            words.append(len(referents))
            words.extend(map(id, referents))
            for found in referents:
                if id(found) not in seen:
                    seen.add(id(found))
                    objects.append(found)
        if len(words) > 100000:
            os.write(out, words.tobytes())
            del words[:]
        position += 1
    os.write(out, words.tobytes())
    os.close(out)
    print("READY", *changing, flush=True)
    sys.stdin.readline()
    os._exit(0)


main()
