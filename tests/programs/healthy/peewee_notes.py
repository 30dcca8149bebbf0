"""peewee: rows written, read with a join, and deleted again.

Needs: peewee
"""

import time

import peewee

db = peewee.SqliteDatabase(":memory:")


class Base(peewee.Model):
    class Meta:
        database = db


class Author(Base):
    name = peewee.CharField()


class Note(Base):
    author = peewee.ForeignKeyField(Author, backref="notes")
    text = peewee.TextField()


def work(number):
    with db.atomic():
        author = Author.create(name="author %d" % number)
        for n in range(5):
            Note.create(author=author, text="note %d" % n)
    texts = [note.text + note.author.name for note in Note.select(Note, Author).join(Author).limit(20)]
    len(list(author.notes))
    if number % 20 == 0:
        Note.delete().execute()
        Author.delete().execute()
    return texts


def main():
    db.create_tables([Author, Note])
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        work(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
