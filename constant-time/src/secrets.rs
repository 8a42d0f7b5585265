//! Secrets themselves: made, compared, copied, handed over and dropped.

use atrest::{Secret, SecretVec};
use subtle::ConstantTimeEq;

use super::look::all_secret;
use super::sources::{Keys, bytes, secret};
use super::tally::Tally;
use super::valgrind::{Public, publish};

/// What the caller asked for is public.
fn answer(equal: subtle::Choice) -> bool {
    let mut byte = [equal.unwrap_u8()];
    all_answer(&byte);
    publish(&mut byte, Public::Comparison);
    byte[0] == 1
}

/// The answer is computed from the secrets: its lowest bit at least is not public yet.
#[track_caller]
fn all_answer(byte: &[u8; 1]) {
    if super::valgrind::is_running() {
        assert_eq!(super::valgrind::secret_and_public(byte).1, 0);
    }
}

pub fn run(tally: &mut Tally) {
    let plain = bytes(32);
    let mut differing = vec![plain.clone()];
    for at in [0, 15, 31] {
        let mut other = plain.clone();
        other[at] ^= 1;
        differing.push(other);
    }
    for (i, other) in differing.iter().enumerate() {
        tally.run(format!("comparison {i}"), || {
            let (a, b) = (secret(&plain), secret(other));
            let equal = Secret::<32>::from_slice(&a).unwrap().ct_eq(&Secret::from_slice(&b).unwrap());
            assert_eq!(answer(equal), i == 0);
            let equal = SecretVec::from_slice(&a).unwrap().ct_eq(&SecretVec::from_vec(b));
            assert_eq!(answer(equal), i == 0);
        });
    }
    tally.run("making and handing over", || {
        let made = Secret::<32>::generate_with(&mut Keys).unwrap();
        all_secret(made.expose());
        let vec = SecretVec::from_slice(made.expose()).unwrap();
        all_secret(&vec.expose_into_vec());
    });
}
