//! The direction of imports under src/, which keeps every layer ignorant of those above it; the length of
//! its files; and where `unsafe` may stand.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/imports.rs"]
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imports::{Sources, code_of, paths_of};

/// Modules of the crate from the bottom up; those in one line do not import each other.
const LAYERS: &[&[&str]] = &[
    &["error", "sync", "wire"],
    &["declassified"],
    &["base64"],
    &["secret"],
    &["random"],
    &["cipher"],
    &["kind"],
    &["dek", "kek"],
    &["observer"],
    &["envelope", "kms"],
    &["provider"],
    &["transformer", "inspect"],
    &["steps"],
    &["driver"],
    &["grpc"],
    &["inventory"],
    &["config"],
];

/// Modules below a parent that their siblings may import; any others leave each other alone.
const SHARED: &[&str] = &[
    "cipher::algorithm",
    "cipher::layout",
    "cipher::key",
    "cipher::budget",
    "cipher::aescbc::rustcrypto",
    "cipher::aesni",
    "cipher::aesgcm",
    "cipher::secretbox::rustcrypto",
    "cipher::xchacha",
    "cipher::xnonce_gcm",
    "driver::kek",
    "driver::link",
    "driver::flights",
    "driver::future",
    "driver::builder",
    "envelope::format",
    "envelope::lease",
    "envelope::rewrap",
    "envelope::service",
    "envelope::watch",
    "grpc::channel",
    "grpc::client",
    "grpc::codec",
    "grpc::endpoint",
    "grpc::plugin::answers",
    "grpc::plugin::authority",
    "grpc::plugin::socket",
    "grpc::proto",
    "grpc::refusal",
    "inventory::names",
    "kms::cache::key",
    "kms::clock",
    "kms::object",
    "config::configuration",
    "config::connect",
    "config::decode",
    "config::dialect",
    "config::digest",
    "config::duration",
    "config::endpoint",
    "config::fault",
    "config::json",
    "config::lint::weakness",
    "config::model",
    "config::node",
    "config::polled",
    "config::raw",
    "config::reload::live",
    "config::reload::rules",
    "config::resource",
    "config::scalar",
    "config::validate",
    "config::write::draft",
    "config::write::emit",
    "config::yaml",
    "config::build",
    "provider::walk",
    "provider::wrapped",
    "random::os",
    "transformer::watch",
];

/// The only files that may hold `unsafe`.
const UNSAFE: &[&str] = &[
    "src/cipher/aescbc/padding/x86.rs",
    "src/cipher/aescbc/x86/chain.rs",
    "src/cipher/aescbc/x86/vaes.rs",
    "src/cipher/aesgcm/x86/ghash.rs",
    "src/cipher/aesgcm/x86/pairs.rs",
    "src/cipher/aesgcm/x86/quads.rs",
    "src/cipher/aesgcm/x86/quads/passes.rs",
    "src/cipher/aesgcm/x86/vaes.rs",
    "src/cipher/aesni.rs",
    "src/cipher/secretbox/quads.rs",
    "src/cipher/secretbox/quads/against_rustcrypto.rs",
    "src/cipher/secretbox/quads/poly1305.rs",
    "src/cipher/secretbox/quads/salsa20.rs",
    "src/cipher/secretbox/x86/avx2.rs",
    "src/random/pool.rs",
];

const LINES_MAX: usize = 400;

/// Every file under src/, by its path from the root of the crate.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

fn layer(module: &str) -> Option<usize> {
    let top = module.split("::").next()?;
    LAYERS.iter().position(|layer| layer.contains(&top))
}

/// Why the module `from` may not import `to`, if it may not; lib is the empty module.
fn objection(from: &str, to: &str) -> Option<String> {
    let inside = |outer: &str, inner: &str| inner == outer || inner.starts_with(&format!("{outer}::"));
    if from.is_empty() || inside(from, to) || inside(to, from) && !to.is_empty() {
        return None;
    }
    let (Some(from_layer), Some(to_layer)) = (layer(from), layer(to)) else {
        return Some(format!("{from} imports {to:?}, which is above or unknown"));
    };
    let top = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    if top(from) == top(to) {
        let shared = SHARED.iter().any(|shared| inside(shared, to));
        return (!shared).then(|| format!("{from} imports its sibling {to}"));
    }
    (to_layer >= from_layer).then(|| format!("{from} imports {to}, which is not below it"))
}

/// Every import of the files that goes upward or sideways.
fn objections(files: &BTreeMap<String, String>) -> Vec<String> {
    let sources = Sources::new(files);
    let imports = sources.imports();
    assert!(imports.len() > files.len(), "imports were found");
    imports.iter().filter_map(|(from, to)| objection(from, to)).collect()
}

#[test]
fn imports_go_downward() {
    let found = objections(&files());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_module_has_its_place() {
    for name in files().keys() {
        let module = name.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
        assert!(module == "lib" || layer(&module).is_some(), "{name} is in no layer");
    }
}

/// The files with a line put in front of one of them.
fn planted(file: &str, line: &str) -> Vec<String> {
    let mut files = files();
    let text = files.get_mut(file).unwrap();
    *text = format!("{line}\n{text}");
    objections(&files)
}

#[test]
fn a_planted_import_is_found() {
    for (file, line) in [
        ("src/error.rs", "use crate::wire::Writer;"),
        ("src/wire.rs", "use crate::error::Result;"),
        ("src/secret.rs", "use crate::random::OsRandom;"),
        ("src/secret.rs", "pub(crate) use crate::random;"),
        ("src/secret.rs", "fn planted() { crate::random::default_source(); }"),
        ("src/secret.rs", "fn planted(_: crate::OsRandom) {}"),
        ("src/secret/vec.rs", "use super::super::random::Random;"),
        ("src/random.rs", "use crate::{\n    error::Error,\n    cipher::{layout},\n};"),
        ("src/random/adapter.rs", "use super::PooledRandom;"),
        ("src/cipher.rs", "use crate::provider::Provider;"),
        ("src/cipher/layout.rs", "use crate::provider::ProviderKind;"),
        ("src/cipher/aesgcm.rs", "use super::aescbc::AesCbcKey;"),
        ("src/cipher/aesgcm.rs", "use super::AesCbcKey;"),
        ("src/cipher/aesgcm/rustcrypto.rs", "use super::super::secretbox;"),
        ("src/provider/identity.rs", "use super::keyed::Keyed;"),
        ("src/provider/identity.rs", "use super::Keyed as Other;"),
        ("src/provider.rs", "use crate::Transformer;"),
        ("src/transformer.rs", "use crate::inspect::inspect;"),
        ("src/inspect.rs", "use crate::*;"),
    ] {
        assert_eq!(planted(file, line).len(), 1, "{line:?} in {file}: {:?}", planted(file, line));
    }
}

#[test]
fn an_honest_import_is_not_objected_to() {
    for (file, line) in [
        ("src/inspect.rs", "use crate::provider::{self as p, Provider};"),
        ("src/cipher/aesgcm.rs", "use super::{Cipher, budget, layout::Layout};"),
        ("src/provider/keyed/ring.rs", "use super::NamedKey;"),
        ("src/random.rs", "use pool::PooledRandom as P;"),
        ("src/secret.rs", "// use crate::random::OsRandom;"),
        ("src/secret.rs", "/// See [`OsRandom`](crate::OsRandom)."),
        ("src/lib.rs", "use crate::transformer::Transformer as T;"),
    ] {
        assert_eq!(planted(file, line), [""; 0], "{line:?} in {file}");
    }
}

#[test]
fn files_are_short() {
    for (name, text) in files() {
        assert!(text.lines().count() <= LINES_MAX, "{name} has {} lines", text.lines().count());
    }
}

fn says_unsafe(text: &str) -> bool {
    let code = code_of(text);
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

#[test]
fn unsafe_stands_where_it_may() {
    for (name, text) in files() {
        assert_eq!(says_unsafe(&text), UNSAFE.contains(&&*name), "{name}");
    }
    assert!(says_unsafe("fn f() {\n    unsafe { g() }\n}"));
    assert!(says_unsafe("#[cfg(test)]\nmod tests {\n    unsafe fn f() {}\n}"));
    assert!(!says_unsafe("#![deny(unsafe_code)]\n// unsafe is not here\n"));
}

#[test]
fn use_trees_are_taken_apart() {
    let text = "use a::{b, c::{self, d as e}, f::*};\npub(crate) use g::h;\nfn f() { crate::i::j() }\n";
    assert_eq!(paths_of(text), ["a::b", "a::c", "a::c::d", "a::f", "g::h", "crate::i::j"]);
}
