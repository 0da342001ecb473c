"""Certificates of a cluster: a new authority, and one certificate for all its machines.

Belongs here: X.509 by the library ``cryptography``. Does not belong here: where the files go.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(hosts: Sequence[str], days: int) -> dict[str, bytes]:
    """PEM texts by file name: ``ca.pem``, ``node.pem``, ``node.key``.

    Parameters
    ----------
    hosts : sequence of str
        Addresses or names that the certificate is valid for.
    days : int
        Validity from now.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        _unsigned("step3 cluster authority", "step3 cluster authority", authority_key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    node = (
        _unsigned("step3 cluster node", "step3 cluster authority", key, days)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    return {
        "ca.pem": authority.public_bytes(serialization.Encoding.PEM),
        "node.pem": node.public_bytes(serialization.Encoding.PEM),
        "node.key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    }


def _unsigned(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
