#!/usr/bin/env python3
"""Writes the seed corpora of `open`, `inspect`, `base64`, `kms_object`, `envelope` and `config` from recorded values.

The corpora are committed; run this again when the shape of an input changes. The corpora of `backends`, `seal_open` and `config_write`,
and what has a hash for a name in that of `envelope`, are inputs that the fuzzer itself found: their shape is that of the `arbitrary`
crate. That of `authority` is written by `capture.py`.
"""

import base64
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "tests" / "vectors" / "k8s-storage.json"
ENVELOPES = HERE.parent / "tests" / "vectors" / "envelope.json"
CONFIGS = VECTORS.with_name("k8s-config.json")
FILES_MAX = 50
STORED_MAX = 260


def main():
    vectors = json.loads(VECTORS.read_text())["vectors"]
    reads = [v for v in vectors if "op" not in v and len(stored(v)) <= STORED_MAX]
    secrets = re.findall(r'\("[^"]+", "([^"]+)"\)', (HERE / "src" / "keys.rs").read_text())
    known = [v for v in reads if any(secret in secrets for secret in secrets_of(v))]
    write("open", {v["id"]: value(v) for v in spread(known)})
    write("inspect", {v["id"]: value(v) for v in spread(reads)})
    write("base64", base64_texts(secrets))
    write("kms_object", kms_objects(reads))
    envelopes = json.loads(ENVELOPES.read_text())["seeds"]
    write("envelope", {v["id"]: envelope(v) for v in envelopes})
    configs = json.loads(CONFIGS.read_text())["vectors"]
    write("config", {v["id"]: config(v) for v in spread(configs)})


def stored(vector):
    return base64.b64decode(vector.get("stored_b64", ""))


def secrets_of(vector):
    for provider in vector["providers"]:
        for settings in provider.values():
            for key in (settings or {}).get("keys", []):
                yield key["secret"]


def spread(vectors):
    """At most as many as a corpus holds, evenly from the whole list."""
    step = max(1, -(-len(vectors) // FILES_MAX))
    return vectors[::step]


def value(vector):
    """The input of `src/value.rs`, with nothing put in front of the stored value."""
    aad = base64.b64decode(vector["aad_b64"])[:255]
    return bytes([len(aad), 0]) + aad + stored(vector)


def envelope(vector):
    """A raw input of `fuzz_targets/envelope.rs`."""
    context = base64.b64decode(vector["context_b64"])
    return bytes([0, len(context)]) + context + stored(vector)


def config(vector):
    """The input of `fuzz_targets/config.rs`."""
    return bytes([vector["reload"]]) + vector["config"].encode()


def base64_texts(secrets):
    texts = {f"secret-{i}": secret for i, secret in enumerate(secrets[:8])}
    key = secrets[0]
    texts |= {
        "empty": "",
        "one-byte": "Zg==",
        "two-bytes": "Zm8=",
        "trailing-bits": "Zh==",
        "no-padding": "Zg",
        "too-much-padding": "Zg===",
        "padding-in-front": "=Zg=",
        "padding-only": "====",
        "two-texts": "Zg==Zg==",
        "url-alphabet": "-_-_",
        "space": "Zm 8=",
        "lines": "\r\n".join(key[i : i + 8] for i in range(0, len(key), 8)) + "\n",
        "line-in-padding": "Zg=\n=\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def kms_objects(vectors):
    """What stands behind the prefix of a KMS v2 value, each once."""
    by_content = {}
    for vector in vectors:
        prefix, _, object_ = stored(vector).removeprefix(b"k8s:enc:").partition(b":v2:")
        if prefix == b"kms" and vector["id"].startswith("kmsv2"):
            by_content.setdefault(object_.partition(b":")[2], vector["id"])
    return {id_: object_ for object_, id_ in spread(list(by_content.items()))}


def write(target, files):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
