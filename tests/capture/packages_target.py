"""A program with numpy, pandas, lxml, pydantic, protobuf and SQLAlchemy at work. Prints READY, waits for a line.

Arguments: packages to do without (of those: lxml), where an interpreter has no binaries of them.
"""

import os
import sys
import warnings

warnings.simplefilter("ignore")

import numpy  # noqa: E402
import pandas  # noqa: E402
import pydantic  # noqa: E402
import sqlalchemy  # noqa: E402
import sqlalchemy.orm  # noqa: E402
from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2  # noqa: E402

WITHOUT = sys.argv[1:]
if "lxml" not in WITHOUT:
    from lxml import etree


def arrays() -> list:
    """Arrays of numbers, views, object arrays, structured ones, arrays over foreign buffers, random generators, ufuncs at work."""
    plain = numpy.arange(1000.0).reshape(10, 100)
    views = [plain[i, 10:20] for i in range(10)]
    objects = numpy.array([{"row": i} for i in range(200)] + [None, "text", 1.5], dtype=object)
    grid = numpy.empty((20, 20), dtype=object)
    for i in range(20):
        grid[i, i] = [i]
    records = numpy.zeros(50, dtype=[("name", "U10"), ("value", "f8"), ("payload", object)])
    records["payload"] = [("p", i) for i in range(50)]
    foreign = numpy.frombuffer(bytearray(b"x" * 800), dtype="i8")
    masked = numpy.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
    times = numpy.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    vectorized = numpy.vectorize(lambda x: [x], otypes=[object])(numpy.arange(30))
    iterators = [numpy.nditer(plain), plain.flat, numpy.broadcast(plain, plain)]
    scalars = [numpy.float64(i) / 3 for i in range(100)] + list(times)
    generator = numpy.random.default_rng(1)
    return [plain, views, objects, grid, records, foreign, masked, times, vectorized, iterators, scalars, generator]


def frames() -> list:
    """Frames with object, number, category and time columns; groups and indexes with their caches."""
    table = pandas.DataFrame(
        {
            "name": ["row %d" % i for i in range(500)],
            "value": numpy.arange(500.0),
            "kind": pandas.Categorical(["abc"[i % 3] for i in range(500)]),
            "when": pandas.date_range("2024-01-01", periods=500, freq="h"),
            "thing": [{"n": i} for i in range(500)],
        }
    )
    grouped = table.groupby("kind", observed=True)
    sums = grouped["value"].sum()
    pivot = table.pivot_table(index="kind", values="value", aggfunc=["mean", "max"], observed=True)
    indexed = table.set_index("name")
    found = [indexed.loc["row %d" % i] for i in range(20)]
    return [table, grouped, sums, pivot, indexed, found, table["name"].str.upper(), table.to_dict("records")[:50]]


def documents() -> list:
    tree = etree.fromstring(b"<a>" + b"<b c='d'>text<e/></b>" * 200 + b"</a>")
    style = etree.XSLT(
        etree.fromstring(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>"
            "<xsl:template match='/'><out><xsl:value-of select='count(//b)'/></out></xsl:template></xsl:stylesheet>"
        )
    )
    return [
        tree,
        list(tree),
        tree.xpath("//b/e"),
        etree.XPath("//b[@c='d']"),
        style,
        style(tree),
        etree.XMLParser(recover=True),
    ]


class Address(pydantic.BaseModel):
    street: str
    tags: "list[str]" = pydantic.Field(default_factory=list)


class Person(pydantic.BaseModel):
    name: str
    address: Address
    scores: "dict[str, float]" = {}


def models() -> list:
    people = [Person(name="p%d" % i, address=Address(street="s", tags=["a", "b"]), scores={"x": i}) for i in range(200)]
    return [
        people,
        [p.model_dump() for p in people[:20]],
        pydantic.TypeAdapter("dict[str, list[int]]"),
        Person.model_json_schema(),
    ]


def messages() -> list:
    made = []
    for i in range(100):
        message = descriptor_pb2.FileDescriptorProto(name="file %d" % i)
        message.message_type.add(name="M").field.add(name="f", number=1)
        made.append(message)
    value = struct_pb2.Struct()
    value.update({"a": 1, "b": ["x", {"c": True}]})
    return [made, [m.message_type for m in made], value, timestamp_pb2.Timestamp(seconds=1), made[0].DESCRIPTOR.fields]


Base = sqlalchemy.orm.declarative_base()


class Item(Base):
    __tablename__ = "item"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.String)


def orm() -> list:
    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.pool.StaticPool, connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    session = sqlalchemy.orm.Session(engine)
    session.add_all([Item(name="item %d" % i) for i in range(200)])
    session.commit()
    rows = session.execute(sqlalchemy.select(Item.id, Item.name)).all()
    return [
        engine,
        session,
        session.query(Item).filter(Item.id < 100).all(),
        rows,
        sqlalchemy.select(Item).where(Item.id == 1),
    ]


keep = [arrays(), frames(), [] if "lxml" in WITHOUT else documents(), models(), messages(), orm()]
print("READY", flush=True)
sys.stdin.readline()
os._exit(0)
