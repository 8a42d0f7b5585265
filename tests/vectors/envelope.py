#!/usr/bin/env python3
"""Writes envelope.json: values of the crate's own envelope, made without the crate.

    python3 -m venv VENV && VENV/bin/pip install cryptography pynacl && VENV/bin/python tests/vectors/envelope.py

AES-GCM is OpenSSL's, XChaCha20-Poly1305 is libsodium's, HKDF-Expand is written out below after RFC 5869, 2.3. All bytes
come from SHAKE-256 of a name, so that every run writes the same file.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as xchacha

PREFIX = b"atrest:env:v1:"
XCHACHA, AES_GCM = 1, 2
NONCE_LEN = {XCHACHA: 24, AES_GCM: 12}
NAMES = {XCHACHA: "xchacha", AES_GCM: "aesgcm"}
LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 1000]
CONTEXTS = [b"", b"tenant 7", bytes(range(256)) + b"tail", "Zürich/日本".encode()]
KEY_IDS = ["2026-11", "k", "ключ 7", "x" * 1024]


def draw(name, length):
    return hashlib.shake_256(name.encode()).digest(length)


def expand(prk, info, length):
    okm, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        okm += block
    return okm[:length]


def encrypt(algorithm, key, nonce, aad, plaintext):
    if algorithm == XCHACHA:
        return xchacha(plaintext, aad, nonce, key)
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def joined(*fields):
    return b"".join(struct.pack(">Q", len(field)) + field for field in fields)


def prefixed(field):
    return struct.pack(">H", len(field)) + field


class Value:
    """One value; what a test wants different is set before `stored` is called."""

    def __init__(self, name, algorithm, kek_algorithm, length, context, key_id):
        self.name, self.algorithm, self.kek_algorithm = name, algorithm, kek_algorithm
        self.context, self.key_id = context, key_id
        self.plaintext = draw(f"{name} plaintext", length)
        self.kek, self.dek = draw(f"{name} kek", 32), draw(f"{name} dek", 32)
        self.salt = draw(f"{name} salt", 32)
        self.kek_nonce = draw(f"{name} kek nonce", NONCE_LEN[kek_algorithm])
        self.prefix, self.code = PREFIX, bytes([algorithm])
        self.aad = joined(PREFIX, self.code, context)
        self.kek_aad = joined(b"atrest:kek:v1", bytes([kek_algorithm]), key_id.encode(), context)
        self.info = b"atrest:env:v1" + self.code + self.salt
        self.nonce = bytes(NONCE_LEN[algorithm])
        self.commitment = None

    def wrapped(self):
        return self.kek_nonce + encrypt(self.kek_algorithm, self.kek, self.kek_nonce, self.kek_aad, self.dek)

    def stored(self):
        okm = expand(self.dek, self.info, 64)
        commitment = okm[32:] if self.commitment is None else self.commitment
        head = self.prefix + self.code + prefixed(self.key_id.encode()) + prefixed(self.wrapped())
        payload = encrypt(self.algorithm, okm[:32], self.nonce, self.aad, self.plaintext)
        return head + self.salt + commitment + payload

    def entry(self, **more):
        b64 = lambda data: base64.b64encode(data).decode()
        return {
            "id": self.name,
            "algorithm": NAMES[self.algorithm],
            "kek_algorithm": NAMES[self.kek_algorithm],
            "key_id": self.key_id,
            "kek_b64": b64(self.kek),
            "context_b64": b64(self.context),
            "dek_b64": b64(self.dek),
            "salt_b64": b64(self.salt),
            "kek_nonce_b64": b64(self.kek_nonce),
            "plaintext_b64": b64(self.plaintext),
            "stored_b64": b64(self.stored()),
        } | more


def good():
    for algorithm in (XCHACHA, AES_GCM):
        for kek_algorithm in (XCHACHA, AES_GCM):
            for i, length in enumerate(LENGTHS):
                name = f"{NAMES[algorithm]}-under-{NAMES[kek_algorithm]}-len{length}"
                context, key_id = CONTEXTS[i % 4], KEY_IDS[(i + i // 4) % 4]
                yield Value(name, algorithm, kek_algorithm, length, context, key_id).entry()


def seeds():
    """Values under the KEK of the fuzz target."""
    for algorithm in (XCHACHA, AES_GCM):
        for length in (0, 17, 100):
            name = f"seed-{NAMES[algorithm]}-len{length}"
            value = Value(name, algorithm, XCHACHA, length, b"tenant 7", "k")
            value.kek = bytes([7] * 32)
            yield value.entry()


def refused():
    """Values with one thing wrong, and everything that depends on it right."""
    for algorithm in (XCHACHA, AES_GCM):

        def wrong(what, error, **changes):
            value = Value(f"{NAMES[algorithm]}-{what}", algorithm, algorithm, 40, b"tenant 7", "2026-11")
            for name, change in changes.items():
                setattr(value, name, change(value))
            return value.entry(error=error)

        other = XCHACHA + AES_GCM - algorithm
        flipped = lambda value: bytes([okm(value)[32] ^ 1]) + okm(value)[33:]
        okm = lambda value: expand(value.dek, value.info, 64)
        yield wrong("commitment-bit", "open", commitment=flipped)
        yield wrong("commitment-zero", "open", commitment=lambda value: bytes(32))
        yield wrong("commitment-is-key", "open", commitment=lambda value: okm(value)[:32])
        yield wrong("commitment-of-other-dek", "open", commitment=lambda value: expand(bytes(32), value.info, 64)[32:])
        yield wrong("salt-not-in-info", "open", info=lambda value: b"atrest:env:v1" + value.code)
        yield wrong("algorithm-not-in-info", "open", info=lambda value: b"atrest:env:v1" + value.salt)
        yield wrong("label-of-v2", "open", info=lambda value: b"atrest:env:v2" + value.code + value.salt)
        yield wrong("nonce-one", "open", nonce=lambda value: bytes([1]) + value.nonce[1:])
        yield wrong("aad-empty", "open", aad=lambda value: b"")
        yield wrong("aad-no-lengths", "open", aad=lambda value: PREFIX + value.code + value.context)
        yield wrong("aad-no-context", "open", aad=lambda value: joined(PREFIX, value.code, b""))
        yield wrong("aad-shifted", "open", aad=lambda value: joined(PREFIX, value.code + b"t", b"enant 7"))
        yield wrong("aad-other-algorithm", "open", aad=lambda value: joined(PREFIX, bytes([other]), value.context))
        yield wrong("code-other", "open", code=lambda value: bytes([other]))
        yield wrong("code-0", "open", code=lambda value: bytes([0]))
        yield wrong("code-3", "open", code=lambda value: bytes([3]))
        yield wrong("prefix-v2", "no_match", prefix=lambda value: b"atrest:env:v2:")
        yield wrong("key-id-empty", "open", key_id=lambda value: "")
        yield wrong("key-id-1025", "open", key_id=lambda value: "x" * 1025)
        yield wrong("key-id-unknown", "not_mine", key_id=lambda value: "2025-08")
        yield wrong("kek-aad-empty", "not_mine", kek_aad=lambda value: b"")
        kek_aad = lambda code, key_id, context: joined(b"atrest:kek:v1", bytes([code]), key_id, context)
        yield wrong("kek-aad-no-context", "not_mine", kek_aad=lambda v: kek_aad(algorithm, b"2026-11", b""))
        yield wrong("kek-aad-no-key-id", "not_mine", kek_aad=lambda v: kek_aad(algorithm, b"", v.context))
        yield wrong("kek-aad-other-algorithm", "not_mine", kek_aad=lambda v: kek_aad(other, b"2026-11", v.context))
        yield wrong("dek-31", "kek_answer", dek=lambda value: value.dek[:31])
        yield wrong("dek-33", "kek_answer", dek=lambda value: value.dek + b"x")


def main():
    path = pathlib.Path(__file__).with_suffix(".json")
    vectors = {"good": list(good()), "refused": list(refused()), "seeds": list(seeds())}
    path.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
