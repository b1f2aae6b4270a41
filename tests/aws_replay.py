"""Recorded cases of AWS's credential chain, played back to a real program.

A case is a folder: env.json, fs/ (what is at "/"), http-traffic.json (what was asked and answered) and
test-case.json (what has to come out). Nothing of a case is on the network: STS and SSO are reached
through a proxy that ends TLS itself, containers and instances through the endpoints that the
environment may name. Each request is compared with the recorded one, and its signature is checked
with the secret that belongs to its key."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import socketserver
import ssl
import subprocess
import threading
import urllib.parse

METADATA = "http://169.254.169.254"
CONTAINER = "http://169.254.170.2"
# Headers that a recording has right; others are of the client that was recorded.
COMPARED = (
    "accept",
    "content-type",
    "x-amz-sso_bearer_token",
    "x-aws-ec2-metadata-token",
    "x-aws-ec2-metadata-token-ttl-seconds",
)


class Exchange:
    """One request and its answer."""

    def __init__(self):
        self.method, self.uri, self.headers, self.body = None, None, {}, b""
        self.status, self.answer_headers, self.answer = None, [], b""  # status None: no answer

    @property
    def passing(self):
        """An answer after which a client may well ask again."""
        return self.status is None or self.status >= 500 or self.status == 429


def read_json(path, otherwise):
    return json.loads(path.read_text()) if path.exists() else otherwise


def bytes_of(data):
    return data["Utf8"].encode() if "Utf8" in data else base64.b64decode(data["Base64"])


def read_traffic(path):
    """The exchanges in the order of their requests."""
    exchanges = {}
    for event in read_json(path, {"events": []})["events"]:
        exchange = exchanges.setdefault(event["connection_id"], Exchange())
        (kind, content), = event["action"].items()
        if kind == "Request":
            request = content["request"]
            exchange.method, exchange.uri = request["method"], request["uri"]
            exchange.headers = {k.lower(): v[0] for k, v in request["headers"].items()}
        elif kind == "Response" and "Ok" in content["response"]:
            answer = content["response"]["Ok"]
            exchange.status = answer["status"]
            exchange.answer_headers = [(k, v) for k, vs in answer["headers"].items() for v in vs]
        elif kind == "Data" and content["direction"] == "Request":
            exchange.body += bytes_of(content["data"])
        elif kind == "Data":
            exchange.answer += bytes_of(content["data"])
    return [exchange for exchange in exchanges.values() if exchange.method]


def canonical_uri(uri):
    """For comparing: an empty path is "/", parameters in any order."""
    parts = urllib.parse.urlsplit(uri)
    query = sorted(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    return parts.scheme, parts.netloc, parts.path or "/", query


# --- secrets: key id -> secret, and all that must not be shown


SECRET_NAMES = r"(?:aws_?)?(?:secret_?access_?key|session_?token|access_?token|token)"


def find_keys(text):
    """Pairs of key id and secret in a profile file, an environment, a JSON or XML answer."""
    ids = re.findall(r"(?i)(?<!/)access_?key_?id\W{1,6}([\w/+=!-]+)", text)
    secrets = re.findall(r"(?i)(?<!/)secret_?access_?key\W{1,6}([\w/+=!-]+)", text)
    return dict(zip(ids, secrets))


def find_secrets(text):
    # Not behind "/": what follows an element's end is the next element.
    return set(re.findall(rf"(?i)(?<!/){SECRET_NAMES}\W{{1,6}}([\w/+=-]{{6,}})", text))


# --- a signature, checked without the program's own code


def check_signature(request, secret):
    """What is wrong with the Authorization header of a request, None: nothing."""
    found = re.match(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
        r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$",
        request.headers.get("authorization", ""),
    )
    if not found:
        return "no signature of version 4"
    _, day, region, service, names, signature = found.groups()
    needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} & set(request.headers))
    if not needed <= set(names.split(";")):
        return f"not all of {needed} are signed"
    parts = urllib.parse.urlsplit(request.uri)
    lines = [request.method, parts.path or "/", parts.query]
    lines += [f"{name}:{request.headers[name].strip()}" for name in names.split(";")]
    lines += ["", names, hashlib.sha256(request.body).hexdigest()]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{canonical}"
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return None if wanted == signature else "the signature is wrong"


# --- the server


class Request:
    def __init__(self, method, uri, headers, body):
        self.method, self.uri, self.headers, self.body = method, uri, headers, body

    def __str__(self):
        return f"{self.method} {self.uri}"


def read_request(stream, base):
    """The next request of a connection; None: there is none. `base` is what "/…" is relative to."""
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = {}
    while (header := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    method, target, _ = line
    uri = base + target if target.startswith("/") else target
    return Request(method, uri, headers, body)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        connection, base = self.request, self.server.base
        stream = connection.makefile("rb")
        while (request := read_request(stream, base)) is not None:
            if request.method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                try:
                    connection = self.server.replay.tls.wrap_socket(connection, server_side=True)
                except (ssl.SSLError, OSError) as error:
                    self.server.replay.fault(f"{request}: {error}")
                    return
                base = "https://" + request.uri.removesuffix(":443")
                stream = connection.makefile("rb")
                continue
            answer = self.server.replay.answer(request)
            if answer is None:
                return
            connection.sendall(answer)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, replay, base):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replay, self.base = replay, base
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # the client went: what it should have asked is missed at the end


class Replay:
    """A case's servers: play() gives what the program printed; faults are what it did wrong."""

    def __init__(self, case, folder):
        self.case, self.folder = case, folder
        self.environment = read_json(case / "env.json", {})
        self.expected = json.loads((case / "test-case.json").read_text())["result"]
        self.exchanges = read_traffic(case / "http-traffic.json")
        self.next, self.faults, self.lock = 0, [], threading.Lock()
        self.servers, self.requests = {}, []
        self.keys, self.secrets = find_keys("\n".join(self.texts())), set()
        for text in [*self.texts(), *(e.answer.decode("latin-1") for e in self.exchanges)]:
            self.secrets |= find_secrets(text)
        self.tls = self.make_tls()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def texts(self):
        """What the program may know before it asks anybody."""
        yield "\n".join(f"{name} = {value}" for name, value in self.environment.items())
        for path in sorted((self.case / "fs").rglob("*")):
            if path.is_file():
                yield path.read_text(errors="replace")

    # --- answering

    def answer(self, request):
        """The bytes to send, None: nothing, the connection ends."""
        with self.lock:
            self.requests.append(request)
            if self.next < len(self.exchanges):
                exchange = self.exchanges[self.next]
                self.next += 1
            elif self.exchanges and self.exchanges[-1].passing:
                exchange = self.exchanges[-1]  # it tried again: the recorded client had given up
            else:
                self.faults.append(f"not recorded: {request}")
                return b"HTTP/1.1 500 Not recorded\r\nContent-Length: 0\r\n\r\n"
            self.faults += [f"{request}: {fault}" for fault in self.differences(request, exchange)]
            self.keys |= find_keys(exchange.answer.decode("latin-1"))
        if exchange.status is None:
            return None
        head = [f"HTTP/1.1 {exchange.status} Recorded", f"Content-Length: {len(exchange.answer)}"]
        for name, value in exchange.answer_headers:  # lengths were not kept when secrets were cut
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                head.append(f"{name}: {value}")
        return "\r\n".join([*head, "", ""]).encode("latin-1") + exchange.answer

    def differences(self, request, exchange):
        if request.method != exchange.method:
            yield f"{exchange.method} was recorded"
        if canonical_uri(request.uri) != canonical_uri(exchange.uri):
            yield f"{exchange.uri} was recorded"
        for name in COMPARED:
            if name in exchange.headers and request.headers.get(name) != exchange.headers[name]:
                yield f"{name} is {request.headers.get(name)!r}, not {exchange.headers[name]!r}"
        authorization = exchange.headers.get("authorization", "")
        if authorization.startswith("AWS4"):
            found = re.search("Credential=([^/]+)/", request.headers.get("authorization", ""))
            if not found or found.group(1) not in self.keys:
                yield "not signed, or with a key that nobody gave"
            elif fault := check_signature(request, self.keys[found.group(1)]):
                yield fault
        elif not authorization and request.headers.get("authorization", "").startswith("AWS4"):
            yield "it is signed"
        if exchange.headers.get("content-type") == "application/x-www-form-urlencoded":
            yield from self.form_differences(request, exchange)

    def form_differences(self, request, exchange):
        """Recordings have other roles and times than their case: names and the two fixed ones count,
        and that what is sent is what was configured."""
        sent = dict(urllib.parse.parse_qsl(request.body.decode()))
        recorded = dict(urllib.parse.parse_qsl(exchange.body.decode()))
        if sorted(sent) != sorted(recorded):
            yield f"it has {sorted(sent)}, {sorted(recorded)} were recorded"
        for name in ("Action", "Version"):
            if sent.get(name) != recorded.get(name):
                yield f"{name} is {sent.get(name)}, not {recorded.get(name)}"
        configured = "\n".join(self.texts())
        for name in ("RoleArn", "WebIdentityToken"):
            if name in sent and sent[name] not in configured:
                yield f"{name} is not the configured one"

    # --- the program's surroundings

    def server(self, base):
        """A server for what is below `base`; "": the proxy."""
        if base not in self.servers:
            self.servers[base] = Server(self, base)
        return self.servers[base].url

    def make_tls(self):
        """One certificate for all hosts of the case, by an authority of its own."""
        hosts = {urllib.parse.urlsplit(e.uri).hostname for e in self.exchanges} | {"localhost"}
        names = ",".join(f"DNS:{host}" for host in sorted(hosts))
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-days", "2", "-subj", "/CN=replay", "-addext", f"subjectAltName={names}"]
            + ["-keyout", str(self.folder / "key.pem"), "-out", str(self.folder / "ca.pem")],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "ca.pem", self.folder / "key.pem")
        return context

    def local(self, path):
        return str(self.folder / "fs") + path

    def make_files(self):
        """The case's "/" in the folder; paths and endpoints in profile files point into it."""
        root = self.folder / "fs"
        if (self.case / "fs").exists():
            shutil.copytree(self.case / "fs", root)
        root.mkdir(exist_ok=True)
        for path in root.rglob("*"):
            if path.is_file() and path.name in ("config", "credentials"):
                text = re.sub(
                    r"(?m)^(\s*\w+_file\s*=\s*)(/.*)$",
                    lambda m: m.group(1) + self.local(m.group(2)),
                    path.read_text(),
                )
                path.write_text(
                    re.sub(
                        r"(?m)^(\s*ec2_metadata_service_endpoint\s*=\s*)(\S+)$",
                        lambda m: m.group(1) + self.server(m.group(2)),
                        text,
                    )
                )
        return root

    def make_environment(self):
        proxy = self.server("")
        environment = {"SSL_CERT_FILE": str(self.folder / "ca.pem")}
        environment |= {name: proxy for name in ("http_proxy", "https_proxy", "HTTPS_PROXY")}
        for name, value in self.environment.items():
            if value.startswith("/") and (name == "HOME" or name.endswith("_FILE")):
                value = self.local(value)
            environment[name] = value
        relative = environment.pop("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", None)
        full = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if relative:
            full = CONTAINER + relative
        if full and full.startswith("http://"):
            parts = urllib.parse.urlsplit(full)
            base = f"{parts.scheme}://{parts.netloc}"
            full = self.server(base) + full.removeprefix(base)
        if full:
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = full
        endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        files = [p for p in (self.folder / "fs").rglob("config") if p.is_file()]
        if endpoint in environment:
            environment[endpoint] = self.server(environment[endpoint])
        elif not any("ec2_metadata_service_endpoint =" in p.read_text() for p in files):
            environment[endpoint] = self.server(METADATA)
        return environment

    def play(self, command, inherited, timeout):
        """Runs the program once: (exit status, standard output, standard error)."""
        root = self.make_files()
        result = subprocess.run(
            command,
            cwd=root,
            env={**inherited, **self.make_environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            text=True,
            check=False,
        )
        if self.next < len(self.exchanges):
            missed = self.exchanges[self.next]
            self.fault(f"never asked: {missed.method} {missed.uri}")
        return result.returncode, result.stdout, result.stderr


def cases(folder):
    """The cases in a folder, by name."""
    if not folder.is_dir():
        return []
    return sorted(path.parent for path in folder.glob("*/test-case.json"))
