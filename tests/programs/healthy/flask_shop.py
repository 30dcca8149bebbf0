"""Flask: pages from templates, sessions in cookies, a threaded server, errors now and then.

Needs: flask
Garbage: requests and templates
"""

import http.client
import logging
import threading
import time

from flask import Flask, abort, render_template_string, request, session
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = "not secret"
logging.getLogger("werkzeug").setLevel(logging.ERROR)
PAGE = "<ul>{% for item in items %}<li>{{ item.name }}: {{ '%0.2f' % item.price }}</li>{% endfor %}</ul>{{ basket }}"


@app.route("/items")
def items():
    basket = session.setdefault("basket", [])
    basket.append(request.args["n"])
    session["basket"] = basket[-5:]
    rows = [{"name": "item %d" % n, "price": n * 1.5} for n in range(20)]
    return render_template_string(PAGE, items=rows, basket=session["basket"])


@app.route("/missing/<int:number>")
def missing(number):
    abort(404)


def main():
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("READY", flush=True)
    cookie, number = "", 0
    while True:
        number += 1
        client = http.client.HTTPConnection("127.0.0.1", server.server_port)
        path = "/missing/%d" % number if number % 7 == 0 else "/items?n=%d" % number
        client.request("GET", path, headers={"Cookie": cookie})
        answer = client.getresponse()
        answer.read()
        cookie = (answer.getheader("Set-Cookie") or cookie).split(";")[0]
        client.close()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
