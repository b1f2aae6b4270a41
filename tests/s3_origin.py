"""A small S3 in memory that does what a test tells it to: answers the n-th request wrongly, late, in
part or not at all, and remembers every request. It checks no signature (SeaweedFS does).

    with Origin() as origin:
        origin.put("b", "key", b"bytes")
        origin.fault(2, "reset_in")        # the second request from now on
        ... run sluice with servers.aws_environment(origin.endpoint) ...
        origin.requests                    # [Request(method, bucket, key, query, headers, …)]

It is a proxy, too, for whoever asks it for http://s3.us-east-1.amazonaws.com/…: then the store is AWS's.
"""

import asyncio
import datetime
import hashlib
import random
import socket
import struct
import threading
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from s3_checksums import KINDS, checksum

FAULTS = {
    # before or in place of the answer
    "503": "503 SlowDown",
    "500": "500 InternalError",
    "reset_before": "the request is read, then the connection is reset: nothing was done",
    "reset_request": "the connection is reset in the middle of the request's body",
    "drop_answer": "done, but the connection is reset before the answer",
    "stall_before": "no answer, ever",
    "slow_first_byte": "the answer comes after `seconds`",
    "expired": "400 ExpiredToken",
    "redirect": "301 that names `region`",
    # in the answer
    "reset_in": "reset after half of the body",
    "reset_after": "reset right behind the last byte",
    "stall_in": "half of the body, then nothing, ever",
    "truncated": "half of the body under the whole length, then an orderly close",
    "wrong_range": "a Content-Range that is not what was asked for",
    "changed": "the object is another one from now on (`body`)",
    "error_200": "200 with an <Error> in the body; nothing was done",
    "error_200_done": "200 with an <Error> in the body, though it was done",
    "flipped": "a byte of the body is another one",
    "rotten": "a byte of what is stored is another one from now on",
}


class Request:
    """What came in."""

    def __init__(self, method, target, headers):
        self.method, self.target, self.headers = method, target, headers
        path, _, query = target.partition("?")
        if path.startswith("http://"):
            path = path[len("http://") :].partition("/")[2]
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket, _, key = path.lstrip("/").partition("/")
        self.bucket, self.key = urllib.parse.unquote(bucket), urllib.parse.unquote(key)
        self.body = b""

    @property
    def checksum(self):
        """(kind, text) of an x-amz-checksum-… header; None without one."""
        for kind in KINDS:
            if f"x-amz-checksum-{kind}" in self.headers:
                return kind, self.headers[f"x-amz-checksum-{kind}"]
        return None

    @property
    def range(self):
        """(first, last) of a Range header; last may be None; None without one."""
        value = self.headers.get("range", "")
        if not value.startswith("bytes="):
            return None
        first, _, last = value[len("bytes=") :].partition("-")
        return int(first), int(last) if last else None

    def __repr__(self):
        return f"{self.method} {self.target} {self.headers.get('range', '')}".strip()


class Answer:
    """What goes out."""

    def __init__(self, status=200, headers=None, body=b""):
        self.status, self.headers, self.body = status, headers or {}, body


class Stored:
    """An object: immutable; another one of its key is another one of these."""

    def __init__(self, body, headers=None, etag=None):
        self.body = body
        self.headers = headers or {}
        self.etag = etag or f'"{hashlib.md5(body).hexdigest()}"'
        self.checksum = None  # (kind, text) of all bytes
        self.modified = datetime.datetime.now(datetime.timezone.utc)


KEPT_HEADERS = ("content-type", "x-amz-storage-class", "x-amz-server-side-encryption", "cache-control")
REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently"}
HTTP_TIME = "%a, %d %b %Y %H:%M:%S GMT"


def error(status, code, message="scripted", **fields):
    extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{extra}</Error>"
    return Answer(status, {"Content-Type": "application/xml"}, text.encode())


def xml(root, text):
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{text}</{root}>'
    return Answer(200, {"Content-Type": "application/xml"}, document.encode())


def is_right(request, body):
    """Whether the checksum that came along is the body's."""
    return not request.checksum or checksum(request.checksum[0], body) == request.checksum[1]


class Store:
    """The verbs, without a network."""

    def __init__(self):
        self.buckets, self.uploads = {}, {}
        self.locked = set()  # keys that nobody may delete
        # As AWS: those that come are compared and kept, those of whole objects are sent where they are
        # asked for. Else they are not looked at.
        self.checksums = False
        # Of PUT: "hold"; "ignored"; "early": looked at before the bytes are there, so that of several at
        # once every one is done; "refused": 501.
        self.conditions = "hold"

    def answer(self, request):
        if not request.bucket:
            names = "".join(f"<Bucket><Name>{escape(b)}</Name></Bucket>" for b in sorted(self.buckets))
            return xml("ListAllMyBucketsResult", f"<Buckets>{names}</Buckets>")
        if not request.key:
            return self.answer_bucket(request)
        if request.bucket not in self.buckets:
            return error(404, "NoSuchBucket")
        if "uploads" in request.query or "uploadId" in request.query:
            return self.answer_upload(request)
        verb = {"GET": self.get, "HEAD": self.get, "PUT": self.put, "DELETE": self.delete}
        return verb.get(request.method, lambda _: error(405, "MethodNotAllowed"))(request)

    def answer_bucket(self, request):
        if request.method == "PUT":
            self.buckets.setdefault(request.bucket, {})
            return Answer()
        if request.bucket not in self.buckets:
            return error(404, "NoSuchBucket")
        if request.method == "DELETE":
            if self.buckets[request.bucket]:
                return error(409, "BucketNotEmpty")
            del self.buckets[request.bucket]
            return Answer(204)
        if request.method == "POST" and "delete" in request.query:
            return self.delete_many(request)
        if "uploads" in request.query:
            uploads = "".join(
                f"<Upload><Key>{escape(u.key)}</Key><UploadId>{i}</UploadId>"
                f"<Initiated>{u.begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
                for i, u in self.uploads.items()
                if u.bucket == request.bucket
            )
            return xml("ListMultipartUploadsResult", uploads + "<IsTruncated>false</IsTruncated>")
        return self.list(request) if request.method == "GET" else Answer()

    # --- objects

    def get(self, request):
        stored = self.buckets[request.bucket].get(request.key)
        if not stored:
            return error(404, "NoSuchKey") if request.method == "GET" else Answer(404)
        if request.headers.get("if-match", stored.etag).strip('"') != stored.etag.strip('"'):
            return error(412, "PreconditionFailed") if request.method == "GET" else Answer(412)
        headers = {
            "ETag": stored.etag,
            "Last-Modified": stored.modified.strftime(HTTP_TIME),
            "Accept-Ranges": "bytes",
            **stored.headers,
        }
        body, status = stored.body, 200
        if request.range:
            first, last = request.range
            if first >= len(body):
                return error(416, "InvalidRange")
            last = len(body) - 1 if last is None else min(last, len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            body, status = body[first : last + 1], 206
        elif self.checksums and request.headers.get("x-amz-checksum-mode") == "ENABLED":
            kind, text = stored.checksum or ("crc32", checksum("crc32", body))
            headers[f"x-amz-checksum-{kind}"] = text
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return Answer(status, headers, body)

    def put(self, request):
        objects = self.buckets[request.bucket]
        failed = self.check_conditions(request) if self.conditions in ("hold", "refused") else None
        if failed:
            return failed
        body = request.body
        source = self.source(request)
        if isinstance(source, Answer):
            return source
        if source is not None:
            body = source
        elif self.checksums and not is_right(request, body):
            return error(400, "BadDigest", "The checksum did not match")
        kept = {k: v for k, v in request.headers.items() if k in KEPT_HEADERS or k.startswith("x-amz-meta-")}
        objects[request.key] = Stored(body, kept)
        objects[request.key].checksum = request.checksum
        if source is not None:
            return xml("CopyObjectResult", f"<ETag>{objects[request.key].etag}</ETag>")
        return Answer(200, {"ETag": objects[request.key].etag})

    def check_conditions(self, request):
        """The answer where a condition does not hold; None where all do."""
        objects = self.buckets.get(request.bucket, {})
        wanted = request.headers.get("if-match")
        if self.conditions == "refused" and (wanted or "if-none-match" in request.headers):
            return error(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
        if request.headers.get("if-none-match") == "*" and request.key in objects:
            return error(412, "PreconditionFailed")
        if wanted and (request.key not in objects or objects[request.key].etag != wanted):
            return error(412, "PreconditionFailed")
        return None

    def source(self, request):
        """The bytes that a copy names; None without one; an Answer where there are none."""
        name = request.headers.get("x-amz-copy-source")
        if not name:
            return None
        bucket, _, key = urllib.parse.unquote(name).lstrip("/").partition("/")
        stored = self.buckets.get(bucket, {}).get(key)
        if not stored:
            return error(404, "NoSuchKey")
        wanted = request.headers.get("x-amz-copy-source-if-match", stored.etag)
        if wanted.strip('"') != stored.etag.strip('"'):
            return error(412, "PreconditionFailed")
        part = request.headers.get("x-amz-copy-source-range")
        if not part:
            return stored.body
        first, last = part[len("bytes=") :].split("-")
        return stored.body[int(first) : int(last) + 1]

    def delete(self, request):
        if request.key in self.locked:
            return error(403, "AccessDenied", "it is locked")
        self.buckets[request.bucket].pop(request.key, None)
        return Answer(204)

    def delete_many(self, request):
        import xml.etree.ElementTree as tree

        done = ""
        for item in tree.fromstring(request.body).iter():
            if item.tag.rpartition("}")[2] == "Key" and item.text in self.locked:
                reason = "<Code>AccessDenied</Code><Message>it is locked</Message>"
                done += f"<Error><Key>{escape(item.text)}</Key>{reason}</Error>"
            elif item.tag.rpartition("}")[2] == "Key":
                self.buckets[request.bucket].pop(item.text, None)
                done += f"<Deleted><Key>{escape(item.text)}</Key></Deleted>"
        return xml("DeleteResult", done)

    def list(self, request):
        encode = urllib.parse.quote if request.query.get("encoding-type") == "url" else escape
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        after = request.query.get("continuation-token", request.query.get("start-after", ""))
        limit = int(request.query.get("max-keys", "1000"))
        text, count, last, prefixes = "", 0, "", []
        keys = sorted(k for k in self.buckets[request.bucket] if k.startswith(prefix) and k > after)
        truncated = False
        for key in keys:
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            group = prefix + head + delimiter if found else ""
            if group and (group in prefixes or after.startswith(group)):
                last = key
                continue
            if count == limit:
                truncated = True
                break
            count, last = count + 1, key
            if group:
                prefixes.append(group)
                text += f"<CommonPrefixes><Prefix>{encode(group)}</Prefix></CommonPrefixes>"
                continue
            stored = self.buckets[request.bucket][key]
            text += (
                f"<Contents><Key>{encode(key)}</Key><Size>{len(stored.body)}</Size>"
                f"<ETag>{escape(stored.etag)}</ETag>"
                f"<LastModified>{stored.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            )
        text += f"<KeyCount>{count}</KeyCount><IsTruncated>{'true' if truncated else 'false'}</IsTruncated>"
        if encode is urllib.parse.quote:
            text += "<EncodingType>url</EncodingType>"
        if truncated:
            text += f"<NextContinuationToken>{escape(last)}</NextContinuationToken>"
        return xml("ListBucketResult", text)

    def rot(self, request):
        upload = self.uploads.get(request.query.get("uploadId"))
        number = int(request.query.get("partNumber", "0"))
        if upload and number in upload.parts:
            body, etag = upload.parts[number]
            upload.parts[number] = (bytes([body[0] ^ 1]) + body[1:], etag)
        stored = self.buckets[request.bucket].get(request.key)
        if stored:
            stored.body = bytes([stored.body[0] ^ 1]) + stored.body[1:]

    # --- multipart uploads

    def answer_upload(self, request):
        if "uploads" in request.query:
            upload_id = uuid.uuid4().hex
            request.parts, request.begun = {}, datetime.datetime.now(datetime.timezone.utc)
            self.uploads[upload_id] = request
            return xml("InitiateMultipartUploadResult", f"<UploadId>{upload_id}</UploadId>")
        upload = self.uploads.get(request.query["uploadId"])
        if not upload:
            return error(404, "NoSuchUpload")
        if request.method == "DELETE":
            del self.uploads[request.query["uploadId"]]
            return Answer(204)
        if request.method == "GET":
            parts = "".join(
                f"<Part><PartNumber>{n}</PartNumber><Size>{len(b)}</Size><ETag>{e}</ETag></Part>"
                for n, (b, e) in sorted(upload.parts.items())
            )
            return xml("ListPartsResult", parts + "<IsTruncated>false</IsTruncated>")
        if request.method == "PUT":
            source = self.source(request)
            if isinstance(source, Answer):
                return source
            body = request.body if source is None else source
            if self.checksums and not is_right(request, body):
                return error(400, "BadDigest", "The checksum of the part did not match")
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            upload.parts[int(request.query["partNumber"])] = (body, etag)
            if source is not None:
                return xml("CopyPartResult", f"<ETag>{etag}</ETag>")
            said = request.checksum if self.checksums else None
            return Answer(200, {"ETag": etag, **({f"x-amz-checksum-{said[0]}": said[1]} if said else {})})
        return self.complete(request, upload)

    def complete(self, request, upload):
        import xml.etree.ElementTree as tree

        objects = self.buckets[request.bucket]
        if request.headers.get("if-none-match") == "*" and request.key in objects:
            return error(412, "PreconditionFailed")
        body, digests, previous = b"", b"", 0
        for part in tree.fromstring(request.body):
            fields = {item.tag.rpartition("}")[2]: item.text for item in part}
            number = int(fields["PartNumber"])
            if number not in upload.parts or upload.parts[number][1] != fields["ETag"]:
                return error(400, "InvalidPart")
            if number <= previous:
                return error(400, "InvalidPartOrder")
            previous = number
            body += upload.parts[number][0]
            digests += bytes.fromhex(upload.parts[number][1].strip('"'))
        if self.checksums and not is_right(request, body):
            return error(400, "BadDigest", "The checksum of the object did not match")
        etag = f'"{hashlib.md5(digests).hexdigest()}-{len(upload.parts)}"'
        objects[request.key] = Stored(body, None, etag)
        objects[request.key].checksum = request.checksum
        del self.uploads[request.query["uploadId"]]
        return xml("CompleteMultipartUploadResult", f"<ETag>{escape(etag)}</ETag>")


class Origin:
    """The store behind a port of 127.0.0.1, on a thread of its own."""

    def __init__(self):
        self.store = Store()
        self.requests, self.faults, self.count = [], {}, 0
        self.delay = None  # () -> seconds that each answer waits: latency, or another order
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.server = None

    def __enter__(self):
        self.thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20), self.loop
        )
        self.server = started.result(10)
        self.endpoint = "http://127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def end(self):
        self.server.close()
        served = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    # --- what a test says

    def put(self, bucket, key, body):
        self.store.buckets.setdefault(bucket, {})[key] = Stored(body)

    def body(self, bucket, key):
        stored = self.store.buckets[bucket].get(key)
        return stored and stored.body

    def fault(self, number, kind, **options):
        """Of the number-th request from now on (1 …); 0: of every one."""
        assert kind in FAULTS, kind
        self.faults[self.count + number if number else 0] = (kind, options)

    def begin(self):
        """Forgets faults and requests; objects stay."""
        self.requests, self.faults, self.count = [], {}, 0

    def jitter(self, seconds):
        """Answers come in another order than the requests."""
        self.delay = lambda: random.random() * seconds

    # --- the connection

    async def serve(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict((n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in head[1:-2]))
        request = Request(method, target, headers)
        self.count += 1
        self.requests.append(request)
        kind, options = self.faults.get(self.count) or self.faults.get(0) or (None, {})
        length = int(headers.get("content-length", "0"))
        if kind == "reset_request" and length:
            await reader.readexactly(length // 2)
            return reset(writer)
        request.body = await read_body(reader, headers, length)
        early = None
        if self.store.conditions == "early" and method == "PUT":
            early = self.store.check_conditions(request)
            await asyncio.sleep(0.05)
        answer = early or self.decide(request, kind, options)
        if self.delay or kind == "slow_first_byte":
            await asyncio.sleep(options.get("seconds", 0) + (self.delay() if self.delay else 0))
        if kind in ("reset_before", "reset_request", "drop_answer"):
            return reset(writer)
        if kind == "stall_before":
            await asyncio.sleep(3600)
        return await self.send(writer, request, answer, kind)

    def decide(self, request, kind, options):
        if kind == "503":
            return error(503, "SlowDown", "Please reduce your request rate")
        if kind == "500":
            return error(500, "InternalError")
        if kind == "expired":
            return error(400, "ExpiredToken", "The provided token has expired.")
        if kind == "redirect":
            answer = error(301, "PermanentRedirect", Region=options["region"])
            answer.headers["x-amz-bucket-region"] = options["region"]
            return answer
        if kind == "error_200":
            return error(200, "InternalError", "We encountered an internal error. Please try again.")
        if kind == "changed":
            self.put(request.bucket, request.key, options["body"])
        if kind in ("reset_before", "reset_request", "stall_before"):
            return Answer()
        answer = self.store.answer(request)
        if kind == "rotten":
            self.store.rot(request)
        if kind == "error_200_done":
            return error(200, "InternalError", "We encountered an internal error. Please try again.")
        if kind == "wrong_range" and "Content-Range" in answer.headers:
            total = answer.headers["Content-Range"].rpartition("/")[2]
            answer.headers["Content-Range"] = f"bytes 1-{len(answer.body)}/{int(total) + 1}"
        if kind == "flipped" and answer.body:
            answer.body = bytes([answer.body[0] ^ 1]) + answer.body[1:]
        return answer

    async def send(self, writer, request, answer, kind):
        headers = {
            "Date": datetime.datetime.now(datetime.timezone.utc).strftime(HTTP_TIME),
            "x-amz-request-id": f"REQ{self.count:08d}",
            **answer.headers,
        }
        if answer.status != 204:
            headers["Content-Length"] = str(len(answer.body))
        reason = REASONS.get(answer.status, "Error")
        lines = [f"HTTP/1.1 {answer.status} {reason}"] + [f"{n}: {v}" for n, v in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        body = b"" if request.method == "HEAD" else answer.body
        if kind in ("reset_in", "stall_in", "truncated"):
            writer.write(body[: len(body) // 2])
            await writer.drain()
            await asyncio.sleep(3600 if kind == "stall_in" else 0.02)
            if kind == "reset_in":
                reset(writer)
            return False
        writer.write(body)
        await writer.drain()
        if kind == "reset_after":
            await asyncio.sleep(0.02)
            return reset(writer)
        return True


async def read_body(reader, headers, length):
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(length)
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return body


def reset(writer):
    """RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
