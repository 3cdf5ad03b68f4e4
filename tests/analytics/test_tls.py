"""A server behind TLS: believed when its authority is, and when the operator asks for nothing."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mini_sentry.analytics.rows import encode
from mini_sentry.analytics.store import ColumnsUnavailable, Store
from tests.columns import empty_columns, make_row


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signed itself, and beside it its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("tls")
    (directory / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "server.pem"


@pytest.fixture(scope="module")
def secured(clickhouse: str, certificate: Path) -> Iterator[str]:
    """The url of the server behind a door that speaks TLS, without options."""
    behind = urlsplit(clickhouse)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server = HTTPConnection(str(behind.hostname), behind.port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            server.request(self.command, self.path, given, headers)
            reply = server.getresponse()
            body = reply.read()
            server.close()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not believe the certificate hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    door = Quiet(("127.0.0.1", 0), Door)
    door.socket = context.wrap_socket(door.socket, server_side=True)
    thread = threading.Thread(target=door.serve_forever, args=(0.1,))
    thread.start()
    who = behind.netloc.rpartition("@")[0]
    yield f"https://{who}@127.0.0.1:{door.server_address[1]}{behind.path}"
    door.shutdown()
    thread.join()
    door.server_close()


@pytest.mark.parametrize("trust", ["ca_cert", "verify"])
def test_rows_go_in_and_answers_come_out_over_tls(secured: str, certificate: Path, trust: str) -> None:
    options = f"?ca_cert={certificate}" if trust == "ca_cert" else "?verify=0"
    store = Store(lambda: secured + options)
    empty_columns(store)
    store.insert_documents("events", [encode(make_row(number)) for number in range(3)])
    assert store.query("SELECT count() FROM events") == [(3,)]
    store.close()


def test_a_certificate_that_nobody_signed_is_not_believed(secured: str) -> None:
    store = Store(lambda: secured)
    with pytest.raises(ColumnsUnavailable, match="certificate verify failed"):
        store.query("SELECT 1")
    with pytest.raises(ColumnsUnavailable, match="certificate verify failed"):
        store.command("SELECT 1")
    store.close()
