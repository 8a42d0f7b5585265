//! The embedded KEK by itself: ids, the order of its keys, what is bound to a wrapped DEK, budgets and destroyed keys.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use std::sync::Arc;

use atrest::{Error, Kek, KekError, LocalKek, Random, RandomError, Refusal, Secret, Wrapped, WrappedDek};

const DEK: [u8; 32] = [0x5a; 32];

fn secret(byte: u8) -> Secret<32> {
    Secret::from_slice(&[byte; 32]).unwrap()
}

fn unwrap(kek: &dyn Kek, wrapped: &Wrapped, context: &[u8]) -> Result<Vec<u8>, Refusal> {
    let wrapped = WrappedDek::new(wrapped.key_id(), wrapped.bytes(), context);
    kek.unwrap_dek(&wrapped).map(|dek| dek.expose().to_vec()).map_err(|error| error.refusal())
}

fn keks() -> [LocalKek; 2] {
    let (first, second) = (secret(1), secret(2));
    [LocalKek::new([("a", &first), ("b", &second)]), LocalKek::aes256gcm([("a", &first), ("b", &second)])]
        .map(Result::unwrap)
}

#[test]
fn the_first_key_wraps_and_all_unwrap() {
    for mut kek in keks() {
        assert_eq!(kek.key_id().unwrap(), "a");
        let by_a = kek.wrap_dek(&DEK, b"c").unwrap();
        kek.add_first("c", &secret(3)).unwrap();
        let by_c = kek.wrap_dek(&DEK, b"c").unwrap();
        assert_eq!((by_a.key_id(), by_c.key_id(), &*kek.key_id().unwrap()), ("a", "c", "c"));
        let rotated = kek.rotate().unwrap().to_owned();
        let by_new = kek.wrap_dek(&DEK, b"c").unwrap();
        assert_eq!(by_new.key_id(), rotated);
        assert_eq!(kek.key_ids().collect::<Vec<_>>(), [&*rotated, "c", "a", "b"]);
        for wrapped in [by_a, by_c, by_new] {
            assert_eq!(unwrap(&kek, &wrapped, b"c"), Ok(DEK.to_vec()));
        }
    }
}

#[test]
fn key_id_and_context_are_bound() {
    for kek in keks() {
        let wrapped = kek.wrap_dek(&DEK, b"context").unwrap();
        assert_eq!(unwrap(&kek, &wrapped, b"context"), Ok(DEK.to_vec()));
        for context in [&b""[..], b"contex", b"context\0", b"Context"] {
            assert_eq!(unwrap(&kek, &wrapped, context), Err(Refusal::NotMine));
        }
        for id in ["b", "z", "aa"] {
            let moved = Wrapped::new(id, wrapped.bytes());
            assert_eq!(unwrap(&kek, &moved, b"context"), Err(Refusal::NotMine), "{id}");
        }
        for len in 0..wrapped.bytes().len() {
            let cut = Wrapped::new("a", &wrapped.bytes()[..len]);
            assert_eq!(unwrap(&kek, &cut, b"context"), Err(Refusal::NotMine), "{len}");
        }
    }
    // The same secret under two ids, and a byte that moves from the id to the context.
    let same = secret(7);
    let kek = LocalKek::new([("a", &same), ("ab", &same)]).unwrap();
    let wrapped = kek.wrap_dek(&DEK, b"bc").unwrap();
    assert_eq!(unwrap(&kek, &Wrapped::new("ab", wrapped.bytes()), b"c"), Err(Refusal::NotMine));
    assert_eq!(unwrap(&kek, &Wrapped::new("ab", wrapped.bytes()), b"bc"), Err(Refusal::NotMine));
}

#[test]
fn ids_are_checked() {
    let (one, two) = (secret(1), secret(2));
    let none: [(&str, &Secret<32>); 0] = [];
    assert_eq!(LocalKek::new(none).unwrap_err(), Error::NoKey);
    for id in [String::new(), "x".repeat(1025)] {
        assert_eq!(LocalKek::new([(id, &one)]).unwrap_err(), Error::KeyId);
    }
    assert!(LocalKek::aes256gcm([("x".repeat(1024), &one)]).is_ok());
    assert_eq!(LocalKek::new([("a", &one), ("a", &two)]).unwrap_err(), Error::KeyId);
    let mut kek = LocalKek::new([("a", &one)]).unwrap();
    assert_eq!(kek.add_first("a", &two), Err(Error::KeyId));
    kek.destroy("a");
    assert_eq!(kek.add_first("a", &one), Err(Error::KeyId), "an id never comes back");
    let [one, two] = [LocalKek::generate(), LocalKek::generate()].map(Result::unwrap);
    assert_ne!(one.key_id().unwrap(), two.key_id().unwrap());
    assert_eq!(one.key_id().unwrap().len(), 32);
}

#[test]
fn keys_of_two_algorithms_go_together() {
    let old = LocalKek::aes256gcm([("old", &secret(1))]).unwrap();
    let by_old = old.wrap_dek(&DEK, b"").unwrap();
    let kek = LocalKek::new([("new", &secret(2))]).unwrap().followed_by(old).unwrap();
    assert_eq!(kek.key_ids().collect::<Vec<_>>(), ["new", "old"]);
    assert_eq!(unwrap(&kek, &by_old, b""), Ok(DEK.to_vec()));
    let by_new = kek.wrap_dek(&DEK, b"").unwrap();
    assert_eq!((by_new.key_id(), by_new.bytes().len(), by_old.bytes().len()), ("new", 24 + 48, 12 + 48));
    let mut gone = LocalKek::generate().unwrap();
    gone.destroy("new");
    assert_eq!(kek.followed_by(gone).unwrap_err(), Error::KeyId);
}

#[test]
fn a_destroyed_key_is_gone_for_good() {
    for mut kek in keks() {
        let by_a = kek.wrap_dek(&DEK, b"").unwrap();
        assert!(kek.destroy("a"));
        assert!(!kek.destroy("a"));
        assert_eq!(unwrap(&kek, &by_a, b""), Err(Refusal::Gone));
        let by_b = kek.wrap_dek(&DEK, b"").unwrap();
        assert_eq!((by_b.key_id(), unwrap(&kek, &by_b, b"")), ("b", Ok(DEK.to_vec())));
        // Ids that are destroyed before they were ever seen are gone too.
        let never = Wrapped::new("z", by_a.bytes());
        assert_eq!(unwrap(&kek, &never, b""), Err(Refusal::NotMine));
        assert!(!kek.destroy("z"));
        assert_eq!(unwrap(&kek, &never, b""), Err(Refusal::Gone));
        assert!(kek.destroy("b"));
        assert_eq!(kek.key_id().unwrap_err().refusal(), Refusal::Gone);
        assert_eq!(kek.wrap_dek(&DEK, b"").unwrap_err().refusal(), Refusal::Gone);
        kek.rotate().unwrap();
        assert!(kek.wrap_dek(&DEK, b"").is_ok());
    }
}

#[test]
fn the_budget_of_aes_gcm_is_enforced() {
    let [xchacha, mut aesgcm] = keks();
    assert_eq!(xchacha.seals_left(), None);
    assert_eq!(aesgcm.seals_left(), Some(u32::MAX));
    aesgcm.set_seals_left(2);
    assert!(aesgcm.wrap_dek(&DEK, b"").is_ok());
    let wrapped = aesgcm.wrap_dek(&DEK, b"").unwrap();
    let refused = aesgcm.wrap_dek(&DEK, b"").unwrap_err();
    assert_eq!(refused.refusal(), Refusal::Denied);
    let cause = core::error::Error::source(&refused).unwrap();
    assert_eq!(cause.downcast_ref::<Error>(), Some(&Error::SealsExhausted));
    assert_eq!(unwrap(&aesgcm, &wrapped, b""), Ok(DEK.to_vec()));
    aesgcm.rotate().unwrap();
    assert_eq!(aesgcm.seals_left(), Some(u32::MAX));
    assert!(aesgcm.wrap_dek(&DEK, b"").is_ok());
}

struct Failing;

impl Random for Failing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[test]
fn without_randomness_nothing_is_wrapped() {
    for kek in keks() {
        let refused = kek.wrap_dek_with(&mut Failing, &DEK, b"").unwrap_err();
        assert_eq!(refused.refusal(), Refusal::Unreachable);
    }
}

#[test]
fn handles_to_a_kek_are_keks() {
    fn check(kek: impl Kek) -> Result<(), KekError> {
        assert_eq!(kek.key_id()?, "a");
        let wrapped = kek.wrap_dek(&DEK, b"c")?;
        assert_eq!(unwrap(&kek, &wrapped, b"c"), Ok(DEK.to_vec()));
        Ok(())
    }
    let [kek, other] = keks();
    check(&kek).unwrap();
    let object: &dyn Kek = &kek;
    check(object).unwrap();
    check(Arc::new(other)).unwrap();
    check(Arc::new(std::sync::RwLock::new(keks().into_iter().next().unwrap()))).unwrap();
    let boxed: Box<dyn Kek> = Box::new(kek);
    check(boxed).unwrap();
}

#[test]
fn debug_shows_ids_alone() {
    for kek in keks() {
        assert_eq!(format!("{kek:?}"), r#"LocalKek ["a", "b"]"#);
    }
}

#[test]
fn without_a_key_id_every_key_is_tried() {
    let (a, b) = (Secret::<32>::generate().unwrap(), Secret::<32>::generate().unwrap());
    let old = LocalKek::new([("old", &a)]).unwrap();
    let mut both = LocalKek::new([("new", &b), ("old", &a)]).unwrap();
    let wrapped = old.wrap_dek(&[7; 32], b"context").unwrap();
    let unnamed = |context| WrappedDek::new("", wrapped.bytes(), context);
    assert_eq!(both.unwrap_dek(&unnamed(b"context")).unwrap().expose(), [7; 32]);
    assert_eq!(both.unwrap_dek(&unnamed(b"another")).unwrap_err().refusal(), Refusal::NotMine);
    both.destroy("old");
    assert_eq!(both.unwrap_dek(&unnamed(b"context")).unwrap_err().refusal(), Refusal::NotMine);
    // The empty id is that of no key.
    let mut old = old;
    assert!(!old.destroy(""));
    assert_eq!(old.unwrap_dek(&unnamed(b"context")).unwrap().expose(), [7; 32]);
}
