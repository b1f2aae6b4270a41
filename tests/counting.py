"""A proxy in front of an HTTP server that notes each request: what reached the server, in order."""

import http.client
import http.server
import threading
import urllib.parse


class Counting:
    def __init__(self, port):
        self.requests = []  # (method, path, query)
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                url = urllib.parse.urlsplit(self.path)
                owner.requests.append((self.command, urllib.parse.unquote(url.path), url.query))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                # As they came: the signature is over Host, too.
                server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection", "expect"):
                        server.putheader(name, value)
                server.endheaders(body)
                answer = server.getresponse()
                content = answer.read()
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                self.wfile.write(content)
                server.close()

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self, method, prefix):
        """Of requests about single objects, in order: what follows the prefix."""
        return [path[len(prefix) :] for verb, path, query in self.requests
                if verb == method and path.startswith(prefix) and "list-type" not in query]

    def clear(self):
        self.requests.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
