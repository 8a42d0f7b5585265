//! aescbc, aesgcm and secretbox: keys and plaintexts are secret; sealed and opened in every way, rightly and wrongly.

use atrest::{AesCbcKey, AesGcmKey, Error, Keyed, KeyedCipher, SecretboxKey, Transformer};

use super::look::{self, opened, wiped};
use super::sources::{Nonces, bytes, secret, secret_bytes};
use super::tally::Tally;

pub const AAD: &[u8] = b"/registry/secrets/default/login1";

/// On both sides of blocks, batches of the key stream, and the look-back of padding.
const LENGTHS: [usize; 16] = [0, 1, 15, 16, 17, 64, 100, 240, 255, 256, 257, 480, 513, 1024, 1040, 5000];

/// Lengths of what stands between the key name and the body.
pub const NONCE_GCM: usize = 12;
pub const NONCE_CBC: usize = 16;
pub const NONCE_SECRETBOX: usize = 24;

pub fn list<C: KeyedCipher + 'static>(keys: Vec<C>) -> Transformer<'static> {
    let keys = keys.into_iter().map(|key| ("key1", key));
    Transformer::builder().provider(Keyed::new(keys).unwrap()).build().unwrap()
}

/// Where the body of a value with a nonce of this length begins.
pub fn body_at(kind: &str, nonce_len: usize) -> usize {
    format!("k8s:enc:{kind}:v1:key1:").len() + nonce_len
}

fn seal_in_every_way(list: &Transformer<'_>, body_at: usize, plaintext: &[u8]) -> Vec<Vec<u8>> {
    let len = list.sealed_len(plaintext.len()).unwrap();
    let to_vec = list.seal_with(&mut Nonces, AAD, plaintext).unwrap();
    let mut into = vec![0; len];
    assert_eq!(list.seal_into(&mut Nonces, AAD, plaintext, &mut into), Ok(len));
    let mut in_place = vec![0; len];
    in_place[..plaintext.len()].copy_from_slice(plaintext);
    assert_eq!(list.seal_in_place(&mut Nonces, AAD, plaintext.len(), &mut in_place), Ok(len));
    let mut values = vec![to_vec, into, in_place];
    for value in &mut values {
        look::stored(value, body_at);
    }
    values
}

fn open_in_every_way(list: &Transformer<'_>, stored: &[u8], plaintext: &[u8]) {
    opened(list.open(AAD, stored).unwrap().plaintext(), plaintext);
    let mut out = vec![0; list.open_len_max(stored)];
    opened(list.open_into(AAD, stored, &mut out).unwrap().plaintext(), plaintext);
    let mut in_place = stored.to_vec();
    opened(list.open_in_place(AAD, &mut in_place).unwrap().plaintext(), plaintext);
}

fn fail_in_every_way(list: &Transformer<'_>, stored: &[u8]) {
    assert_eq!(list.open(AAD, stored).err(), Some(Error::Open));
    let mut out = vec![1; list.open_len_max(stored)];
    assert_eq!(list.open_into(AAD, stored, &mut out).err(), Some(Error::Open));
    wiped(&out);
    let mut in_place = stored.to_vec();
    assert_eq!(list.open_in_place(AAD, &mut in_place).err(), Some(Error::Open));
    look::all_public(&in_place);
    assert_eq!(in_place, stored);
}

fn round_trips<C: KeyedCipher + 'static>(tally: &mut Tally, name: &str, nonce_len: usize, key: &dyn Fn() -> C) {
    let body_at = body_at(name.split(' ').next().unwrap(), nonce_len);
    for len in LENGTHS {
        tally.run(format!("{name}, {len} bytes"), || {
            let list = list(vec![key()]);
            let plaintext = secret_bytes(len);
            for stored in seal_in_every_way(&list, body_at, &plaintext) {
                open_in_every_way(&list, &stored, &plaintext);
            }
        });
    }
}

/// Values with a tag: changed wherever it may matter, and under keys of the same name that are not theirs.
fn failures<C: KeyedCipher + 'static>(tally: &mut Tally, name: &str, nonce_len: usize, key: &dyn Fn() -> C) {
    let body_at = body_at(name.split(' ').next().unwrap(), nonce_len);
    for len in [0, 1, 16, 100, 1024, 5000] {
        tally.run(format!("{name}, {len} bytes, changed"), || {
            let list = list(vec![key()]);
            let value = seal_in_every_way(&list, body_at, &secret_bytes(len)).remove(0);
            for at in [body_at - 1, body_at, body_at + 15, value.len() - 16, value.len() - 1] {
                let mut changed = value.clone();
                changed[at] ^= 0x40;
                fail_in_every_way(&list, &changed);
            }
        });
        tally.run(format!("{name}, {len} bytes, other keys"), || {
            let plaintext = secret_bytes(len);
            let value = seal_in_every_way(&list(vec![key()]), body_at, &plaintext).remove(0);
            fail_in_every_way(&list(vec![key(), key()]), &value);
        });
    }
}

/// Opens what was changed, by whatever the padding then says: that is public, and nothing else.
fn open_changed(list: &Transformer<'_>, stored: &[u8]) -> bool {
    let mut out = vec![1; list.open_len_max(stored)];
    let into = list.open_into(AAD, stored, &mut out).map(|opened| opened.plaintext().len());
    let mut in_place = stored.to_vec();
    let in_place = list.open_in_place(AAD, &mut in_place).map(|opened| opened.plaintext().len());
    let to_vec = list.open(AAD, stored).map(|opened| opened.plaintext().len());
    assert_eq!((into, in_place), (to_vec, to_vec));
    if to_vec.is_err() {
        wiped(&out);
    }
    to_vec.is_ok()
}

/// CBC turns a change of one block into the same change of the plaintext of the next: so every last byte, and a wrong
/// byte at every place of the padding, is had without the key.
fn paddings(tally: &mut Tally, key_len: usize) {
    let body_at = body_at("aescbc", NONCE_CBC);
    for (len, blocks) in [(0, 1), (31, 1), (240, 1), (1008, 1), (496, 16)] {
        tally.run(format!("aescbc {key_len}, {len} bytes, every padding"), || {
            let list = list(vec![AesCbcKey::from_bytes(&secret_bytes(key_len)).unwrap()]);
            let value = seal_in_every_way(&list, body_at, &secret_bytes(len)).remove(0);
            let last = value.len() - 17;
            let opened = (0..=255).filter(|change| {
                let mut changed = value.clone();
                changed[last] ^= change;
                open_changed(&list, &changed)
            });
            assert!((1..20).contains(&opened.count()));
        });
        tally.run(format!("aescbc {key_len}, {len} bytes, a wrong byte anywhere"), || {
            let list = list(vec![AesCbcKey::from_bytes(&secret_bytes(key_len)).unwrap()]);
            let value = seal_in_every_way(&list, body_at, &secret_bytes(len)).remove(0);
            for back in 0..(16 * blocks).min(value.len() - body_at) {
                let mut changed = value.clone();
                changed[value.len() - 17 - back] ^= 0x80;
                open_changed(&list, &changed);
            }
        });
    }
    tally.run(format!("aescbc {key_len}, other keys"), || {
        let value = seal_in_every_way(
            &list(vec![AesCbcKey::from_bytes(&secret_bytes(key_len)).unwrap()]),
            body_at,
            &secret_bytes(100),
        );
        let others = (0..40).map(|_| AesCbcKey::from_bytes(&secret_bytes(key_len)).unwrap());
        open_changed(&list(others.collect()), &value[0]);
    });
}

pub fn run(tally: &mut Tally) {
    for len in [16, 24, 32] {
        let gcm = move || AesGcmKey::from_bytes(&secret(&bytes(len))).unwrap();
        round_trips(tally, &format!("aesgcm {len}"), NONCE_GCM, &gcm);
        failures(tally, &format!("aesgcm {len}"), NONCE_GCM, &gcm);
        let cbc = move || AesCbcKey::from_bytes(&secret(&bytes(len))).unwrap();
        round_trips(tally, &format!("aescbc {len}"), NONCE_CBC, &cbc);
        paddings(tally, len);
    }
    let secretbox = || SecretboxKey::from_bytes(&secret_bytes(32)).unwrap();
    round_trips(tally, "secretbox", NONCE_SECRETBOX, &secretbox);
    failures(tally, "secretbox", NONCE_SECRETBOX, &secretbox);
}
