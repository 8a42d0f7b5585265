//! The crate's own envelope: any bytes, opened with keys loaded; and values that were sealed here and then changed, which
//! never open.

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use atrest::{Algorithm, Envelope, Error, LocalKek, ProviderKind, Secret, inspect};

/// A value to be sealed, and what is done to it.
#[derive(Arbitrary, Debug)]
struct Sealed {
    aesgcm: bool,
    change: Change,
    context: Vec<u8>,
    plaintext: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Change {
    None,
    Flip { at: u16, bits: u8 },
    Truncate { len: u16 },
    Insert { at: u16, bytes: Vec<u8> },
    Context { bytes: Vec<u8> },
}

/// Two keys, so that one is known and stale. The first is that of the seeds.
fn envelope() -> &'static Envelope<LocalKek> {
    static ENVELOPE: LazyLock<Envelope<LocalKek>> = LazyLock::new(|| {
        let [first, second] = [7, 8].map(|byte| Secret::from_slice(&[byte; 32]).expect("it has 32 bytes"));
        let old = LocalKek::aes256gcm([("old", &second)]).expect("a key is given");
        Envelope::new(LocalKek::new([("k", &first)]).and_then(|kek| kek.followed_by(old)).expect("keys are given"))
    });
    &ENVELOPE
}

/// Runs one input. An even first byte: length of the context (1 byte) ++ context ++ stored value. An odd one: a value to be sealed.
pub fn run(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    if kind % 2 == 1 {
        let Ok(sealed) = Sealed::arbitrary_take_rest(Unstructured::new(rest)) else { return };
        return changed(sealed);
    }
    let Some((len, rest)) = rest.split_first() else { return };
    let Some((context, stored)) = rest.split_at_checked(usize::from(*len)) else { return };
    all_ways_agree(context, stored);
}

/// What opens was foretold, opens in all ways alike, and goes on doing so when it is rewrapped.
fn all_ways_agree(context: &[u8], stored: &[u8]) -> Option<Vec<u8>> {
    let envelope = envelope();
    let opened = envelope.open(context, stored).map(|plaintext| plaintext.expose().to_vec());
    let mut out = vec![0xa5; envelope.open_len_max(stored)];
    let into = envelope.open_into(context, stored, &mut out);
    let rewrapped = envelope.rewrap(context, stored);
    match opened {
        Ok(plaintext) => {
            assert_eq!((into.expect("it opened"), &out), (plaintext.len(), &plaintext));
            let inspection = inspect(stored);
            assert_eq!(inspection.provider(), Some(ProviderKind::Envelope));
            let len = plaintext.len();
            assert_eq!(inspection.candidates().next().and_then(|name| name.plaintext_len()), Some((len, len)));
            let again = envelope.open(context, &rewrapped.expect("it opened")).expect("it opened");
            assert_eq!(again.expose(), plaintext);
            Some(plaintext)
        }
        Err(error) => {
            assert!(matches!(error.error(), Error::NoMatchingProvider | Error::Open | Error::KekNotMine), "{error:?}");
            assert_eq!(into.expect_err("it did not open").error(), error.error());
            assert!(out.iter().all(|&byte| byte == 0), "a failed open left bytes in the output");
            None
        }
    }
}

fn changed(Sealed { aesgcm, change, context, plaintext }: Sealed) {
    let algorithm = if aesgcm { Algorithm::Aes256Gcm } else { Algorithm::XChaCha20Poly1305 };
    let sealing = Envelope::new(envelope().kek()).with_algorithm(algorithm);
    let stored = sealing.seal(&context, &plaintext).expect("the KEK is here");
    assert!(!sealing.is_stale(&stored).expect("the KEK is here"));
    let mut mutant = (context.clone(), stored.clone());
    let place = |at: u16| usize::from(at) % stored.len();
    match change {
        Change::None => {}
        Change::Flip { at, bits } => mutant.1[place(at)] ^= bits,
        Change::Truncate { len } => mutant.1.truncate(place(len)),
        Change::Insert { at, bytes } => drop(mutant.1.splice(place(at)..place(at), bytes)),
        Change::Context { bytes } => mutant.0 = bytes,
    }
    let opened = all_ways_agree(&mutant.0, &mutant.1);
    let same = mutant.0 == context && mutant.1 == stored;
    assert_eq!(opened.as_deref(), same.then_some(&plaintext[..]));
}
