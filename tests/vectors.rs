//! The recorded cases of the genuine implementation pass, and the check of them can fail.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/vectors/check.rs"]
mod check;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use check::{Report, check_text};

const RECORDED: &str = include_str!("vectors/k8s-storage.json");

fn recorded() -> Vec<Value> {
    let file: Value = serde_json::from_str(RECORDED).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn names_kms(case: &Value) -> bool {
    case["providers"].as_array().unwrap().iter().any(|provider| provider.get("kms").is_some())
}

fn is_write(case: &Value) -> bool {
    case.get("op").is_some()
}

fn is_ok(case: &Value) -> bool {
    case["expect"]["ok"] == true
}

/// Whether a case can run: those with a KMS only where that is built.
fn is_run(case: &Value) -> bool {
    cfg!(feature = "kms") || !names_kms(case)
}

/// The recorded cases that are run and of which `filter` holds.
fn run_cases(filter: impl Fn(&Value) -> bool) -> Vec<Value> {
    let cases: Vec<_> = recorded().into_iter().filter(|case| is_run(case) && filter(case)).collect();
    assert!(!cases.is_empty());
    cases
}

fn check(cases: &[Value]) -> Report {
    check_text(&json!({ "vectors": cases }).to_string()).unwrap()
}

fn flip_byte(field: &mut Value, at: impl Fn(usize) -> usize) {
    let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    *field = STANDARD.encode(bytes).into();
}

/// Every one of the cases passes as it was recorded and fails once `alter` has been at it.
fn each_fails(cases: &[Value], alter: impl Fn(&mut Value)) {
    for case in cases {
        let before = check(core::slice::from_ref(case));
        assert_eq!((before.passed, before.failures.len()), (1, 0), "{}", case["id"]);
        let mut altered = case.clone();
        alter(&mut altered);
        let report = check(&[altered]);
        assert_eq!((report.passed, report.skipped), (0, 0), "{}", case["id"]);
        let [(id, difference)] = &report.failures[..] else { panic!("{} failures", report.failures.len()) };
        assert_eq!(case["id"], **id);
        assert!(!difference.starts_with("malformed") && difference != "panic", "{id}: {difference}");
    }
}

#[test]
fn every_recorded_case_that_can_run_passes() {
    let report = check_text(RECORDED).unwrap();
    assert_eq!(report.failures, []);
    let cases = recorded();
    assert_eq!(report.skipped, cases.iter().filter(|case| !is_run(case)).count());
    assert_eq!(report.passed, cases.len() - report.skipped);
    assert!(report.passed > 0);
}

#[test]
fn another_verdict_fails() {
    each_fails(&run_cases(is_ok), |case| case["expect"] = json!({ "ok": false, "class": "auth_failed" }));
    let refused = run_cases(|case| !is_ok(case) && !is_write(case));
    each_fails(&refused, |case| case["expect"] = json!({ "ok": true, "plaintext": { "b64": "" }, "stale": false }));
}

#[test]
fn another_stale_fails() {
    each_fails(&run_cases(|case| is_ok(case) && !is_write(case)), |case| {
        let stale = &mut case["expect"]["stale"];
        *stale = (!stale.as_bool().unwrap()).into();
    });
}

#[test]
fn another_plaintext_fails() {
    let opened = |case: &Value| is_ok(case) && !is_write(case);
    let nonempty = |case: &Value| case["expect"]["plaintext"]["b64"].as_str().is_some_and(|text| !text.is_empty());
    each_fails(&run_cases(|case| opened(case) && nonempty(case)), |case| {
        flip_byte(&mut case["expect"]["plaintext"]["b64"], |len| len / 2);
    });
    each_fails(&run_cases(|case| case["expect"]["plaintext"]["b64"] == ""), |case| {
        case["expect"]["plaintext"] = json!({ "b64": "AA==" });
    });
    let patterns = run_cases(|case| case["expect"]["plaintext"]["pattern"].is_object());
    each_fails(&patterns, |case| case["expect"]["plaintext"]["pattern"]["seed"] = 256.into());
    each_fails(&patterns, |case| {
        let len = &mut case["expect"]["plaintext"]["pattern"]["len"];
        *len = (len.as_u64().unwrap() - 1).into();
    });
}

#[test]
fn an_altered_stored_value_fails() {
    // Of a KMS v2 value the key id and the annotations are not authenticated.
    let authenticated = |case: &Value| case["group"] != "kmsv2";
    let has_bytes = |case: &Value| is_ok(case) && !is_write(case) && case["stored_b64"] != "" && authenticated(case);
    for at in [|_| 0, |len| len / 2, |len| len - 1] {
        each_fails(&run_cases(has_bytes), |case| flip_byte(&mut case["stored_b64"], at));
    }
}

#[test]
fn another_aad_fails_where_it_is_bound() {
    let bound = |case: &Value| is_ok(case) && !is_write(case) && case["group"] == "aesgcm";
    each_fails(&run_cases(bound), |case| case["aad_b64"] = STANDARD.encode("/registry/elsewhere").into());
}

/// These read as recorded; only the bytes of the write differ, in the key, the nonce's place or the padding.
#[test]
fn another_write_than_the_stored_value_fails() {
    each_fails(&run_cases(|case| case["expect"]["stale"] == true), |case| case["written_by_go"] = true.into());
    let padded_by_hand = ["aescbc-pad17-2blocks", "aescbc-pad255-16blocks"];
    let laxly_padded = run_cases(|case| padded_by_hand.contains(&case["id"].as_str().unwrap()));
    each_fails(&laxly_padded, |case| case["written_by_go"] = true.into());
}

#[test]
fn another_write_than_the_recorded_one_fails() {
    let writes = run_cases(|case| is_write(case) && is_ok(case));
    each_fails(&writes, |case| {
        let len = &mut case["expect"]["len"];
        *len = (len.as_u64().unwrap() + 1).into();
    });
    each_fails(&writes, |case| flip_byte(&mut case["expect"]["prefix_b64"], |len| len - 1));
}

#[test]
fn another_routing_error_fails() {
    let classes = ["no_matching_prefix", "no_matching_key", "identity_read_encrypted", "auth_failed"];
    for class in classes {
        let refused = run_cases(|case| case["expect"]["class"] == class);
        for other in classes.into_iter().filter(|&other| other != class) {
            each_fails(&refused, |case| case["expect"]["class"] = other.into());
        }
    }
}

#[test]
fn what_is_not_built_is_skipped_and_counted() {
    let mut unknown = run_cases(is_ok).remove(0);
    unknown["providers"].as_array_mut().unwrap().push(json!({ "rot13": { "keys": [] } }));
    let config = json!({ "id": "a file", "reload": false, "config": "kind: x", "expect": { "ok": true } });
    let report = check(&[unknown, run_cases(is_ok).remove(0)]);
    assert_eq!(report.to_string(), "1 passed, 0 failed, 1 skipped");
    let about_a_file =
        if cfg!(feature = "config") { "0 passed, 1 failed, 0 skipped" } else { "0 passed, 0 failed, 1 skipped" };
    assert_eq!(check(&[config]).to_string(), about_a_file);
}

#[test]
fn unknown_fields_and_null_providers_change_nothing() {
    let mut cases = run_cases(|_| true);
    for case in &mut cases {
        case["unheard_of"] = json!({ "a": [1] });
        case["expect"]["unheard_of"] = json!(1);
        let other = if case["providers"][0].get("kms").is_some() { "identity" } else { "kms" };
        case["providers"][0][other] = Value::Null;
    }
    let report = check(&cases);
    assert_eq!((report.passed, report.failures.len(), report.skipped), (cases.len(), 0, 0));
}

#[test]
fn a_malformed_case_is_a_failure_of_its_own() {
    let keyed = |case: &Value| case["group"] == "aesgcm" && case["expect"]["plaintext"]["b64"].is_string();
    let good = run_cases(keyed).remove(0);
    let alterations: [(&str, Value); 17] = [
        ("", json!("not an object")),
        ("/providers", Value::Null),
        ("/providers", json!([])),
        ("/providers/0", json!({})),
        ("/providers/0", json!({ "identity": {}, "aesgcm": {} })),
        ("/providers/0/aesgcm", json!({})),
        ("/providers/0/aesgcm/keys", json!([])),
        ("/providers/0/aesgcm/keys/0/name", json!("")),
        ("/providers/0/aesgcm/keys/0/secret", json!("AAAA")),
        ("/providers/0/aesgcm/keys/0/secret", json!("!")),
        ("/aad_b64", json!("-")),
        ("/stored_b64", Value::Null),
        ("/expect", json!({})),
        ("/expect/ok", json!("true")),
        ("/expect/stale", Value::Null),
        ("/expect/plaintext", json!({ "pattern": { "len": u64::MAX, "seed": 0 } })),
        ("/expect/plaintext", json!({ "pattern": { "len": -1, "seed": 0 } })),
    ];
    let mut cases: Vec<Value> = alterations
        .iter()
        .map(|(place, value)| {
            let mut case = good.clone();
            *case.pointer_mut(place).unwrap() = value.clone();
            case
        })
        .collect();
    for op in ["decrypt", "encrypt"] {
        let mut case = good.clone();
        case["op"] = op.into();
        cases.push(case);
    }
    cases.push(good);
    let report = check(&cases);
    assert_eq!((report.passed, report.failures.len(), report.skipped), (1, cases.len() - 1, 0));
    for (id, difference) in &report.failures {
        assert!(difference.starts_with("malformed"), "{id}: {difference}");
    }
}

#[test]
fn a_text_without_cases_is_an_error() {
    for text in ["", "{", "[]", "{}", r#"{"vectors":{}}"#, "\0"] {
        assert!(check_text(text).is_err(), "{text}");
    }
}
