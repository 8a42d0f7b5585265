//! Nothing beside a buffer is read or written: each lies between pages that may not be touched, once at its first byte and
//! once at its last. Assembly, which no sanitizer instruments and Miri does not run, is held to its lengths by this.
#![cfg(all(unix, not(miri)))]
#![allow(unsafe_code, reason = "pages are the system's")]
#![allow(clippy::unwrap_used, clippy::panic)]

use core::slice;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Random, RandomError, Secretbox, SecretboxKey, Transformer};

/// Bytes between the pages; more than is asked for, and whole pages wherever they have up to 64 KiB.
const ROOM: usize = 64 * 1024;

/// Bytes that end, or begin, where a page begins, or ends, that may not be touched.
struct Guarded {
    pages: *mut u8,
}

impl Guarded {
    fn new() -> Self {
        // SAFETY: new pages, wherever there is room for them; then the outer ones may not be touched.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            let pages = libc::mmap(core::ptr::null_mut(), 3 * ROOM, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(pages, libc::MAP_FAILED);
            for guard in [pages, pages.byte_add(2 * ROOM)] {
                assert_eq!(libc::mprotect(guard, ROOM, libc::PROT_NONE), 0);
            }
            Self { pages: pages.cast() }
        }
    }

    /// So many bytes, at the end or else at the beginning.
    fn bytes(&mut self, len: usize, is_at_end: bool) -> &mut [u8] {
        assert!(len <= ROOM);
        // SAFETY: they are within the room, which is borrowed along with this.
        unsafe { slice::from_raw_parts_mut(self.pages.add(if is_at_end { 2 * ROOM - len } else { ROOM }), len) }
    }

    fn with(&mut self, bytes: &[u8], is_at_end: bool) -> &mut [u8] {
        let place = self.bytes(bytes.len(), is_at_end);
        place.copy_from_slice(bytes);
        place
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the pages are its own, and nothing borrows them any more.
        assert_eq!(unsafe { libc::munmap(self.pages.cast(), 3 * ROOM) }, 0);
    }
}

struct Nonce;

impl Random for Nonce {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(7);
        Ok(())
    }
}

fn transformers() -> Vec<Transformer<'static>> {
    let mut lists = Vec::new();
    for len in [16, 24, 32] {
        let key = &[5; 32][..len];
        let cbc = AesCbc::new([("k", AesCbcKey::from_bytes(key).unwrap())]).unwrap();
        let gcm = AesGcm::new([("k", AesGcmKey::from_bytes(key).unwrap())]).unwrap();
        lists.push(Transformer::builder().provider(cbc).build().unwrap());
        lists.push(Transformer::builder().provider(gcm).build().unwrap());
    }
    let secretbox = Secretbox::new([("k", SecretboxKey::from_bytes(&[5; 32]).unwrap())]).unwrap();
    lists.push(Transformer::builder().provider(secretbox).build().unwrap());
    lists
}

/// Seals and opens with every buffer at such a place, beside what buffers elsewhere give.
fn compare(list: &Transformer<'_>, rooms: &mut [Guarded; 3], (aad, text): (&[u8], &[u8]), is_at_end: bool) {
    let expected = list.seal_with(&mut Nonce, aad, text).unwrap();
    let [first, second, third] = rooms;
    let aad = first.with(aad, is_at_end);

    let stored = third.bytes(expected.len(), is_at_end);
    list.seal_into(&mut Nonce, aad, second.with(text, is_at_end), stored).unwrap();
    assert_eq!(stored, expected);
    stored[..text.len()].copy_from_slice(text);
    list.seal_in_place(&mut Nonce, aad, text.len(), stored).unwrap();
    assert_eq!(stored, expected);

    let room = list.open(aad, stored).unwrap();
    assert_eq!(room.plaintext(), text);
    let out = second.bytes(list.open_len_max(stored), is_at_end);
    assert_eq!(list.open_into(aad, stored, out).unwrap().plaintext(), text);
    assert_eq!(list.open_in_place(aad, stored).unwrap().plaintext(), text);
    stored.copy_from_slice(&expected);
    *stored.last_mut().unwrap() ^= 1;
    let _ = list.open_into(aad, stored, out);
    let _ = list.open_in_place(aad, stored);
}

#[test]
fn every_length() {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(3000).collect();
    let mut rooms = [Guarded::new(), Guarded::new(), Guarded::new()];
    for list in transformers() {
        // Of those that are taken in larger parts, some more.
        for len in (0..=800).chain((801..3000).step_by(37)).chain(1024..1140) {
            // Every length of AAD too, in another order.
            let aad = &bytes[..len * 7 % 801];
            for is_at_end in [true, false] {
                compare(&list, &mut rooms, (aad, &bytes[..len]), is_at_end);
            }
        }
    }
}
