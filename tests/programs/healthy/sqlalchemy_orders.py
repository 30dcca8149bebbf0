"""SQLAlchemy's ORM: a session a unit of work, relationships, eager loading, rollbacks.

Needs: sqlalchemy
Garbage: SQLAlchemy's statements
"""

import time

from sqlalchemy import ForeignKey, create_engine, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="customer", cascade="all, delete-orphan")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[int]
    customer: Mapped[Customer] = relationship(back_populates="orders")


def work(engine, number):
    with Session(engine) as session:
        session.add(Customer(name="customer %d" % number, orders=[Order(amount=n) for n in range(5)]))
        session.commit()
        query = select(Customer).options(selectinload(Customer.orders)).order_by(Customer.id.desc()).limit(5)
        sum(order.amount for customer in session.scalars(query) for order in customer.orders)
    if number % 10 == 0:
        with Session(engine) as session:
            session.add(Customer(name="customer %d" % number))
            try:
                session.commit()
            except IntegrityError:
                session.rollback()
            session.execute(delete(Order))
            session.execute(delete(Customer))
            session.commit()


def main():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        work(engine, number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
