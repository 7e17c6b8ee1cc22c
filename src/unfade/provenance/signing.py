"""Put a signed manifest into a file, with the user's own certificate and key.

All is done on this machine: thumbnails, remote manifests and revocation checks are switched off,
and a time stamp is asked for only where the address of an authority is named.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unfade.errors import OutputError, UnreadableInput, UsageError
from unfade.needs import need
from unfade.provenance.manifest import ORIGINAL

EXTRA, PURPOSE = "provenance", "sign files with Content Credentials (C2PA)"
MIME = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_SETTINGS: dict[str, Any] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate chain and its private key.

    Attributes:
        chain: PEM, the signer's certificate first
        key: PEM, PKCS 8
        algorithm: as C2PA names it: es256, es384, es512, ps256, ed25519
        time_stamp: address of a time-stamp authority, or None: no network is used
    """

    chain: str
    key: str
    algorithm: str
    time_stamp: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.algorithm})"  # a key has no place in a log


def load_credentials(
    certificate: str | os.PathLike[str],
    key: str | os.PathLike[str],
    *,
    time_stamp: str | None = None,
) -> Credentials:
    """Read a certificate chain and a private key, both PEM.

    Raises:
        UnreadableInput: one cannot be read
        UsageError: the key is of a kind that C2PA does not know, or not the certificate's
        MissingPackage: the extra `provenance` is not installed
    """
    need("c2pa", extra=EXTRA, to=PURPOSE)
    need("cryptography", extra=EXTRA, to=PURPOSE)
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        chain = Path(certificate).read_bytes()
        first = x509.load_pem_x509_certificates(chain)[0]
    except (OSError, ValueError, IndexError) as error:
        raise UnreadableInput(
            f"`{certificate}` is no certificate in PEM that can be read.", "Check the file."
        ) from error
    try:
        private = serialization.load_pem_private_key(Path(key).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableInput(
            f"`{key}` is no private key in PEM that can be read without a password.",
            "Check the file; `openssl pkcs8 -topk8 -nocrypt` takes a password off.",
        ) from error
    if isinstance(private, ec.EllipticCurvePrivateKey):
        algorithm = _CURVES.get(private.curve.name, "")
    elif isinstance(private, rsa.RSAPrivateKey):
        algorithm = "ps256"
    else:
        algorithm = "ed25519" if isinstance(private, ed25519.Ed25519PrivateKey) else ""
    if not algorithm:
        raise UsageError(
            f"`{key}` is a key of a kind that C2PA does not sign with.",
            "Use one of P-256, P-384, P-521, Ed25519 or RSA.",
        )
    raw = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if first.public_key().public_bytes(*raw) != private.public_key().public_bytes(*raw):
        raise UsageError(
            f"`{key}` is not the key of the first certificate in `{certificate}`.",
            "Name the two that belong together, the signer's certificate first.",
        )
    plain = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Credentials(
        chain=chain.decode("ascii", "replace"),
        key=plain.decode("ascii"),
        algorithm=algorithm,
        time_stamp=time_stamp,
    )


def check_signable(target: Path) -> None:
    """Refuse a format that no manifest can be put into.

    Raises:
        UsageError: names those that can
    """
    if target.suffix.lower() not in MIME:
        raise UsageError(
            f"`{target.name}`: no manifest can be put into a `{target.suffix}` file.",
            f"Write one of {', '.join(MIME)}.",
        )


def sign_file(
    path: Path, manifest: dict[str, Any], credentials: Credentials, *, original: Path | None
) -> None:
    """Put the manifest, signed, into a file that lies at ``path``.

    Args:
        original: what it was made from, named in the manifest as its parent, with what that says
            of its own past; None: it came from memory
    Raises:
        OutputError: it cannot be signed; the file is as it was
    """
    c2pa = need("c2pa", extra=EXTRA, to=PURPOSE)
    check_signable(path)
    temporary = path.with_name(f".unfade-{os.getpid()}-signed{path.suffix}")
    mime = MIME[path.suffix.lower()]
    try:
        info = c2pa.C2paSignerInfo(
            credentials.algorithm,
            credentials.chain.encode(),
            credentials.key.encode(),
            credentials.time_stamp.encode() if credentials.time_stamp else None,
        )
        settings = c2pa.Settings.from_dict(_SETTINGS)
        with (
            c2pa.Context(settings) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder.from_json(manifest, context) as builder,
        ):
            _name_parent(builder, original)
            with path.open("rb") as source, temporary.open("w+b") as target:
                builder.sign(signer, mime, source, target)
                target.flush()
                os.fsync(target.fileno())
        os.replace(temporary, path)
    except (c2pa.C2paError, OSError) as error:
        raise OutputError(
            f"`{path.name}` cannot be signed: {error}.",
            "The certificate needs the use digitalSignature and an extended use, e.g. "
            "emailProtection; see docs/provenance.md.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _name_parent(builder: Any, original: Path | None) -> None:
    facts: dict[str, Any] = {
        "label": ORIGINAL,
        "title": original.name if original else "an array in memory",
        "relationship": "parentOf",
    }
    mime = MIME.get(original.suffix.lower()) if original else None
    if original is not None and mime is not None:
        with original.open("rb") as stream:
            builder.add_ingredient(facts, mime, stream)
        return
    import io

    # of a kind that the signer cannot look into: by its name, and by its hash among the facts
    builder.add_ingredient(facts, "application/octet-stream", io.BytesIO(b"\0"))
