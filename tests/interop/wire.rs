//! Fixed checks over gRPC: upstream's clients with our plugin, and our clients with upstream's plugins.

use std::collections::BTreeMap;

use atrest::{AsyncKek, Kek, KmsClient, KmsEndpoint, KmsV1Client, Refusal, WrappedDek};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::case::World;
use crate::plan::{Plugin, socket};

/// A check by its name.
pub(crate) type Check = (&'static str, fn(&mut World));

pub(crate) const CHECKS: &[Check] = &[
    ("upstream's v2 client with our plugin", their_v2_client),
    ("upstream's v1 client with our plugin", their_v1_client),
    ("our v2 client with upstream's plugin", our_v2_client),
    ("our v1 client with upstream's plugin", our_v1_client),
    ("endpoints", endpoints),
];

const DEK: &[u8; 32] = b"thirty-two bytes that are a DEK.";

fn connect(world: &mut World, api: &str) -> u64 {
    let endpoint = format!("unix://{}", socket(&world.folder, Plugin::Ours, api));
    let request = json!({"op": "connect", "api": api, "text": endpoint, "timeout_ms": 3000});
    world.upstream.ask(&request).expect().handle
}

fn encode(annotations: &BTreeMap<String, Vec<u8>>) -> Value {
    annotations
        .iter()
        .map(|(name, value)| (name.clone(), json!(STANDARD.encode(value))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn their_v2_client(world: &mut World) {
    let handle = connect(world, "v2");
    for _ in 0..3 {
        let key_id = world.kek.key_id().unwrap().into_owned();
        let status = world.upstream.ask(&json!({"op": "status", "handle": handle})).expect();
        assert_eq!((&*status.version, &*status.healthz, &*status.key_id), ("v2", "ok", &*key_id));
        let encrypt = json!({"op": "encrypt", "handle": handle, "bytes": STANDARD.encode(DEK)});
        let wrapped = world.upstream.ask(&encrypt).expect();
        assert_eq!(wrapped.key_id, key_id);
        let unwrapped = world.kek.unwrap_dek(&WrappedDek::new(&key_id, &wrapped.bytes(), b"")).unwrap();
        assert_eq!(unwrapped.expose(), DEK);
        let mut decrypt = json!({
            "op": "decrypt", "handle": handle, "key_id": key_id,
            "bytes": STANDARD.encode(wrapped.bytes()), "annotations": encode(&wrapped.annotations()),
        });
        assert_eq!(world.upstream.ask(&decrypt).expect().bytes(), DEK);
        decrypt["bytes"] = json!(STANDARD.encode(b"not wrapped here, by anyone, ever"));
        let refused = world.upstream.ask(&decrypt);
        assert!(!refused.ok && refused.error.contains("code = InvalidArgument"), "{refused:?}");
        world.kek.write().unwrap().rotate().unwrap();
    }
    world.upstream.close(handle);
}

fn their_v1_client(world: &mut World) {
    let handle = connect(world, "v1");
    let encrypt = json!({"op": "encrypt", "handle": handle, "bytes": STANDARD.encode(DEK)});
    let wrapped = world.upstream.ask(&encrypt).expect().bytes();
    assert_eq!(world.kek.unwrap_dek(&WrappedDek::new("", &wrapped, b"")).unwrap().expose(), DEK);
    let decrypt = json!({"op": "decrypt", "handle": handle, "bytes": STANDARD.encode(wrapped)});
    assert_eq!(world.upstream.ask(&decrypt).expect().bytes(), DEK);
    world.upstream.close(handle);
}

fn our_v2_client(world: &mut World) {
    let client = KmsClient::new(KmsEndpoint::from_path(socket(&world.folder, Plugin::Upstream, "v2")));
    for key_id in ["go-a", "go-b"] {
        world.upstream.ask(&json!({"op": "rotate", "handle": world.served, "key_id": key_id})).expect();
        world.runtime.block_on(async {
            let status = client.status().await.unwrap();
            assert_eq!((status.version(), status.healthz(), status.key_id()), ("v2", "ok", key_id));
            let wrapped = client.wrap_dek(DEK, b"").await.unwrap();
            assert_eq!(wrapped.key_id(), key_id);
            let names: Vec<_> =
                wrapped.annotations().iter().map(|(name, value)| (name.as_str(), value.len())).collect();
            assert_eq!(names, [("empty.interop.example", 0), ("nonce.interop.example", 12)]);
            let annotations: Vec<_> =
                wrapped.annotations().iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            let request = WrappedDek::new(key_id, wrapped.bytes(), b"");
            let unwrapped = client.unwrap_dek(request.with_annotations(&annotations)).await.unwrap();
            assert_eq!(unwrapped.expose(), DEK);
            // Any error of a plugin in Go is `Unknown`, which lets one know nothing.
            assert_eq!(client.unwrap_dek(request).await.unwrap_err().refusal(), Refusal::Unreachable);
        });
    }
    for healthz in ["sick", "ok"] {
        world.upstream.ask(&json!({"op": "health", "handle": world.served, "text": healthz})).expect();
        assert_eq!(world.runtime.block_on(client.status()).unwrap().healthz(), healthz);
    }
}

fn our_v1_client(world: &mut World) {
    let client = KmsV1Client::new(KmsEndpoint::from_path(socket(&world.folder, Plugin::Upstream, "v1")));
    world.runtime.block_on(async {
        let wrapped = client.wrap_dek(DEK, b"").await.unwrap();
        let unwrapped = client.unwrap_dek(WrappedDek::new("", wrapped.bytes(), b"")).await.unwrap();
        assert_eq!(unwrapped.expose(), DEK);
        let refused = client.unwrap_dek(WrappedDek::new("", b"not wrapped here", b"")).await;
        assert_eq!(refused.unwrap_err().refusal(), Refusal::Unreachable);
    });
}

/// Every text of two parts and more, made of what matters in a URL.
fn endpoints(world: &mut World) {
    const SCHEMES: &[&str] = &["", "unix:", "UNIX:", "tcp:", "un1x:", ":", "1:", "unix", "u-n+i.x:"];
    const MIDDLES: &[&str] = &[
        "",
        "/",
        "//",
        "///",
        "////",
        "@",
        "/@",
        "//host",
        "//host:80",
        "//host:",
        "//host:x",
        "//u:p@h",
        "//[::1]:1",
        "//[::1",
        "//a b",
        "//%41",
        "//%c3",
        "//h%",
        "//h@",
        "//h\"",
        "//h|",
        "//é",
    ];
    const ENDS: &[&str] = &[
        "", "/a", "/@a", "a/b", "/%40a", "/%zz", "/a?b", "/a#b", "/a#%zz", "/a%", "/a b", "/a\u{7f}", "?", "/a?%zz",
        "//@a", "a:b", "/a:b", "#", "/%00",
    ];
    for scheme in SCHEMES {
        for middle in MIDDLES {
            for end in ENDS {
                let endpoint = format!("{scheme}{middle}{end}");
                let theirs = world.upstream.ask(&json!({"op": "endpoint", "text": endpoint}));
                let ours = KmsEndpoint::parse(&endpoint);
                let ours = ours.as_ref().map(|ours| ours.path().to_str().unwrap());
                let agree = ours.is_ok() == theirs.ok && ours.unwrap_or_default() == theirs.text;
                assert!(agree, "{endpoint:?}: ours {ours:?}, upstream {theirs:?}");
            }
        }
    }
}
