"""Signed manifests: read by the SDK's own reader, and taken apart and checked without it."""

from __future__ import annotations

import datetime
import hashlib
import json
import struct
from pathlib import Path

import c2pa
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import unfade
import unfade.files
from unfade.cli import app
from unfade.errors import PromiseBroken, UnfadeError, UsageError
from unfade.provenance import check_honest, load_credentials, manifest_of
from unfade.record import Record, StepRecord


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path, str]:
    """A certificate chain and its key, made here: (chain, key, root in PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    folder = tmp_path_factory.mktemp("keys")
    now = datetime.datetime.now(datetime.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, text),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Archive of this test"),
            ]
        )

    def usage(*, sign: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not sign, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=sign, crl_sign=sign,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip

    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def made(subject, key, *, authority: bool):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(usage(sign=authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False
            )
        )
        if not authority:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        return builder.sign(root_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    root = made("Root", root_key, authority=True).public_bytes(pem)
    leaf = made("Conservator", leaf_key, authority=False).public_bytes(pem)
    (folder / "chain.pem").write_bytes(leaf + root)
    (folder / "key.pem").write_bytes(
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "chain.pem", folder / "key.pem", root.decode()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    samples = np.clip(chance.normal(120, 30, (96, 128, 3)), 0, 255).astype(np.uint8)
    Image.fromarray(samples).save(tmp_path / "scan.png")
    mask = np.zeros((96, 128), np.uint8)
    mask[40:46, 50:60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path / "scan.png"


def read(path: Path, root: str) -> dict:
    settings = c2pa.Settings.from_dict(
        {"trust": {"user_anchors": root}, "verify": {"verify_trust": True}}
    )
    with c2pa.Context(settings) as context, c2pa.Reader(path, context=context) as reader:
        return json.loads(reader.json())


def signed(scan: Path, keys, target: str) -> Path:
    out = scan.with_name(target)
    words = ["restore", str(scan), "--mask", str(scan.with_name("mask.png")), "-o", str(out)]
    words += ["--sign", str(keys[0]), "--key", str(keys[1]), "-q"]
    CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)
    return out


@pytest.mark.parametrize("target", ["out.png", "out.tif", "out.jpg"])
def test_a_signed_file_is_trusted_and_tells_what_was_done(scan, keys, target) -> None:
    out = signed(scan, keys, target)
    seen = read(out, keys[2])
    assert seen["validation_state"] == "Trusted"
    manifest = seen["manifests"][seen["active_manifest"]]
    actions = next(
        a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.act")
    )
    assert actions[0]["action"] == "c2pa.opened"
    assert actions[-1]["digitalSourceType"].endswith("/algorithmicallyEnhanced")
    assert any("inpaint" in a.get("description", "") for a in actions)
    (parent,) = manifest["ingredients"]
    assert parent["relationship"] == "parentOf" and parent["title"] == "scan.png"
    facts = next(a["data"] for a in manifest["assertions"] if a["label"] == "io.unfade.evidence")
    assert facts["original_sha256"] == hashlib.sha256(scan.read_bytes()).hexdigest()
    record = json.loads(Path(f"{out}.unfade.json").read_text())
    assert record["output"]["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert facts["evidence_shares"].keys() == record["evidence_shares"].keys()
    assert not [a for a in manifest["assertions"] if "thumbnail" in a["label"]]
    if target != "out.jpg":  # signing moves no sample
        before = np.asarray(Image.open(scan))
        after = np.asarray(Image.open(out))
        changed = (before != after).any(axis=2)
        assert not (changed & ~(np.asarray(Image.open(scan.with_name("mask.png"))) > 0)).any()


def test_a_changed_byte_is_found(scan, keys) -> None:
    out = signed(scan, keys, "out.png")
    data = bytearray(out.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 1
    out.write_bytes(data)
    seen = read(out, keys[2])
    assert seen["validation_state"] == "Invalid"
    assert "assertion.dataHash.mismatch" in json.dumps(seen)


def test_signature_and_hash_hold_by_an_independent_reading(scan, keys) -> None:
    """Without the SDK: boxes by hand, the signature by `cryptography`, the hash over the file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    data = signed(scan, keys, "out.png").read_bytes()
    store = png_chunk(data, b"caBX")
    found = dict(boxes(store))
    claim = next(v for k, v in found.items() if k.endswith("c2pa.claim.v2"))
    protected, unprotected, _, signature = cbor(
        next(v for k, v in found.items() if k.endswith("c2pa.signature"))
    )[0]
    chain = (unprotected.get("x5chain") or cbor(protected)[0].get(33)) or unprotected.get(33)
    leaf = x509.load_der_x509_certificate(chain[0] if isinstance(chain, list) else chain)
    assert leaf == x509.load_pem_x509_certificates(keys[0].read_bytes())[0]
    said = b"\x84" + b"\x6aSignature1" + text(protected) + b"\x40" + text(claim)
    r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
    leaf.public_key().verify(encode_dss_signature(r, s), said, ec.ECDSA(hashes.SHA256()))
    bound = cbor(next(v for k, v in found.items() if k.endswith("c2pa.hash.data")))[0]
    digest, at = hashlib.sha256(), 0
    for gap in bound["exclusions"]:
        digest.update(data[at : gap["start"]])
        at = gap["start"] + gap["length"]
    digest.update(data[at:])
    assert digest.digest() == bound["hash"]


def text(data: bytes) -> bytes:
    """A CBOR byte string."""
    size = len(data)
    if size < 24:
        return bytes([0x40 + size]) + data
    if size < 256:
        return bytes([0x58, size]) + data
    return b"\x59" + struct.pack(">H", size) + data


def png_chunk(data: bytes, kind: bytes) -> bytes:
    at = 8
    while True:
        (size,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == kind:
            return data[at + 8 : at + 8 + size]
        at += 12 + size


def boxes(data: bytes, path: str = ""):
    """(path of labels, content) of the JUMBF boxes with CBOR in them."""
    at, label = 0, ""
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind == b"jumd":
            label = body[17:].split(b"\0")[0].decode()
        elif kind == b"jumb":
            yield from boxes(body, f"{path}/{label}")
        elif kind == b"cbor":
            yield f"{path}/{label}", body
        at += size


def cbor(data: bytes, at: int = 0):
    """One value and where it ends; what C2PA uses of RFC 8949."""
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True, 22: None}.get(low), at
    number = low
    if low >= 24 and low != 31:
        width = 1 << (low - 24)
        number, at = int.from_bytes(data[at : at + width], "big"), at + width
    if major in (0, 1):
        return (number if major == 0 else -1 - number), at
    if major in (2, 3):
        part = data[at : at + number]
        return (part if major == 2 else part.decode()), at + number
    if major == 6:
        return cbor(data, at)
    items = []
    for _ in range(number * (2 if major == 5 else 1)):
        value, at = cbor(data, at)
        items.append(value)
    return (dict(zip(items[::2], items[1::2], strict=True)) if major == 5 else items), at


def invented(model: bool) -> tuple[Record, np.ndarray]:
    step = StepRecord(
        step="colorize", settings={}, evidence=4, changed_share=1.0,
        model={"name": "ddcolor"} if model else None,
    )  # fmt: skip
    return Record(steps=(step,)), np.full((4, 4), 4, np.uint8)


def test_invented_content_cannot_be_hidden() -> None:
    record, evidence = invented(True)
    honest = manifest_of(
        record, evidence, title="x", source_type="compositeWithTrainedAlgorithmicMedia"
    )
    check_honest(honest, evidence)
    for word in ("algorithmicallyEnhanced", "humanEdits", "print"):
        with pytest.raises(PromiseBroken, match="class 4"):
            manifest_of(record, evidence, title="x", source_type=word)
    honest["assertions"] = [a for a in honest["assertions"] if a["label"] != "io.unfade.evidence"]
    with pytest.raises(PromiseBroken):
        check_honest(honest, evidence)


def test_a_single_invented_pixel_is_enough() -> None:
    evidence = np.zeros((50, 50), np.uint8)
    evidence[7, 9] = 4
    with pytest.raises(PromiseBroken):
        manifest_of(Record(), evidence, title="x", source_type="algorithmicallyEnhanced")


def test_an_untouched_file_is_not_signed(tmp_path: Path, keys) -> None:
    Image.fromarray(np.full((40, 40, 3), 128, np.uint8)).save(tmp_path / "flat.png")
    result = unfade.restore(tmp_path / "flat.png")
    saved = result.save(tmp_path / "o.png", sign=load_credentials(keys[0], keys[1]))
    assert saved.same_bytes
    assert (tmp_path / "o.png").read_bytes() == (tmp_path / "flat.png").read_bytes()


def test_wrong_credentials_are_named(tmp_path: Path, keys, scan) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    (tmp_path / "other.pem").write_bytes(other)
    with pytest.raises(UsageError, match="not the key of the first certificate"):
        load_credentials(keys[0], tmp_path / "other.pem")
    with pytest.raises(UnfadeError, match="no certificate"):
        load_credentials(scan, keys[1])
    with pytest.raises(UnfadeError, match="no private key"):
        load_credentials(keys[0], scan)
    assert "PRIVATE" not in repr(load_credentials(keys[0], keys[1]))
    with pytest.raises(UsageError, match="belong together"):
        CliRunner().invoke(
            app, ["restore", str(scan), "--sign", str(keys[0])],
            catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip


def test_a_format_without_room_is_refused_before_writing(scan, keys) -> None:
    result = unfade.restore(scan, mask=scan.with_name("mask.png"))
    with pytest.raises(UsageError, match="no manifest"):
        result.save(scan.with_name("o.ppm"), sign=load_credentials(keys[0], keys[1]))
    assert not scan.with_name("o.ppm").exists()


def test_a_coloured_grey_picture_is_labelled_all_the_way(tmp_path: Path, keys) -> None:
    """From an array, which has no file to name as its parent."""
    grey = np.random.default_rng(0).integers(60, 200, (64, 64, 1)).astype(np.uint8)
    result = unfade.restore(
        grey, hints=[(10, 10, (200, 40, 40))], settings={"colorize": {"method": "hints"}}
    )
    assert (result.evidence == 4).any()
    result.save(tmp_path / "o.png", sign=load_credentials(keys[0], keys[1]))
    seen = read(tmp_path / "o.png", keys[2])
    assert seen["validation_state"] == "Trusted"
    manifest = seen["manifests"][seen["active_manifest"]]
    actions = next(
        a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.act")
    )
    made = [a["digitalSourceType"] for a in actions if "digitalSourceType" in a]
    assert made and all(w.endswith("/compositeWithTrainedAlgorithmicMedia") for w in made)
    assert (
        b"compositeWithTrainedAlgorithmicMedia"
        in unfade.files.open_picture(tmp_path / "o.png").blocks.xmp
    )


def test_a_signed_original_is_named_as_parent_and_stays_admitted(scan, keys) -> None:
    """What a first treatment signed is carried by the second."""
    first = signed(scan, keys, "out.png")
    elsewhere = np.zeros((96, 128), bool)
    elsewhere[70:76, 20:40] = True
    result = unfade.restore(first, mask=elsewhere)
    again = scan.with_name("again.png")
    result.save(again, sign=load_credentials(keys[0], keys[1]))
    seen = read(again, keys[2])
    assert seen["validation_state"] == "Trusted" and len(seen["manifests"]) == 2
