"""Webhook receivers on loopback: one that takes notes, and ones that misbehave."""

import json
import socket
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What arrived, and the address it arrived at."""

    url: str = ""
    status: int = 200
    location: str = ""
    calls: list = field(default_factory=list)
    """(path, headers, body) of each request."""


@contextmanager
def receiver(*, status=200, location=""):
    """Run a real HTTP server that answers every request with one status."""
    noted = Receiver(status=status, location=location)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.calls.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(noted.status)
            if noted.location:
                self.send_header("Location", noted.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - named by http.server

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    noted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mail_server(*refused):
    """Run an SMTP server that takes mails, but for some mailboxes; yield its port and who got one.

    A mail is on the list once for each mailbox.
    """
    got = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            asked = []
            for line in self.rfile:
                verb, _, rest = line.decode().strip().upper().partition(":")
                answer = "250 fine"
                if verb == "RCPT TO":
                    mailbox = rest.partition(" ")[0].strip("<>").lower()
                    if mailbox in refused:
                        answer = "550 nobody of that name"
                    else:
                        asked.append(mailbox)
                elif verb == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    got.extend(asked)
                elif verb.startswith("MAIL"):
                    asked.clear()
                self.wfile.write(f"{answer}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], got
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def hanging(*, drip=b""):
    """Take connections and never finish an answer; `drip` is sent again and again."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang():
            with server.accept()[0] as taken:
                while not ended.wait(0.05):
                    if drip:
                        try:
                            taken.sendall(drip)
                        except OSError:
                            return

        thread = threading.Thread(target=hang)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def unused():
    """Return an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
