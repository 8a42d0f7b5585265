//! Memory is read back after what lived in it was dropped in place: no part of a secret is left. Keys are
//! here where they live in their owner's memory, without `alloc`; else tests/scrub.rs has them.
#![allow(clippy::unwrap_used, unsafe_code)]

use core::mem::{MaybeUninit, size_of};
use core::ptr;

use atrest::Secret;

/// Bytes of a place in memory, whatever lives or lived there.
fn read_back<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    let start = place.as_ptr().cast::<u8>();
    // SAFETY: every byte read lies in `place`, whose memory was zeroed before any value moved in, and is read
    // as volatile so that neither the stores before nor the reads are optimised away.
    (0..size_of::<T>()).map(|i| unsafe { ptr::read_volatile(start.add(i)) }).collect()
}

/// What lies in the memory of a value before and after it is dropped in place.
fn before_and_after<T>(build: impl FnOnce() -> T) -> (Vec<u8>, Vec<u8>) {
    let mut place = Box::new(MaybeUninit::zeroed());
    place.write(build());
    let before = read_back(&place);
    // SAFETY: the value was written above, and neither read nor dropped after this.
    unsafe { ptr::drop_in_place(place.as_mut_ptr()) };
    (before, read_back(&place))
}

/// Runs of 16 bytes of which so many differ that they can only be key material, as no tag, count or
/// pointer of a structure is.
fn keylike(bytes: &[u8]) -> Vec<&[u8]> {
    let varied = |run: &&[u8]| {
        let mut seen = run.to_vec();
        seen.sort_unstable();
        seen.dedup();
        seen.len() >= 14
    };
    bytes.windows(16).filter(varied).collect()
}

/// Static, so that the test itself puts no copy on the stack.
static KEY: [u8; 32] = *b"\x03The-quick[brown]fox|jumps=over!";

#[test]
fn a_secret_is_wiped() {
    let (before, after) = before_and_after(|| Secret::<32>::from_slice(&KEY).unwrap());
    assert_eq!(before, KEY);
    assert_eq!(after, [0; 32]);
}

#[test]
fn secrets_inside_others_are_wiped() {
    let (before, after) = before_and_after(|| (1_u8, Some(Secret::<32>::from_slice(&KEY).unwrap())));
    assert!(before.windows(32).any(|window| window == KEY));
    assert!(keylike(&after).is_empty(), "{after:?}");
}

#[test]
fn what_an_ordinary_array_holds_stays() {
    let (before, after) = before_and_after(|| KEY);
    assert_eq!((&before[..], before.as_slice()), (&KEY[..], after.as_slice()));
}

#[cfg(all(feature = "aescbc", not(feature = "alloc")))]
#[test]
fn an_aescbc_key_is_wiped() {
    for len in [16, 24, 32] {
        assert_wiped(|| atrest::AesCbcKey::from_bytes(&KEY[..len]).unwrap());
    }
}

#[cfg(all(feature = "aesgcm", not(feature = "alloc")))]
#[test]
fn an_aesgcm_key_is_wiped() {
    for len in [16, 24, 32] {
        assert_wiped(|| atrest::AesGcmKey::from_bytes(&KEY[..len]).unwrap());
    }
}

#[cfg(all(feature = "secretbox", not(feature = "alloc")))]
#[test]
fn a_secretbox_key_is_wiped() {
    assert_wiped(|| atrest::SecretboxKey::from_bytes(&KEY).unwrap());
}

/// The one-time key of a tag, which has no marker that promises its wiping.
#[cfg(feature = "secretbox")]
#[test]
fn a_poly1305_state_of_the_dependency_is_wiped() {
    use poly1305::universal_hash::KeyInit as _;
    let (before, after) = before_and_after(|| poly1305::Poly1305::new((&KEY).into()));
    // The second half of the key is kept as it is, in words whose order is the backend's.
    let words = |bytes: &[u8]| KEY[16..].chunks(4).filter(|&word| bytes.windows(4).any(|w| w == word)).count();
    assert_eq!((words(&before), words(&after)), (4, 0));
    assert!(keylike(&after).is_empty(), "{after:?}");
}

#[cfg(all(any(feature = "aescbc", feature = "aesgcm", feature = "secretbox"), not(feature = "alloc")))]
fn assert_wiped<T>(build: impl FnOnce() -> T) {
    let (before, after) = before_and_after(build);
    assert!(keylike(&before).len() >= 16, "the key was there");
    assert!(keylike(&after).is_empty(), "{} of {}", keylike(&after).len(), after.len());
}
