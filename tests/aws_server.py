"""AWS in a process of its own (moto), which can end a process amid what it asks for.

`python -m tests.aws_server` prints the port of 127.0.0.1 that it listens to. What it is to do comes
as JSON to `/-/plan`, and begins to count anew the requests that change anything:

- `kill`: whom, `at`: with which of these requests, `applied`: after it was carried out (its answer
  is never seen), or before;
- `gone`: answer nothing any more but 503.

What SageMaker does beyond moto is in `tests/aws_sagemaker.py`.

`/-/count` answers with their number.
"""

import json
import os
import signal
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import aws_sagemaker

CHANGING = {"PUT", "POST", "DELETE"}


class Deadly:
    """What stands before moto."""

    def __init__(self, app):
        self.app = app
        self.plan = {}
        self.count = 0
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/-/"):
            return self.control(environ, start_response)
        if self.plan.get("gone"):
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        deadly = False
        if environ["REQUEST_METHOD"] in CHANGING:
            with self.lock:
                self.count += 1
                deadly = self.count == self.plan.get("at")
        if deadly and not self.plan["applied"]:
            os.kill(self.plan["kill"], signal.SIGKILL)
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        answer = list(self.app(environ, start_response))
        if deadly:
            os.kill(self.plan["kill"], signal.SIGKILL)
        return answer

    def control(self, environ, start_response):
        if environ["PATH_INFO"] == "/-/plan":
            size = int(environ.get("CONTENT_LENGTH") or 0)
            with self.lock:
                self.plan, self.count = json.loads(environ["wsgi.input"].read(size)), 0
                aws_sagemaker.PLAN = self.plan
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self.count).encode()]


class Silent(WSGIRequestHandler):
    """A server that says nothing."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def main():
    """Serve until stopped."""
    aws_sagemaker.complete()
    app = Deadly(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
