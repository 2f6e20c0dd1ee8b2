"""What people write in Flask: send_file, and a redirect to Nginx's X-Accel. Neither asks who may watch."""

import os

from flask import Flask, Response, send_file

app = Flask(__name__)
FILM = os.environ.get("BENCH_FILM", "")


@app.get("/send/<path:name>")
def send(name: str) -> Response:  # noqa: ARG001  # one film
    return send_file(FILM, mimetype="video/mp4", conditional=True)


@app.get("/accel/<path:name>")
def accel(name: str) -> Response:
    return Response(headers={"X-Accel-Redirect": f"/internal/{name}", "Content-Type": "video/mp4"})
