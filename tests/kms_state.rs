//! The state of the key that KMS v2 values are written with: every transition, by a clock that is a value.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/doubles.rs"]
mod doubles;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use atrest::{
    DekLimits, DekScheme, DekSourceKind, EncryptedObject, Error, KmsAction, KmsRotation, KmsState, OpenDek, SealDek,
    Time, Wrapped, WriteKey,
};
use doubles::Counter;

const START: u64 = 1_000;
/// The time that Kubernetes writes with a key after it was named.
const VALID: u64 = 180;

fn at(seconds: u64) -> Time {
    Time::new(Duration::from_secs(seconds))
}

fn state() -> KmsState {
    KmsState::new(DekSourceKind::Seed, DekLimits::NIST)
}

fn rotation(action: KmsAction) -> KmsRotation {
    match action {
        KmsAction::Wrap(rotation) => rotation,
        other => panic!("{other:?}"),
    }
}

/// Has a key installed under this id at that time.
fn rotate(state: &mut KmsState, asked_at: u64, key_id: &str) -> Arc<WriteKey> {
    let due = rotation(state.on_status(at(asked_at), key_id).unwrap());
    state.install(due, answer(key_id)).unwrap();
    state.read().unwrap()
}

fn answer(key_id: &str) -> Wrapped {
    Wrapped::new(key_id, *b"wrapped")
}

fn installed() -> (KmsState, Arc<WriteKey>) {
    let mut state = state();
    let key = rotate(&mut state, START, "id1");
    (state, key)
}

/// The key and its expiration are as they were.
fn assert_untouched(state: &KmsState, key: &Arc<WriteKey>, expiration: u64) {
    assert!(Arc::ptr_eq(&state.read().unwrap(), key));
    assert_eq!(state.expiration(), Some(at(expiration)));
    assert!(Arc::ptr_eq(&state.write(at(expiration)).unwrap(), key));
    assert_eq!(state.write(at(expiration + 1)).unwrap_err(), Error::KmsExpired);
}

#[test]
fn nothing_is_read_or_written_before_the_first_key() {
    let mut state = state();
    let due = rotation(state.on_status(at(START), "id1").unwrap());
    assert_eq!(state.write(at(START)).unwrap_err(), Error::KmsNotReady);
    assert_eq!(state.read().unwrap_err(), Error::KmsNotReady);
    assert_eq!(state.expiration(), None);
    assert_eq!((due.key_id(), due.asked_at()), ("id1", at(START)));
    assert!(Error::KmsNotReady.is_retryable());
}

#[test]
fn the_first_status_makes_a_key() {
    let mut state = state();
    let due = rotation(state.on_status(at(START), "id1").unwrap());
    let dek = *due.expose_dek();
    assert_ne!(dek, [0; 32]);
    let wrapped = answer("id1").with_annotations(BTreeMap::from([("a.b".into(), vec![1])]));
    state.install(due, wrapped.clone()).unwrap();
    let key = state.write(at(START)).unwrap();
    assert_eq!((key.wrapped(), key.kind()), (&wrapped, DekSourceKind::Seed));
    assert_eq!((key.dek().expose(), key.dek().scheme()), (&dek, DekScheme::AesGcmXNonce));
    assert_untouched(&state, &key, START + VALID);
}

/// To the nanosecond: `now > expiration` has expired.
#[test]
fn writes_end_behind_the_third_minute_and_reads_do_not() {
    let (state, key) = installed();
    let last = Time::new(Duration::from_secs(START + VALID));
    assert!(state.write(last).is_ok());
    let now = last.after(Duration::from_nanos(1));
    assert_eq!(state.write(now).unwrap_err(), Error::KmsExpired);
    assert!(Error::KmsExpired.is_retryable());
    assert!(Arc::ptr_eq(&state.read().unwrap(), &key));
}

#[test]
fn the_same_key_id_only_extends() {
    let (mut state, key) = installed();
    assert!(matches!(state.on_status(at(START + 60), "id1"), Ok(KmsAction::Extend)));
    assert_untouched(&state, &key, START + 60 + VALID);
}

#[test]
fn the_same_key_id_revives_what_expired() {
    let (mut state, key) = installed();
    let late = START + 10 * VALID;
    assert_eq!(state.write(at(late)).unwrap_err(), Error::KmsExpired);
    assert!(matches!(state.on_status(at(late), "id1"), Ok(KmsAction::Extend)));
    assert_untouched(&state, &key, late + VALID);
}

#[test]
fn there_is_no_rotation_by_time() {
    let (mut state, key) = installed();
    for minute in 1..10_000 {
        assert!(matches!(state.on_status(at(START + minute * 60), "id1"), Ok(KmsAction::Extend)));
    }
    assert!(Arc::ptr_eq(&state.read().unwrap(), &key));
}

#[test]
fn another_key_id_rotates_whether_expired_or_not() {
    for passed in [0, 60, VALID, 10 * VALID] {
        let (mut state, old) = installed();
        let due = rotation(state.on_status(at(START + passed), "id2").unwrap());
        // Until it is installed, the old one is written with, and no longer than before.
        assert_untouched(&state, &old, START + VALID);
        state.install(due, answer("id2")).unwrap();
        let new = state.read().unwrap();
        assert_eq!(new.wrapped().key_id(), "id2");
        assert_ne!(new.dek().expose(), old.dek().expose());
        assert_untouched(&state, &new, START + passed + VALID);
    }
}

#[test]
fn another_kind_rotates_either_way() {
    for (before, after) in
        [(DekSourceKind::Seed, DekSourceKind::AesGcmKey), (DekSourceKind::AesGcmKey, DekSourceKind::Seed)]
    {
        let mut state = KmsState::new(before, DekLimits::NIST);
        let old = rotate(&mut state, START, "id1");
        assert_eq!((old.kind(), old.dek().scheme()), (before, before.scheme()));
        state.set_kind(after);
        assert_untouched(&state, &old, START + VALID);
        let new = rotate(&mut state, START + 60, "id1");
        assert_eq!((new.kind(), new.dek().scheme()), (after, after.scheme()));
        assert_untouched(&state, &new, START + 60 + VALID);
    }
}

#[test]
fn a_status_without_a_usable_key_id_changes_nothing() {
    let (mut state, key) = installed();
    for key_id in ["", &"k".repeat(1025)] {
        assert_eq!(state.on_status(at(START + 60), key_id).unwrap_err(), Error::KekAnswer);
        assert_untouched(&state, &key, START + VALID);
    }
    assert!(state.on_status(at(START + 60), &"k".repeat(1024)).is_ok());
}

#[test]
fn a_kms_that_is_down_changes_nothing() {
    let (mut state, key) = installed();
    drop(state.on_status(at(START + 60), "id2").unwrap());
    assert_untouched(&state, &key, START + VALID);
}

fn bad_answers() -> Vec<Wrapped> {
    let annotated = |name: &str, len| answer("id2").with_annotations(BTreeMap::from([(name.into(), vec![7; len])]));
    vec![
        answer("id1"),
        answer("id3"),
        answer(""),
        answer(&"k".repeat(1025)),
        Wrapped::new("id2", *b""),
        Wrapped::new("id2", [7; 1025]),
        annotated("", 1),
        annotated("localhost", 1),
        annotated("a.b", 32_768 - 2),
    ]
}

#[test]
fn a_bad_answer_changes_nothing() {
    for bad in bad_answers() {
        let mut state = state();
        let due = rotation(state.on_status(at(START), "id2").unwrap());
        assert_eq!(state.install(due, bad.clone()), Err(Error::KekAnswer), "{bad:?}");
        assert_eq!(state.read().unwrap_err(), Error::KmsNotReady);

        let (mut state, key) = installed();
        let due = rotation(state.on_status(at(START + 60), "id2").unwrap());
        assert_eq!(state.install(due, bad.clone()), Err(Error::KekAnswer), "{bad:?}");
        assert_untouched(&state, &key, START + VALID);
    }
}

#[test]
fn an_answer_at_the_limits_is_installed() {
    let key_id = "k".repeat(1024);
    let mut state = state();
    let due = rotation(state.on_status(at(START), &key_id).unwrap());
    let annotations = BTreeMap::from([("a.b".into(), vec![7; 32_768 - 3])]);
    let wrapped = Wrapped::new(key_id.as_str(), [7; 1024]).with_annotations(annotations);
    assert_eq!(state.install(due, wrapped), Ok(true));
}

#[test]
fn a_late_rotation_does_not_replace_a_newer_one() {
    let (mut state, _) = installed();
    let late = rotation(state.on_status(at(START + 60), "id2").unwrap());
    let newer = rotate(&mut state, START + 120, "id3");
    assert_eq!(state.install(late, answer("id2")), Ok(false));
    assert_untouched(&state, &newer, START + 120 + VALID);
}

#[test]
fn a_late_rotation_does_not_replace_what_was_named_again() {
    let (mut state, key) = installed();
    let late = rotation(state.on_status(at(START + 60), "id2").unwrap());
    assert!(matches!(state.on_status(at(START + 120), "id1"), Ok(KmsAction::Extend)));
    assert_eq!(state.install(late, answer("id2")), Ok(false));
    assert_untouched(&state, &key, START + 120 + VALID);
}

#[test]
fn the_first_key_of_two_that_were_asked_for_is_the_later_one() {
    let mut state = state();
    let first = rotation(state.on_status(at(START), "id1").unwrap());
    let second = rotation(state.on_status(at(START + 10), "id1").unwrap());
    let dek = *second.expose_dek();
    state.install(second, answer("id1")).unwrap();
    assert_eq!(state.install(first, answer("id1")), Ok(false));
    assert_eq!(state.read().unwrap().dek().expose(), &dek);
}

/// Two find the budget used up at once, and the first gets its answer while the second still waits.
#[test]
fn an_answer_counts_although_a_later_status_named_the_same_key() {
    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::new(1, 1_000));
    seal(&rotate(&mut state, START, "id1"), 1).unwrap();
    let first = rotation(state.on_status(at(START + 10), "id1").unwrap());
    let second = rotation(state.on_status(at(START + 20), "id1").unwrap());
    let deks = [*first.expose_dek(), *second.expose_dek()];
    state.install(first, answer("id1")).unwrap();
    let key = state.read().unwrap();
    assert_eq!(key.dek().expose(), &deks[0]);
    // The later status has named the key again, and that counts for its term.
    assert_untouched(&state, &key, START + 20 + VALID);
    state.install(second, answer("id1")).unwrap();
    assert_eq!(state.read().unwrap().dek().expose(), &deks[1]);
}

#[test]
fn a_late_status_is_not_acted_on() {
    for key_id in ["id1", "id2"] {
        let (mut state, key) = installed();
        assert!(matches!(state.on_status(at(START - 1), key_id), Ok(KmsAction::Keep)));
        assert_untouched(&state, &key, START + VALID);
    }
}

fn seal(key: &WriteKey, len: usize) -> Result<usize, Error> {
    key.dek().seal_into(&mut Counter::default(), b"aad", &vec![7; len], &mut vec![0; len + 60])
}

#[test]
fn a_used_up_budget_rotates_at_the_next_status() {
    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::new(2, 1_000));
    let old = rotate(&mut state, START, "id1");
    assert!(matches!(state.on_status(at(START + 1), "id1"), Ok(KmsAction::Extend)));
    seal(&old, 1).unwrap();
    assert!(state.write(at(START + 2)).is_ok());
    seal(&old, 1).unwrap();
    assert_eq!(state.write(at(START + 2)).unwrap_err(), Error::SealsExhausted);
    assert!(state.read().is_ok());

    let due = rotation(state.on_status(at(START + 60), "id1").unwrap());
    // The KMS named the same key, so its term goes on although the DEK is used up.
    assert_eq!(state.expiration(), Some(at(START + 60 + VALID)));
    assert_eq!(state.write(at(START + 60)).unwrap_err(), Error::SealsExhausted);
    state.install(due, answer("id1")).unwrap();
    let new = state.write(at(START + 60)).unwrap();
    assert_ne!(new.dek().expose(), old.dek().expose());
    seal(&new, 1).unwrap();
}

#[test]
fn a_budget_is_nearly_used_up_with_a_sixteenth_left() {
    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::new(32, usize::MAX));
    let key = rotate(&mut state, START, "id1");
    for sealed in 0..29 {
        assert!(matches!(state.on_status(at(START), "id1"), Ok(KmsAction::Extend)), "{sealed}");
        seal(&key, 1).unwrap();
    }
    seal(&key, 1).unwrap();
    let due = rotation(state.on_status(at(START), "id1").unwrap());
    assert!(state.write(at(START)).is_ok(), "two are left meanwhile");
    assert_eq!(state.install(due, answer("id1")), Ok(true));

    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::new(u32::MAX, 160));
    let key = rotate(&mut state, START, "id1");
    seal(&key, 149).unwrap();
    assert!(matches!(state.on_status(at(START), "id1"), Ok(KmsAction::Extend)));
    seal(&key, 1).unwrap();
    assert!(matches!(state.on_status(at(START), "id1"), Ok(KmsAction::Wrap(_))));
}

/// A value that is too long for what is left would fail again and again.
#[test]
fn a_refused_value_makes_room_for_the_next() {
    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::new(u32::MAX, 100));
    let key = rotate(&mut state, START, "id1");
    seal(&key, 60).unwrap();
    assert!(matches!(state.on_status(at(START), "id1"), Ok(KmsAction::Extend)));
    assert_eq!(seal(&key, 60), Err(Error::SealsExhausted));
    let key = rotate(&mut state, START, "id1");
    seal(&key, 60).unwrap();
}

/// Rows of the staleness test of Kubernetes.
#[test]
fn key_id_and_kind_make_stale_and_another_dek_does_not() {
    let (state, _) = installed();
    let object =
        |key_id: &str, kind: &[u8]| [b"\x0a\x01d\x1a\x05other\x12\x03".as_slice(), key_id.as_bytes(), kind].concat();
    for (key_id, kind, is_stale) in
        [("id1", &[0x28, 1][..], false), ("id1", &[], true), ("id2", &[0x28, 1], true), ("id2", &[], true)]
    {
        let bytes = object(key_id, kind);
        let object = EncryptedObject::parse(&bytes).unwrap();
        assert_eq!(state.read().unwrap().makes_stale(&object), is_stale, "{key_id} {kind:?}");
    }
}

#[test]
fn nothing_prints_the_dek() {
    let mut state = state();
    let due = rotation(state.on_status(at(START), "id1").unwrap());
    let dek = format!("{:?}", due.expose_dek());
    let dek = dek.trim_matches(['[', ']']);
    assert!(!format!("{due:?}").contains(dek));
    state.install(due, answer("id1")).unwrap();
    assert!(!format!("{state:?} {:?}", state.read()).contains(dek));
}
