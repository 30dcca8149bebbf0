"""What tests/api/test_api.py runs on every interpreter: each function `case_*` is one behaviour. Prints `ok NAME` for
each that holds, and the traceback of each that does not."""

import contextlib
import ctypes
import functools
import gc
import sys
import threading
import traceback
import weakref

import unleak

SESSIONS = {}
KEPT = []


class Session:
    def __init__(self, name="s"):
        self.name = name
        self.callback = None

    def on_event(self):
        pass


class Registry:
    def __init__(self):
        self.entries = []


REGISTRY = Registry()


def refused(check, *arguments, **options):
    """The text of the StillAlive that a call raises."""
    try:
        check(*arguments, **options)
    except unleak.StillAlive as problem:
        return str(problem)
    raise AssertionError("nothing was raised")


def case_article_del_takes_away_a_name_not_the_list():
    a = [1, 2, 3]
    b = a
    seen = unleak.watch(a)
    del a
    text = refused(seen.check)
    assert "local variable `b` of case_article_del" in text and "`a`" not in text, text
    assert b == [1, 2, 3]


def case_article_both_names_gone_is_freed():
    a = [1, 2, 3]
    b = a
    seen = unleak.watch(a)
    del a, b
    seen.check(collect=False)


def case_article_weakref_tells_that_an_object_is_gone():
    node = Session()
    seen = unleak.watch(node)
    assert seen.alive and not seen.holds
    del node
    assert not seen.alive
    seen.check(collect=False)


def case_article_nodes_that_refer_to_each_other():
    a, b = Session("a"), Session("b")
    a.callback, b.callback = b, a
    first, second = unleak.watch(a), unleak.watch(a)
    del a, b
    assert "only a cycle through itself holds it" in refused(first.check, collect=False)
    second.check()


def case_article_list_that_contains_itself():
    a = [1]
    a.append(a)
    first, second = unleak.watch(a), unleak.watch(a)
    del a
    first._box.clear()
    assert "only a cycle" in refused(second.check, collect=False)
    a = [1]
    a.append(a)
    third = unleak.watch(a)
    del a
    third.check()


def case_paths_name_the_module_the_attribute_and_the_key():
    session = Session()
    SESSIONS["abc"] = session
    REGISTRY.entries.append(session)
    explanation = unleak.explain(session)
    text = str(explanation)
    assert "module __main__ → .SESSIONS (dict, 1 entry) → ['abc']" in text, text
    assert "module __main__ → .REGISTRY (__main__.Registry) → .entries (list, 1 entry) → [0]" in text, text
    assert any("`session` of case_paths" in name for name in explanation.names), explanation
    assert explanation.references == 3 and explanation.unexplained == 0, explanation
    assert explanation.complete and not explanation.cyclic
    SESSIONS.clear()
    REGISTRY.entries.clear()


def case_after_del_the_remaining_names_are_told():
    first = Session()
    second = first
    seen = unleak.watch(first, "the session")
    del first
    text = refused(seen.check)
    assert text.startswith("the session: __main__.Session is alive: 1 reference"), text
    assert "`second`" in text and "`first`" not in text, text
    assert second is not None


def case_closures_generators_methods_and_slots():
    class Slotted:
        __slots__ = ("it",)

    session = Session()
    slotted = Slotted()
    slotted.it = session
    KEPT.append(slotted)
    KEPT.append(session.on_event)
    del slotted
    text = str(unleak.explain(session))
    assert ".KEPT (list, 2 entries) → [0] (" in text and "→ .it (" in text, text
    assert "→ [1] (method) → .__self__" in text, text
    del KEPT[:]

    def generator():
        inner = session
        yield inner

    made = generator()
    next(made)
    text = str(unleak.explain(session))
    assert "(generator) → " in text and "local variable `inner`" in text, text
    made.close()


def case_a_closure_is_named_by_its_variable():
    def make():
        session = Session()

        def use():
            return session

        return use, weakref.ref(session)

    use, ref = make()
    text = str(unleak.explain(ref()))
    assert "variable `session` (cell)" in text, text
    assert use() is ref()


def case_a_cache_keeps_the_object():
    @functools.lru_cache(maxsize=None)
    def cached(thing):
        return 1

    session = Session()
    cached(session)
    seen = unleak.watch(session)
    del session
    text = refused(seen.check)
    assert "local variable `cached` of" in text and "_lru_cache_wrapper) → .cache (dict, 1 entry) → " in text, text
    cached.cache_clear()
    seen.check()


def case_explain_keeps_nothing_alive():
    session = Session()
    explanation = unleak.explain(session)
    ref = weakref.ref(session)
    del session
    assert ref() is None, "freed at once, without the collector"
    assert explanation.paths


def case_the_error_keeps_nothing_alive():
    session = Session()
    SESSIONS[1] = session
    seen = unleak.watch(session)
    del session
    try:
        seen.check()
    except unleak.StillAlive as problem:
        kept = problem
    assert kept.explanations[0].references == 1 and kept.__traceback__ is not None
    SESSIONS.clear()
    assert not seen.alive


def case_a_variable_of_another_thread():
    ready, go, done = threading.Event(), threading.Event(), threading.Event()
    refs = []

    def work():
        mine = Session()
        refs.append(weakref.ref(mine))
        ready.set()
        go.wait()
        del mine
        done.set()
        go.clear()
        go.wait(30)

    thread = threading.Thread(target=work, name="worker-7")
    thread.start()
    ready.wait()
    text = refused(unleak.watch(refs[0]()).check)
    assert "`mine` of " in text and "(thread worker-7)" in text, text
    go.set()
    done.wait()
    assert refs[0]() is None, "the look left no copy of the thread's variables behind"
    go.set()
    thread.join()


def case_the_callers_locals_stay_as_they_are():
    session = Session()
    mine = locals()
    mine["extra"] = 1
    unleak.explain(session)
    assert mine["session"] is session and mine["extra"] == 1


def case_a_traced_function_keeps_its_variables():
    def traced():
        session, number = Session(), 7
        unleak.explain(session)
        return session, number

    def tracer(frame, event, argument):
        return tracer

    sys.settrace(tracer)
    try:
        session, number = traced()
    finally:
        sys.settrace(None)
    assert isinstance(session, Session) and number == 7


def case_no_code_of_the_objects_runs():
    ran = []

    class Evil:
        def _run(self, *_):
            ran.append(1)
            raise RuntimeError("code of the object ran")

        __eq__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = _run
        __hash__ = lambda self: 1  # noqa: E731

        def __getattribute__(self, name):
            ran.append(name)
            raise RuntimeError("code of the object ran")

    evil = Evil()
    holder = Evil()
    table = {"k": evil}
    KEPT.append((table, [holder]))
    text = str(unleak.explain(evil))
    seen = unleak.watch(evil)
    del evil
    text = refused(seen.check)
    assert "['k']" in text and not ran, (text, ran)
    del KEPT[:], table


def case_what_no_object_shows_is_said():
    session = Session()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
    explanation = unleak.explain(session)
    assert explanation.unexplained == 1 and "C code" in str(explanation), explanation
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(session))
    assert unleak.explain(session).unexplained == 0


def case_a_cycle_that_c_code_holds_is_no_garbage():
    first, second = [], []
    first.append(second)
    second.append(first)
    seen = unleak.watch(first)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(second))
    address = id(second)
    del first, second
    text = refused(seen.check)
    assert "only a cycle" not in text, text
    held = ctypes.cast(address, ctypes.py_object).value
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(held))
    seen = unleak.watch(held[0])
    del held
    seen.check()


def case_builtins_are_held_and_let_go_of():
    table = {"a": object()}
    seen = unleak.watch(table)
    assert seen.holds and seen.alive
    del table
    assert not seen.alive
    seen.check()
    assert not seen.holds


def case_shared_values_cannot_be_watched():
    for value in (5, "name", b"x", None, 1.5, ()):
        try:
            unleak.watch(value)
        except TypeError as problem:
            assert "cannot be watched" in str(problem)
        else:
            raise AssertionError("watched %r" % (value,))


def case_expect_freed_objects():
    session = Session()
    with unleak.expect_freed(session):
        del session
    session = Session()
    SESSIONS[1] = session
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(unleak.StillAlive))
        stack.enter_context(unleak.expect_freed(session))
        del session
    with unleak.expect_freed() as freed:
        freed.add(SESSIONS.pop(1), "popped")

    def leave():
        with unleak.expect_freed() as block:
            SESSIONS[2] = Session()
            block.add(SESSIONS[2], "left")

    assert "left: " in refused(leave)
    SESSIONS.clear()


def case_expect_freed_by_type():
    before = Session()

    def handle(keep):
        with unleak.expect_freed(of=Session):
            session = Session()
            if keep:
                SESSIONS[1] = session
            del session

    handle(False)
    text = refused(handle, True)
    assert text.count("is alive") == 1 and ".SESSIONS" in text, text
    SESSIONS.clear()
    assert before is not None


def case_an_exception_of_the_block_goes_first():
    session = Session()
    try:
        with unleak.expect_freed(session):
            raise KeyError("first")
    except KeyError:
        pass


def case_growth_counts_types_and_containers():
    SESSIONS[0] = Session()
    with unleak.growth() as grown:
        for number in range(1, 101):
            SESSIONS[number] = Session()
    assert grown.types["__main__.Session"] == 100, grown.types
    ways = [c for c in grown.containers if c.path == "module __main__ → .SESSIONS (dict, 101 entries)"]
    assert ways and (ways[0].before, ways[0].after) == (1, 101), grown.containers
    assert grown.blocks >= 50 and "+100 __main__.Session" in str(grown)
    SESSIONS.clear()


def case_growth_at_most():
    with unleak.growth(at_most=0, of=Session):
        Session()
    try:
        with unleak.growth(at_most=3, of=(Session,)):
            KEPT.extend(Session() for _ in range(4))
    except unleak.Grew as problem:
        assert "4 more objects, at most 3" in str(problem)
    else:
        raise AssertionError("nothing was raised")
    del KEPT[:]


def case_a_long_chain_is_bounded_and_said():
    first = Session()
    last = first
    for _ in range(5000):
        following = Session()
        following.callback = last
        last = following
    seen = unleak.watch(first)
    del first
    text = refused(seen.check)
    assert "the search did not see everything" in text, text
    while last is not None:
        last, following = last.callback, last
        following.callback = None


def main():
    names = [name for name in globals() if name.startswith("case_")]
    for name in names:
        try:
            gc.collect()
            globals()[name]()
            print("ok", name)
        except Exception:
            print("failed", name)
            traceback.print_exc(file=sys.stdout)
            SESSIONS.clear()
            del KEPT[:]
    print("end", len(names))


main()
