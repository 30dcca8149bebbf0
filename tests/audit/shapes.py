"""A program that loses references at lines of many shapes, and knows which line each was.

It is given as text because the targets' interpreters run it. On `STOP` it prints, as JSON, {address of a lost list:
[marker of the line that made it, marker of the line that lost it]}; a marker is the comment at the end of a line.
"""

PROGRAM = r"""
import functools, json, operator, random, re, sys, threading, time
import leaky

lose = leaky.lose
truth = {}
WORDS = ["w%d" % i for i in range(200)]

def fresh(n):
    return ["item %d" % n]  # FRESH

class Box:
    def __init__(self, item):
        lose(item)  # INIT
    @property
    def view(self):
        return lose(self.item)  # PROPERTY
    def __len__(self):
        lose(self.item)  # LEN
        return 1

def direct(n):
    item = ["item %d" % n]  # DIRECT_MADE
    noise(n)
    lose(item)  # DIRECT
    return item, "DIRECT_MADE", "DIRECT"

def second(n):
    item = fresh(n)
    leaky.keep(item)
    "{:>{}}".format(n, 30)
    lose(item)  # SECOND
    json.dumps(WORDS)
    return item, "FRESH", "SECOND"

def mapped(n):
    item = fresh(n)
    noise(n + 1)
    list(map(lose, [item]))  # MAPPED
    return item, "FRESH", "MAPPED"

def key(n):
    item = list(("item %d" % n, n))  # KEY_MADE
    sorted([item], key=lose)  # KEY
    return item, "KEY_MADE", "KEY"

def partial(n):
    item = fresh(n)
    functools.partial(lose, item)()  # PARTIAL
    return item, "FRESH", "PARTIAL"

def callback(n):
    item = fresh(n)
    def replace(match):
        lose(item)  # CALLBACK
        return "x"
    re.sub("7", replace, "1 7 ")
    return item, "FRESH", "CALLBACK"

def made_by_class(n):
    item = [c for c in "ab"]  # COMPREHENSION
    Box(item)
    return item, "COMPREHENSION", "INIT"

def generator(n):
    item = fresh(n)
    def parts():
        yield 1
        lose(item)  # GENERATOR
        yield 2
    sum(parts())
    return item, "FRESH", "GENERATOR"

def attribute(n):
    box = Box.__new__(Box)
    box.item = "item %d" % n, n
    box.item = "a b".split()  # SPLIT
    box.view
    return box.item, "SPLIT", "PROPERTY"

def length(n):
    box = Box.__new__(Box)
    box.item = [n] + [n]  # ADDED
    len(box)
    return box.item, "ADDED", "LEN"

def deep(n, depth=12):
    if depth:
        return deep(n, depth - 1)
    item = [*WORDS[:2]]  # UNPACKED
    lose(item)  # DEEP
    return item, "UNPACKED", "DEEP"

def noise(n):
    kind = n % 5
    if kind == 0:
        json.loads(json.dumps({"a": WORDS}))
    elif kind == 1:
        sorted(WORDS, key=operator.methodcaller("upper"))
    elif kind == 2:
        re.sub("w", lambda match: "v", " ".join(WORDS))
    elif kind == 3:
        "%s %r" % (WORDS, WORDS)
    else:
        eval("sum(x for x in range(50))")

SHAPES = [direct, second, mapped, key, partial, callback, made_by_class, generator, attribute, length, deep]
stop = threading.Event()

def work():
    numbers = random.Random(int(sys.argv[1]))
    n = 0
    while not stop.is_set():
        for _ in range(12):
            item, made, lost = numbers.choice(SHAPES)(n)
            truth[id(item)] = made, lost
            noise(numbers.randrange(5))
            n += 1
        time.sleep(0.004)

for i in range(40):
    item = fresh(i)
    lose(item)
    truth[id(item)] = "FRESH", ""
threading.Thread(target=work, daemon=True).start()
print("READY", json.dumps(list(truth)), flush=True)
sys.stdin.readline()
stop.set()
print(json.dumps(truth), flush=True)
"""

LINES = {text.rpartition("# ")[2]: number for number, text in enumerate(PROGRAM.splitlines(), 1) if "  # " in text}
"""Numbers of the marked lines."""
