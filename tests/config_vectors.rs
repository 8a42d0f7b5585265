//! The recorded configuration files are accepted and refused as upstream did, at the same stage and with the same
//! meaning, and the check of that can fail.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/vectors/check.rs"]
mod check;

use check::check_text;
use serde_json::{Value, json};

const RECORDED: &str = include_str!("vectors/k8s-config.json");

fn recorded() -> Vec<Value> {
    let file: Value = serde_json::from_str(RECORDED).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn accepted() -> Vec<Value> {
    recorded().into_iter().filter(|case| case["expect"]["ok"] == true).collect()
}

/// Every one of the cases fails once `alter` has been at it.
fn each_fails(cases: &[Value], alter: impl Fn(&mut Value)) {
    assert!(!cases.is_empty());
    for case in cases {
        let mut altered = case.clone();
        alter(&mut altered);
        assert_ne!(*case, altered, "{}", case["id"]);
        let report = check_text(&json!({ "vectors": [altered] }).to_string()).unwrap();
        assert_eq!((report.passed, report.skipped), (0, 0), "{}", case["id"]);
        let [(id, difference)] = &report.failures[..] else { panic!("{} failures", report.failures.len()) };
        assert_eq!(case["id"], **id);
        assert!(!difference.starts_with("malformed") && difference != "panic", "{id}: {difference}");
    }
}

#[test]
fn every_recorded_case_agrees() {
    let report = check_text(RECORDED).unwrap();
    assert_eq!(report.failures, []);
    assert_eq!((report.passed, report.skipped), (171, 0));
}

#[test]
fn another_verdict_fails() {
    each_fails(&accepted(), |case| case["expect"] = json!({ "ok": false, "stage": "validate" }));
    let refused: Vec<_> = recorded().into_iter().filter(|case| case["expect"]["ok"] == false).collect();
    each_fails(&refused, |case| case["expect"]["ok"] = true.into());
    each_fails(&refused, |case| {
        let stage = &mut case["expect"]["stage"];
        *stage = if *stage == "decode" { "validate" } else { "decode" }.into();
    });
}

#[test]
fn another_meaning_fails() {
    for field in ["hash", "resources", "healthchecks", "kms_close_grace_period", "config"] {
        each_fails(&accepted(), |case| {
            let expected = &mut case["expect"][field];
            match expected {
                Value::Array(list) => list.push("another".into()),
                Value::Object(config) => drop(config.insert("Resources".into(), json!([]))),
                Value::String(text) if field == "hash" => text.push('0'),
                other => *other = "7h".into(),
            }
        });
    }
}

/// Each leaf of the recorded meaning counts.
#[test]
fn another_value_fails() {
    for pointer in [
        "/Resources/0/Resources/0",
        "/Resources/0/Providers/0/AESCBC/Keys/0/Name",
        "/Resources/0/Providers/0/AESGCM/Keys/0/Name",
        "/Resources/0/Providers/0/KMS/APIVersion",
        "/Resources/0/Providers/0/KMS/Name",
        "/Resources/0/Providers/0/KMS/CacheSize",
        "/Resources/0/Providers/0/KMS/Endpoint",
    ] {
        let has = |case: &Value| case["expect"]["config"].pointer(pointer).is_some();
        let cases: Vec<_> = accepted().into_iter().filter(has).collect();
        each_fails(&cases, |case| {
            *case["expect"]["config"].pointer_mut(pointer).unwrap() = json!("other");
        });
    }
    for (pointer, other) in [
        ("/Resources/0/Providers/0/AESCBC/Keys/0/Secret", json!("AAAA")),
        ("/Resources/0/Providers/0/KMS/Timeout", json!("7ns")),
    ] {
        let has = |case: &Value| case["expect"]["config"].pointer(pointer).is_some();
        let cases: Vec<_> = accepted().into_iter().filter(has).collect();
        each_fails(&cases, |case| *case["expect"]["config"].pointer_mut(pointer).unwrap() = other.clone());
    }
}
