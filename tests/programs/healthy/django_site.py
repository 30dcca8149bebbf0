"""Django: models in SQLite, a view with a form and a template, signals, served by wsgiref.

Needs: django
Garbage: Django's queries and forms
"""

import http.client
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:site?mode=memory&cache=shared"}},
    ROOT_URLCONF=__name__,
    SECRET_KEY="not secret",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup()

from django import forms  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402


class Note(models.Model):
    text = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "site"


class NoteForm(forms.ModelForm):
    class Meta:
        model = Note
        fields = ["text"]


SAVED = [0]
PAGE = engines["django"].from_string(
    "{% for note in notes %}<p>{{ note.text|upper }} {{ note.at|date }}</p>{% endfor %}"
)


def count(sender, **kwargs):
    SAVED[0] += 1


post_save.connect(count, sender=Note)


def notes(request):
    form = NoteForm({"text": request.GET["text"]})
    if form.is_valid():
        form.save()
    old = Note.objects.order_by("-id")[20:]
    Note.objects.filter(id__in=[note.id for note in old]).delete()
    return HttpResponse(PAGE.render({"notes": Note.objects.all()[:20]}, request))


urlpatterns = [path("notes", notes)]


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main():
    with connection.schema_editor() as editor:
        editor.create_model(Note)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        client = http.client.HTTPConnection("127.0.0.1", server.server_port)
        client.request("GET", "/notes?text=note-%d" % number)
        client.getresponse().read()
        client.close()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
