//! What a KMS says of itself, judged as Kubernetes does, and when it is asked again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::time::Duration;

use atrest::{Error, KmsFault, KmsHealth, KmsProbe, KmsStatus, Time};

fn at(seconds: u64) -> Time {
    Time::new(Duration::from_secs(seconds))
}

fn faults(health: &KmsHealth) -> Vec<KmsFault> {
    health.faults().collect()
}

fn judge(version: &str, healthz: &str, key_id: &str) -> Vec<KmsFault> {
    faults(&KmsProbe::new().judge(&KmsStatus::new(version, healthz, key_id)))
}

#[test]
fn only_what_kubernetes_takes_is_healthy() {
    assert_eq!(judge("v2", "ok", "id1"), []);
    assert_eq!(judge("v2beta1", "ok", &"k".repeat(1024)), []);
    for healthz in ["", "OK", "ok ", "nope"] {
        assert_eq!(judge("v2", healthz, "id1"), [KmsFault::Healthz], "{healthz:?}");
    }
    for version in ["", "v1", "V2", "v2alpha1", "v2beta2", "v3"] {
        assert_eq!(judge(version, "ok", "id1"), [KmsFault::Version], "{version:?}");
    }
    for key_id in ["", &"k".repeat(1025), &"\u{e9}".repeat(513)] {
        assert_eq!(judge("v2", "ok", key_id), [KmsFault::KeyId], "{}", key_id.len());
    }
}

#[test]
fn all_faults_are_told() {
    assert_eq!(judge("v1", "nope", ""), [KmsFault::Healthz, KmsFault::Version, KmsFault::KeyId]);
    let health = KmsHealth::HEALTHY
        .with(KmsFault::Rotation(Error::KekUnreachable))
        .with(KmsFault::VersionChanged)
        .with(KmsFault::Healthz);
    let expected = [KmsFault::Healthz, KmsFault::VersionChanged, KmsFault::Rotation(Error::KekUnreachable)];
    assert_eq!(faults(&health), expected);
    assert!(!health.is_healthy());
    let printed = health.to_string();
    assert_eq!(printed.split("; ").count(), 3, "{printed}");
    assert_eq!(KmsHealth::HEALTHY.to_string(), "the KMS is healthy");
}

#[test]
fn the_version_must_be_the_first_known_one() {
    for (first, other) in [("v2", "v2beta1"), ("v2beta1", "v2")] {
        let mut probe = KmsProbe::new();
        let mut judge = |version: &str| faults(&probe.judge(&KmsStatus::new(version, "ok", "id1")));
        assert_eq!(judge("v1"), [KmsFault::Version], "an unknown one is not the first");
        assert_eq!(judge(first), []);
        assert_eq!(judge(other), [KmsFault::VersionChanged]);
        assert_eq!(judge(other), [KmsFault::VersionChanged]);
        assert_eq!(judge("v1"), [KmsFault::Version]);
        assert_eq!(judge(first), []);
    }
    // An unhealthy KMS has a version too.
    let mut probe = KmsProbe::new();
    assert_eq!(faults(&probe.judge(&KmsStatus::new("v2", "nope", ""))).len(), 2);
    assert_eq!(faults(&probe.judge(&KmsStatus::new("v2beta1", "ok", "id1"))), [KmsFault::VersionChanged]);
}

#[test]
fn a_verdict_is_kept_for_less_than_20_seconds_if_healthy_and_3_if_not() {
    let sick = KmsHealth::HEALTHY.with(KmsFault::Status(Error::KekUnreachable));
    for (health, seconds) in [(KmsHealth::HEALTHY, 20), (sick, 3)] {
        let mut probe = KmsProbe::new();
        assert_eq!(probe.cached(at(0)), None, "the first call is never cached");
        probe.record(at(100), health);
        let last = Time::new(Duration::from_secs(100 + seconds) - Duration::from_nanos(1));
        assert_eq!(probe.cached(at(100)), Some(health));
        assert_eq!(probe.cached(last), Some(health));
        assert_eq!(probe.cached(at(100 + seconds)), None);
    }
}

#[test]
fn the_latest_verdict_counts() {
    let sick = KmsHealth::HEALTHY.with(KmsFault::Healthz);
    let mut probe = KmsProbe::new();
    probe.record(at(100), sick);
    probe.record(at(103), KmsHealth::HEALTHY);
    assert_eq!(probe.cached(at(104)), Some(KmsHealth::HEALTHY));
    probe.record(at(105), sick);
    assert_eq!(probe.cached(at(107)), Some(sick));
    assert_eq!(probe.cached(at(108)), None);
}

#[test]
fn a_check_is_due_at_once_then_each_minute_and_10_seconds_after_a_failure() {
    let mut probe = KmsProbe::new();
    assert_eq!(probe.due(), at(0));
    for fault in [KmsFault::Status(Error::KekUnreachable), KmsFault::Rotation(Error::KekAnswer)] {
        probe.record(at(100), KmsHealth::HEALTHY.with(fault));
        assert_eq!(probe.due(), at(110));
    }
    probe.record(at(110), KmsHealth::HEALTHY);
    assert_eq!(probe.due(), at(170));
}

/// What is due is never answered from the cache.
#[test]
fn a_check_that_is_due_asks() {
    for health in [KmsHealth::HEALTHY, KmsHealth::HEALTHY.with(KmsFault::Version)] {
        let mut probe = KmsProbe::new();
        probe.record(at(100), health);
        assert_eq!(probe.cached(probe.due()), None);
    }
}

#[test]
fn a_status_is_as_it_was_given() {
    let status = KmsStatus::new("v2", "ok", "id1");
    assert_eq!((status.version(), status.healthz(), status.key_id()), ("v2", "ok", "id1"));
}
