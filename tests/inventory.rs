//! What an inventory counts, when it lets a key go, that hostile values neither fill memory nor break its table.
#![allow(clippy::unwrap_used, clippy::panic)]

use atrest::{Count, Inventory, ProviderKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const GCM: ProviderKind = ProviderKind::AesGcm;
const CBC: ProviderKind = ProviderKind::AesCbc;

fn count(values: u64, bytes: u64) -> Count {
    let mut count = Count::default();
    (count.values, count.bytes) = (values, bytes);
    count
}

/// What follows the prefix of a kind.
fn stored(kind: ProviderKind, rest: &[u8]) -> Vec<u8> {
    [kind.prefix().as_bytes(), rest].concat()
}

/// A value under one name of aesgcm: 28 bytes that are no text.
fn gcm(name: &str) -> Vec<u8> {
    stored(GCM, &[name.as_bytes(), b":", &[0xff; 28]].concat())
}

fn inventory_of(values: &[Vec<u8>]) -> Inventory {
    let mut inventory = Inventory::new();
    values.iter().for_each(|value| inventory.add(value));
    inventory
}

/// The providers of a case, as kind and name, and its stored value.
type Case = (Vec<(ProviderKind, String)>, Vec<u8>);

/// The cases of the recorded file that opened.
fn recorded() -> Vec<Case> {
    let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
    let cases = file["vectors"].as_array().unwrap().iter();
    let opened = cases.filter(|case| case["expect"]["ok"] == true && case["stored_b64"].is_string());
    opened.filter(|case| case["read_resource"].is_null()).map(|case| (providers(case), value(case))).collect()
}

fn value(case: &Value) -> Vec<u8> {
    STANDARD.decode(case["stored_b64"].as_str().unwrap()).unwrap()
}

fn providers(case: &Value) -> Vec<(ProviderKind, String)> {
    let mut found = Vec::new();
    for entry in case["providers"].as_array().unwrap() {
        let (kind, settings) = entry.as_object().unwrap().iter().next().unwrap();
        let kind = match (kind.as_str(), settings["apiVersion"].as_str()) {
            ("aescbc", _) => CBC,
            ("aesgcm", _) => GCM,
            ("secretbox", _) => ProviderKind::Secretbox,
            ("identity", _) => ProviderKind::Identity,
            ("kms", Some("v2")) => ProviderKind::KmsV2,
            ("kms", _) => ProviderKind::KmsV1,
            (other, _) => panic!("{other}"),
        };
        let keys = settings["keys"].as_array().into_iter().flatten();
        let name = |named: &Value| named["name"].as_str().map(Into::into);
        found.extend(keys.filter_map(name).map(|name| (kind, name)));
        found.extend(name(settings).map(|name| (kind, name)));
        found.extend((kind == ProviderKind::Identity).then(|| (kind, String::new())));
    }
    found
}

#[test]
fn what_kubernetes_can_read_is_never_let_go() {
    let cases = recorded();
    assert!(cases.len() > 200, "{} cases", cases.len());
    let mut all = Inventory::new();
    let mut single = 0;
    for (providers, value) in &cases {
        all.add(value);
        let inventory = inventory_of(core::slice::from_ref(value));
        assert_eq!(inventory.total(), count(1, value.len() as u64));
        assert_eq!((inventory.unreadable(), inventory.others()), (Count::default(), Count::default()));
        let needed = |(kind, name): &(ProviderKind, String)| !inventory.can_retire(*kind, name);
        assert!(providers.iter().any(needed), "{providers:?} {}", value.escape_ascii());
        if let [(kind, name)] = &providers[..] {
            single += 1;
            let own =
                if *kind == ProviderKind::Identity { inventory.unencrypted() } else { inventory.count(*kind, name) };
            assert_eq!(own, inventory.total());
            assert!(inventory.can_retire(*kind, "another") || *kind == ProviderKind::Identity);
            let others = [CBC, GCM, ProviderKind::Secretbox, ProviderKind::KmsV1, ProviderKind::KmsV2]
                .iter()
                .filter(|other| *other != kind);
            others.for_each(|other| assert!(inventory.can_retire(*other, name)));
        }
    }
    assert!(single > 150, "{single} cases with one key");
    assert_eq!(all.total(), count(cases.len() as u64, cases.iter().map(|(_, value)| value.len() as u64).sum()));
    assert_eq!(all.unreadable(), Count::default());
    assert!(cases.iter().all(|(providers, _)| providers.iter().any(|(kind, name)| !all.can_retire(*kind, name))));
}

#[test]
fn a_key_goes_when_nothing_can_be_its_own() {
    let inventory = inventory_of(&[gcm("new"), gcm("new"), gcm("old"), b"plain".to_vec()]);
    // 18 of the prefix, 3 of the name, 1 of the colon, 28 behind it.
    assert_eq!(inventory.count(GCM, "new"), count(2, 100));
    assert_eq!(inventory.count(GCM, "old"), count(1, 50));
    assert_eq!(inventory.unencrypted(), count(1, 5));
    assert_eq!(inventory.total(), count(4, 155));
    for (kind, name, can_retire) in [
        (GCM, "new", false),
        (GCM, "old", false),
        (GCM, "ol", true),
        (GCM, "", true),
        (CBC, "old", true),
        (ProviderKind::KmsV2, "old", true),
        (ProviderKind::Identity, "", false),
    ] {
        assert_eq!(inventory.can_retire(kind, name), can_retire, "{kind} {name}");
    }
    assert!(inventory_of(&[gcm("new")]).can_retire(ProviderKind::Identity, ""));
    assert!(inventory_of(&[]).can_retire(GCM, "old"));
}

#[test]
fn an_ambiguous_value_counts_under_every_name() {
    let value = stored(GCM, &[b"a:b:c:", &[0xff; 28][..]].concat());
    let inventory = inventory_of(&[value.clone(), gcm("a")]);
    let len = value.len() as u64;
    assert_eq!(inventory.count(GCM, "a"), count(2, len + 48));
    assert_eq!((inventory.count(GCM, "a:b"), inventory.count(GCM, "a:b:c")), (count(1, len), count(1, len)));
    assert_eq!(inventory.total().values, 2);
    let rows: Vec<_> = inventory.rows().map(|row| (row.name(), row.count().values, row.ambiguous())).collect();
    assert_eq!(rows, [("a", 2, 1), ("a:b", 1, 1), ("a:b:c", 1, 1)]);
    for (name, can_retire) in [("a", false), ("a:b", false), ("a:b:c", false), ("b", true), ("a:b:c:", true)] {
        assert_eq!(inventory.can_retire(GCM, name), can_retire, "{name}");
    }
    // 32 bytes behind the longer name, 34 behind the shorter one, which aescbc never writes.
    let inventory = inventory_of(&[stored(CBC, &[b"a:b:", &[0xff; 32][..]].concat())]);
    assert_eq!((inventory.can_retire(CBC, "a"), inventory.can_retire(CBC, "a:b")), (true, false));
}

#[test]
fn nothing_goes_while_a_value_is_unreadable() {
    let unreadable = [
        b"k8s:enc:".to_vec(),
        b"k8s:enc:rot13:v1:key1:x".to_vec(),
        stored(GCM, b""),
        stored(GCM, b"no colon"),
        stored(GCM, b":no name"),
        stored(GCM, b"old:too short"),
        stored(GCM, &[0xff; 100]),
        stored(CBC, &[b"old:", &[0xff; 33][..]].concat()),
        stored(ProviderKind::KmsV1, b"vault:\0\x09cut"),
        stored(ProviderKind::KmsV2, b"vault:"),
    ];
    for value in unreadable {
        let inventory = inventory_of(&[gcm("new"), value.clone()]);
        assert_eq!(inventory.unreadable(), count(1, value.len() as u64), "{}", value.escape_ascii());
        for kind in [GCM, CBC, ProviderKind::KmsV1, ProviderKind::KmsV2, ProviderKind::Identity] {
            assert!(!inventory.can_retire(kind, "old") && !inventory.can_retire_key_id(kind, "vault", "id"));
        }
    }
}

/// An object with 28 bytes of data, which is nonce and tag of an empty plaintext.
fn object(key_id: &str) -> Vec<u8> {
    let len = [u8::try_from(key_id.len()).unwrap()];
    let object = [b"vault:\x0a\x1c", &[0xff; 28][..], b"\x12", &len, key_id.as_bytes(), b"\x1a\x01d"].concat();
    stored(ProviderKind::KmsV2, &object)
}

#[test]
fn kms_values_count_under_their_provider() {
    let v1 = stored(ProviderKind::KmsV1, &[b"vault:\0\x03dek", &[0xff; 28][..]].concat());
    let v2 = object("id-1");
    let inventory = inventory_of(&[v1.clone(), v2.clone(), v2.clone()]);
    assert_eq!(inventory.count(ProviderKind::KmsV1, "vault"), count(1, v1.len() as u64));
    assert_eq!(inventory.count(ProviderKind::KmsV2, "vault"), count(2, 2 * v2.len() as u64));
    for kind in [ProviderKind::KmsV1, ProviderKind::KmsV2] {
        assert!(!inventory.can_retire(kind, "vault") && inventory.can_retire(kind, "another"));
        assert!(inventory.can_retire_key_id(kind, "another", "id-1"));
    }
    assert!(!inventory.can_retire_key_id(ProviderKind::KmsV1, "vault", "id-1"), "whose key id cannot be told");
}

#[cfg(feature = "kms")]
#[test]
fn a_key_of_a_kms_goes_when_nothing_names_its_id() {
    let inventory = inventory_of(&[object("id-1"), object("id-1"), object("id-2")]);
    let rows: Vec<_> = inventory.rows().map(|row| (row.name(), row.key_id(), row.count().values)).collect();
    assert_eq!(rows, [("vault", Some("id-1"), 2), ("vault", Some("id-2"), 1)]);
    for (key_id, can_retire) in [("id-1", false), ("id-2", false), ("id-3", true), ("id", true)] {
        assert_eq!(inventory.can_retire_key_id(ProviderKind::KmsV2, "vault", key_id), can_retire, "{key_id}");
    }
    let mut cut = object("id-1");
    cut.pop();
    assert_eq!(inventory_of(&[cut]).unreadable().values, 1);
}

#[test]
fn a_key_of_an_own_envelope_goes_by_its_id() {
    // Algorithm, key id, wrapped DEK, and 80 bytes that an empty plaintext is sealed to.
    let value = stored(ProviderKind::Envelope, &[b"\x01\0\x04id-1\0\x01d", &[0xff; 80][..]].concat());
    let inventory = inventory_of(&[value]);
    let rows: Vec<_> = inventory.rows().map(|row| (row.key_id(), row.count().values)).collect();
    assert_eq!(rows, [(Some("id-1"), 1)]);
    for name in ["", "id-1", "vault"] {
        assert!(!inventory.can_retire_key_id(ProviderKind::Envelope, name, "id-1"));
        assert!(inventory.can_retire_key_id(ProviderKind::Envelope, name, "id-2"));
    }
    assert!(!inventory.can_retire_key_id(GCM, "key", "key"), "which has no KEK");
}

#[test]
fn names_are_bounded_and_what_is_beyond_keeps_every_key() {
    let many: Vec<_> = (0..Inventory::ROWS_MAX).map(|index| gcm(&format!("k{index}"))).collect();
    let mut inventory = inventory_of(&many);
    assert!(inventory.can_retire(GCM, "old"));
    inventory.add(&gcm("k0"));
    assert_eq!((inventory.others().values, inventory.count(GCM, "k0").values), (0, 2));
    inventory.add(&gcm("one too many"));
    assert_eq!((inventory.others().values, inventory.rows().count()), (1, Inventory::ROWS_MAX));
    assert!(!inventory.can_retire(GCM, "old") && !inventory.can_retire(GCM, "one too many"));
    assert!(!inventory.can_retire_key_id(ProviderKind::KmsV2, "vault", "id"));
}

#[test]
fn long_names_are_not_held() {
    let longest = "x".repeat(1024);
    let inventory = inventory_of(&[gcm(&longest)]);
    assert_eq!((inventory.count(GCM, &longest).values, inventory.others().values), (1, 0));
    let inventory = inventory_of(&[gcm(&format!("{longest}x"))]);
    assert_eq!((inventory.rows().count(), inventory.others().values), (0, 1));
    assert!(!inventory.can_retire(GCM, "old") && !inventory.can_retire(GCM, &format!("{longest}x")));
}

#[test]
fn expected_names_are_held_whatever_else_there_is() {
    let long = "y".repeat(5000);
    let mut inventory = Inventory::new().expecting(GCM, "old").expecting(GCM, &long).expecting(CBC, "cbc");
    let hostile = stored(GCM, &b":".repeat(100_000));
    (0..2 * Inventory::ROWS_MAX).for_each(|index| inventory.add(&gcm(&format!("k{index}"))));
    inventory.add(&hostile);
    assert_eq!(inventory.rows().count(), Inventory::ROWS_MAX + 3);
    assert!(inventory.others().values > 0 && !inventory.can_retire(GCM, "unexpected"));
    assert!(inventory.can_retire(GCM, "old") && inventory.can_retire(GCM, &long) && inventory.can_retire(CBC, "cbc"));
    // Room for a long name is for that name.
    inventory.add(&gcm(&long[..2000]));
    assert_eq!(inventory.count(GCM, &long[..2000]).values, 0);
    inventory.add(&gcm(&long));
    inventory.add(&gcm("old"));
    assert_eq!((inventory.count(GCM, &long).values, inventory.count(GCM, "old").values), (1, 1));
    assert!(!inventory.can_retire(GCM, "old") && !inventory.can_retire(GCM, &long) && inventory.can_retire(CBC, "cbc"));
    // Expected too late: what is beyond the bounds may have been its own.
    let late = inventory.expecting(GCM, "late");
    assert!(!late.can_retire(GCM, "late") && !late.can_retire_key_id(GCM, "late", "id"));
}

#[test]
fn hostile_values_are_counted_once_each_without_harm() {
    let mut inventory = Inventory::new();
    let colons = b":".repeat(200_000);
    let pairs = b"a:".repeat(100_000);
    for kind in [GCM, CBC, ProviderKind::Secretbox, ProviderKind::KmsV1, ProviderKind::KmsV2] {
        for rest in [&b""[..], b":", b"\xff", b"a:", &colons, &pairs] {
            inventory.add(&stored(kind, rest));
        }
    }
    assert_eq!(inventory.total().values, 30);
    assert!(inventory.rows().all(|row| row.name().len() <= 1024) && inventory.others().values > 0);
    assert!(inventory.rows().count() <= Inventory::ROWS_MAX);
    assert!(inventory.to_string().len() < 1_000_000);
}

#[test]
fn the_table_is_escaped_and_cut() {
    let name = "\u{202e}\u{1b}[2J\r\n\"é";
    let mut inventory = Inventory::new().expecting(CBC, "gone");
    let ambiguous = stored(GCM, &[b"a:b:", &[0xff; 28][..]].concat());
    for value in
        [gcm(name), gcm(&"n".repeat(100)), ambiguous, b"plain".to_vec(), b"k8s:enc:".to_vec(), gcm(&"n".repeat(2000))]
    {
        inventory.add(&value);
    }
    let table = inventory.to_string();
    assert!(
        table.chars().all(|symbol| symbol == '\n' || !symbol.is_control()) && !table.contains('\u{202e}'),
        "{table}"
    );
    let n = "n".repeat(64);
    let expected = [
        "      values            bytes  written by",
        "           0                0  aescbc, key name \"gone\"",
        "           1               50  aesgcm, key name \"a\", 1 perhaps of another name",
        "           1               50  aesgcm, key name \"a:b\", 1 perhaps of another name",
        &format!("           1              147  aesgcm, key name \"{n}\"... of 100 bytes"),
        "           1               59  aesgcm, key name \"\\u{202e}\\u{1b}[2J\\r\\n\\\"é\"",
        "           1                5  identity",
        "           1                8  unknown: of no known mechanism, or damaged",
        "           1             2047  others: names too many or too long to hold",
        "           6             2316  in all",
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    let shown = format!("{inventory:?} {:?}", inventory.rows().collect::<Vec<_>>());
    assert!(shown.chars().all(|symbol| !symbol.is_control()) && !shown.contains("plain"), "{shown}");
}
