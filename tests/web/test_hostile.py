"""What ill will or bad luck may send: nothing of it is a 500, and nobody sees another's things."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from studio_live import Live, dusty, live, png

from unfade.web.shelf import allowed_path, clean_name
from unfade.web.show import disposition

TOKENS = "anna:anna-0123456789abcdef\nben:ben-0123456789abcdefgh\n"
ANNA = {"Authorization": "Bearer anna-0123456789abcdef"}
BEN = {"Authorization": "Bearer ben-0123456789abcdefgh"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with tokens, small limits and short patience."""
    tokens = tmp_path_factory.mktemp("secrets") / "tokens"
    tokens.write_text(TOKENS)
    data = tmp_path_factory.mktemp("guarded")
    with live(
        *("--data", str(data), "--tokens", str(tokens), "--workers", "1"),
        *("--upload-size", "1MB", "--film-size", "2MB", "--queue", "30"),
    ) as server:
        yield server


def problem(answer: httpx.Response) -> dict:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    facts = answer.json()
    assert facts["status"] == answer.status_code
    assert facts["code"] and facts["detail"] and facts["request_id"]
    return dict(facts)


def give(client, content: bytes, name: str = "scan.png", **more) -> httpx.Response:
    return client.post("/v1/uploads", files=[("file", (name, content))], **more)


# -- files ----------------------------------------------------------------------------------


def png_that_claims(rows: int, cols: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)
    idat = zlib.compress(b"\0" * 100_000)
    magic = b"\x89PNG\r\n\x1a\n"
    return magic + chunk(b"IHDR", head) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = {
    "bomb.png": (png_that_claims(60_000, 60_000), 413, "limit-exceeded"),
    "long.png": (png_that_claims(1, 70_000), 413, "limit-exceeded"),
    "script.svg": (SVG, 415, "unsupported-input"),
    "page.html": (b"<!doctype html><script>alert(1)</script>", 415, "unsupported-input"),
    "playlist.m3u8": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "unsupported-input"),
    "list.ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", 415, "unsupported-input"),
    "empty.jpg": (b"", 422, "unreadable-input"),
    "program.png": (b"\x7fELF" + b"\0" * 400, 415, "unsupported-input"),
    "eps.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "unsupported-input"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_by_its_head(client: TestClient, name: str) -> None:
    content, status, code = HOSTILE[name]
    began = time.monotonic()
    answer = give(client, content, name)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert f"`{name}`" in answer.json()["detail"]
    assert time.monotonic() - began < 10


def test_server_paths_are_never_told(client: TestClient) -> None:
    cut = png(dusty())
    cut = cut[:3000] + bytes(255 - b for b in cut[3000:3400]) + cut[3400:]
    answer = give(client, cut, "cut.png")
    assert answer.status_code == 201, answer.text  # only decoding it shows what is wrong
    view = client.get(answer.json()["uploads"][0]["picture"])
    assert (view.status_code, problem(view)["code"]) == (422, "unreadable-input")
    assert "`cut.png`" in view.json()["detail"]
    data = str(client.app.state.studio.rules.data)  # type: ignore[attr-defined]
    assert data not in view.text and "original" not in view.json()["found"]


def test_hostile_metadata_does_not_reach_the_views(client: TestClient) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = '"><script>alert(1)</script>'
    Image.fromarray(dusty()).save(out, "JPEG", exif=exif, comment=SVG)
    content = out.getvalue() + b"PK\x03\x04 a polyglot <script>"
    upload = give(client, content, "a.jpg").json()["uploads"][0]
    view = client.get(upload["picture"])
    assert view.status_code == 200 and b"script" not in view.content
    assert view.headers["x-content-type-options"] == "nosniff"
    original = client.get(upload["url"] + "/file")
    assert original.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in original.headers["content-security-policy"]


NAMES = [
    "../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow", "C:\\x.png", "a\0b.png",
    "a\r\nSet-Cookie: x=1.png", '"><img src=x onerror=alert(1)>.png', "‮gnp.exe",
    "~/.ssh/id_rsa", "....//....//x", "%2e%2e%2fx.png", ".", "..", "", " ", "con.png",
    "$(touch x).png", "`id`.png", "=cmd|'/c calc'!A0.png", "a" * 4000 + ".png", "日本.png",
    "{}.png", "{0.__class__}.png", "%s%n.png", "x;rm -rf.png", "\x1b[2Jx.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_is_data_and_never_a_path(client: TestClient, scan: bytes, name: str) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode().replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
        + b'"\r\n\r\n' + scan + b"\r\n--b--\r\n"
    )  # fmt: skip
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/v1/uploads", content=body, headers=kind)
    assert answer.status_code in (201, 422), answer.text  # 422: a head of 4,000 characters
    if answer.status_code == 201:
        upload = answer.json()["uploads"][0]
        shown = upload["name"]
        assert "/" not in shown and "\\" not in shown and shown.isprintable()
        assert 0 < len(shown.encode()) <= 200
        got = client.get(upload["url"] + "/file")
        assert got.content == scan
        assert "\r" not in got.headers["content-disposition"]
    places = {p.name for p in client.app.state.studio.rules.data.rglob("*")}  # type: ignore[attr-defined]
    assert name not in places


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_name_becomes_one_that_is_safe_to_send(name: str) -> None:
    clean = clean_name(name)
    assert clean and len(clean.encode()) <= 200 and clean.isprintable()
    assert not set("/\\") & set(clean) and clean not in (".", "..")
    header = disposition(clean)
    assert header.isascii() and "\n" not in header and header.count('"') == 2
    assert clean_name(clean) == clean


def test_allowed_path_follows_links_first(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir(), outside.mkdir()
    (inside / "a.png").write_bytes(b"x")
    (outside / "b.png").write_bytes(b"x")
    (inside / "link.png").symlink_to(outside / "b.png")
    assert allowed_path(str(inside / "a.png"), (inside,)).name == "a.png"
    for wanted in ("../out/b.png", "link.png", "a\0.png", "../../etc/passwd"):
        with pytest.raises(Exception) as refused:
            allowed_path(str(inside / wanted), (inside,))
        assert refused.value.code == "forbidden"  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="does not read files of its own disk"):
        allowed_path(str(inside / "a.png"), ())


@pytest.mark.parametrize("place", ["tiles_files/0/..%2f..%2foriginal.png", "tiles_files/0/0_0.png",
                                   "tiles_files/99/0_0.jpg", "tiles_files/0/1_1.jpg",
                                   "tiles_files/-1/0_0.jpg"])  # fmt: skip
def test_tile_addresses_name_tiles_only(client: TestClient, upload: dict, place: str) -> None:
    answer = client.get(f"{upload['url']}/{place}")
    assert answer.status_code in (404, 422)
    problem(answer)


# -- bodies ---------------------------------------------------------------------------------


def test_malformed_multipart_is_an_answer(client: TestClient, scan: bytes) -> None:
    good = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nvalue\r\n--b--\r\n'
    many = b"".join(good + b"x\r\n" for _ in range(150)) + b"--b--\r\n"
    bodies = {
        b"": "unreadable-input",
        b"nonsense": "unreadable-input",
        good + scan: "unreadable-input",  # cut off
        field: "usage-error",
        b"--b--\r\n": "usage-error",
        many: "too-large",
        b"--b\r\n" + b"X: y\r\n" * 1000 + b"\r\n": "unreadable-input",
    }
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    for body, code in bodies.items():
        answer = client.post("/v1/uploads", content=body, headers=headers)
        assert problem(answer)["code"] == code, (body[:60], answer.text)
    for kind in ("multipart/form-data", "text/plain", "multipart/form-data; boundary=" + "x" * 999):
        answer = client.post("/v1/uploads", content=b"x", headers={"Content-Type": kind})
        assert 400 <= answer.status_code < 500
        problem(answer)
    arriving = list((client.app.state.studio.rules.data / "incoming").iterdir())  # type: ignore[attr-defined]
    assert arriving == []


def test_wrong_json_is_told_in_our_voice(client: TestClient) -> None:
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"kind": "destroy"}', b'{"x": 1}',
                 b'{"upload": "a", "upscale": 99}', b"[" * 5000):  # fmt: skip
        answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (body[:20], answer.text)
        problem(answer)
    wrong = client.post("/v1/jobs", json={"upload": "a", "upscale": 99, "policy": "wild"})
    assert {e["field"] for e in problem(wrong)["errors"]} == {"body.upscale", "body.policy"}


def test_sources_that_are_not_allowed(client: TestClient, upload: dict) -> None:
    for wanted, status in (
        ({"path": "/etc/passwd"}, 403),
        ({"s3": "s3://bucket/key.png"}, 403),
        ({"s3": "http://169.254.169.254/latest"}, 400),
        ({"upload": upload["id"], "path": "/etc/passwd"}, 400),
        ({}, 400),
        ({"upload": "../../x"}, 404),
        ({"upload": upload["id"], "mask": "f" * 32}, 404),
        ({"upload": upload["id"], "recipe": "/etc/passwd"}, 202),  # a name, and no path: see below
    ):
        answer = client.post("/v1/jobs", json=wanted)
        assert answer.status_code == status, (wanted, answer.text)
    from studio_live import ended

    job = ended(client, answer.json())
    assert job["error"]["found"] == "There is no recipe `/etc/passwd`."


def test_resumed_upload_survives_breaks_and_lies(client: TestClient, scan: bytes) -> None:
    announced = {"name": "big.png", "bytes": len(scan)}
    made = client.post("/v1/uploads/resumable", json=announced)
    assert made.status_code == 201 and made.headers["upload-offset"] == "0"
    url = made.headers["location"]
    kind = {"Content-Type": "application/offset+octet-stream"}

    def send(offset: int, data: bytes, **more: str) -> httpx.Response:
        return client.patch(url, content=data, headers=kind | {"Upload-Offset": str(offset)} | more)

    assert send(0, scan[:1000]).headers["upload-offset"] == "1000"
    assert client.head(url).headers["upload-offset"] == "1000"
    ahead = send(2000, scan[2000:])
    assert ahead.status_code == 409 and "1000 bytes are here" in ahead.json()["detail"]
    assert problem(send(1000, scan[1000:] + b"more"))["code"] == "too-large"
    here = int(client.head(url).headers["upload-offset"])
    assert problem(client.patch(url, content=b"x", headers={"Upload-Offset": "0"}))["status"] == 415
    done = send(here, scan[here:])
    assert done.json()["state"] == "ready" and done.json()["rows"] == 96
    assert client.get(url + "/file").content == scan
    assert send(0, scan).status_code == 409
    lie = client.post("/v1/uploads/resumable", json=announced | {"sha256": "0" * 64})
    url = lie.headers["location"]
    assert problem(send(0, scan))["code"] == "unreadable-input"
    assert client.get(url).status_code == 404
    huge = client.post("/v1/uploads/resumable", json={"name": "x", "bytes": 10**12})
    assert problem(huge)["status"] == 413


def raw(server: Live, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What the server answers to these bytes, until it closes the connection or 30 s are over."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        for part in parts:
            try:
                line.sendall(part)
            except OSError:
                break
            time.sleep(pause_s)
        got = b""
        try:
            while chunk := line.recv(65536):
                got += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return got


HEAD = b"POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
HEAD += b"anna-0123456789abcdef\r\nContent-Type: multipart/form-data; boundary=b\r\n"


def test_body_that_states_too_much_is_refused_before_it_comes(guarded: Live) -> None:
    got = raw(guarded, HEAD + b"Content-Length: 99999999999\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 413") and b"too-large" in got


def test_body_without_end_is_cut_at_the_limit(guarded: Live) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    first = b"%x\r\n%s\r\n" % (len(part), part)
    got = raw(
        guarded, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + first, *[chunk] * 400, pause_s=0.0
    )
    assert got == b"" or got.startswith(b"HTTP/1.1 413")  # cut off, or told
    assert nothing_arriving(guarded)
    assert guarded.client.get("/healthz").status_code == 200


def test_head_that_never_ends_is_cut_off(guarded: Live) -> None:
    began = time.monotonic()
    assert raw(guarded, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") == b""
    assert 5 < time.monotonic() - began < 25


def test_huge_and_odd_heads(guarded: Live) -> None:
    huge = raw(guarded, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n")
    assert huge == b"" or huge.startswith(b"HTTP/1.1 400")
    for head in (
        b"GET / HTTP/1.1\r\n\r\n",  # no host
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost@evil\r\nConnection: close\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        HEAD
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ):
        got = raw(guarded, head)
        assert got.startswith(b"HTTP/1.1 4"), (head, got[:200])
    assert guarded.client.get("/healthz").status_code == 200


def test_connections_cut_in_the_middle_leave_nothing(guarded: Live) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", guarded.port)) as line:
            line.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + part + b"x" * 5000)
    assert nothing_arriving(guarded)


def nothing_arriving(server: Live) -> bool:
    """Whether the files of broken uploads are gone, within 10 s."""
    command = server.process.args
    assert isinstance(command, list)
    incoming = Path(command[command.index("--data") + 1]) / "incoming"
    until = time.monotonic() + 10
    while list(incoming.iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    return not list(incoming.iterdir())


# -- who asks -------------------------------------------------------------------------------


def test_nothing_without_a_token(guarded: Live) -> None:
    schema = guarded.client.get("/v1/openapi.json").json()
    for path, operations in schema["paths"].items():
        if path in ("/healthz", "/readyz", "/v1/session"):
            continue
        for method in operations:
            address = path.replace("{id}", "0" * 32).replace("{level}", "0")
            answer = guarded.client.request(method, address.replace("{tile}", "0_0.jpg"))
            while answer.status_code == 429:  # strangers may not ask often, either
                time.sleep(0.3)
                answer = guarded.client.request(method, address)
            assert answer.status_code in (401, 422), (method, path, answer.text)
            if answer.status_code == 401:
                assert answer.headers["www-authenticate"].startswith("Bearer")


def test_one_user_sees_nothing_of_another(guarded: Live, scan: bytes) -> None:
    client = guarded.client
    upload = give(client, scan, headers=ANNA).json()["uploads"][0]
    job = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=ANNA).json()
    hers = [upload["url"], upload["url"] + "/file", upload["picture"], upload["tiles"]]
    hers += [job["links"]["self"], job["links"]["events"], job["links"]["self"] + "/picture"]
    for address in hers:
        theirs = client.get(address, headers=BEN)
        nobodys = client.get(address.replace(upload["id"], "0" * 32).replace(job["id"], "0" * 32),
                             headers=BEN)  # fmt: skip
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["detail"] == nobodys.json()["detail"]
    for method, address in (("DELETE", upload["url"]), ("DELETE", job["links"]["self"]),
                            ("POST", job["links"]["self"] + "/cancel"),
                            ("POST", job["links"]["self"] + "/retry")):  # fmt: skip
        assert client.request(method, address, headers=BEN).status_code == 404
    stolen = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=BEN)
    assert stolen.status_code == 404
    assert client.get("/v1/jobs", headers=BEN).json()["jobs"] == []
    assert client.get(upload["url"], headers=ANNA).status_code == 200


def patiently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer once the rate allows it: the attacks before came from this very address."""
    answer = ask()
    while answer.status_code == 429:
        time.sleep(float(answer.headers["retry-after"]))
        answer = ask()
    return answer


def test_page_signs_in_with_a_cookie(guarded: Live) -> None:
    with httpx.Client(base_url=guarded.address) as browser:
        asked = patiently(lambda: browser.get("/v1/session"))
        assert asked.json() == {"user": None, "token_needed": True}
        wrong = patiently(lambda: browser.post("/v1/session", json={"token": "guess"}))
        assert problem(wrong)["code"] == "not-signed-in"
        token = {"token": "anna-0123456789abcdef"}
        right = patiently(lambda: browser.post("/v1/session", json=token))
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert "anna-0123456789abcdef" not in cookie
        assert patiently(lambda: browser.get("/v1/jobs")).status_code == 200
        name, _, value = cookie.partition(";")[0].partition("=")
        forged = value[:-2] + ("AA" if not value.endswith("AA") else "BB")
        for bad in (forged, "x", "a.b.c", value.replace(".", ".9", 1)):
            answer = httpx.get(f"{guarded.address}/v1/jobs", cookies={name: bad})
            assert answer.status_code in (401, 429)
        browser.delete("/v1/session")
        assert browser.get("/v1/jobs").status_code in (401, 429)


def test_guessing_is_slow(guarded: Live) -> None:
    answers = [
        guarded.client.get("/v1/jobs", headers={"Authorization": f"Bearer guess{n}"}).status_code
        for n in range(60)
    ]
    assert set(answers) <= {401, 429} and answers.count(429) > 20


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_pages_of_other_origins_change_nothing(
    client: TestClient, upload: dict, headers: dict
) -> None:
    answer = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=headers)
    assert problem(answer)["code"] == "forbidden"
    assert "access-control-allow-origin" not in answer.headers
    simple = client.post(  # what a form of another site could send without asking first
        "/v1/uploads", files=[("file", ("a.png", b"x"))], headers=headers
    )
    assert simple.status_code == 403
    preflight = client.options("/v1/jobs", headers=headers)
    assert "access-control-allow-origin" not in preflight.headers


def test_own_origin_is_served_with_every_header_of_security(client: TestClient) -> None:
    answer = client.get("/v1/jobs", headers={"Origin": "http://127.0.0.1:8000"})
    assert answer.status_code == 200
    for name, part in {
        "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }.items():
        assert part in answer.headers[name]
    assert "unsafe-inline" not in answer.headers["content-security-policy"].replace(
        "style-src-attr 'unsafe-inline'", ""
    )


def test_key_with_another_body_is_refused(client: TestClient, upload: dict) -> None:
    key = {"Idempotency-Key": "one"}
    first = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=key).json()
    same = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=key).json()
    assert same["id"] == first["id"]
    other = client.post("/v1/jobs", json={"upload": upload["id"], "upscale": 2}, headers=key)
    assert (other.status_code, problem(other)["code"]) == (422, "key-reused")


def test_key_sent_by_many_at_once_makes_one_job(client: TestClient, upload: dict) -> None:
    ids: set[str] = set()

    def send() -> None:
        answer = client.post(
            "/v1/jobs", json={"upload": upload["id"]}, headers={"Idempotency-Key": "many"}
        )
        ids.add(answer.json()["id"])

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1


def test_log_holds_no_secret_and_no_name(guarded: Live, scan: bytes) -> None:
    give(guarded.client, scan, "secret-name.png", headers=ANNA)
    guarded.client.get("/v1/jobs?batch=secret-batch", headers=ANNA)
    log = "".join(guarded.log)
    assert "POST /v1/uploads 201" in log
    for secret in ("anna-0123456789abcdef", "secret-name", "secret-batch"):
        assert secret not in log
    assert "Traceback" not in log, log[log.index("Traceback") :]
