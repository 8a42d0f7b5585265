//! What the operations on a value and their primitives read and write: where memory lies shows in the time, so that all of a cell have the
//! same.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

/// The buffers of one provider and size.
pub struct Texts {
    /// With a block behind it, which pads it for CBC.
    plaintext: Vec<u8>,
    pub len: usize,
    pub stored: Vec<u8>,
    /// For what is sealed while it is timed, and for what is opened.
    pub into: Vec<u8>,
    pub out: Vec<u8>,
    layout: Layout,
}

/// What a provider puts around a text.
#[derive(Clone, Copy)]
struct Layout {
    nonce: usize,
    nonce_len: usize,
    /// In front of the text or, by default, behind it.
    tag_in_front: bool,
    tag_len: usize,
}

/// The same as primitives have them: without prefix and key name.
pub struct Parts<'a> {
    pub plaintext: &'a [u8],
    pub nonce: &'a [u8],
    pub sealed: &'a [u8],
    pub tag: &'a [u8],
    pub into: &'a mut [u8],
    pub out: &'a mut [u8],
}

impl Texts {
    pub fn new(provider: &str, len: usize, seal: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let (nonce_len, tag_len) = match provider {
            "aescbc" => (16, 0),
            "aesgcm" => (12, 16),
            _ => (24, 16),
        };
        let layout = Layout {
            nonce: "k8s:enc::v1:key1:".len() + provider.len(),
            nonce_len,
            tag_in_front: provider == "secretbox",
            tag_len,
        };
        displace();
        let mut plaintext = vec![0x5a; len];
        plaintext.extend([16; 16]);
        let stored = seal(&plaintext[..len]);
        let (into, out) = (vec![0; stored.len()], vec![0; stored.len()]);
        Self { plaintext, len, stored, into, out, layout }
    }

    pub fn plaintext(&mut self) -> &mut [u8] {
        &mut self.plaintext[..self.len]
    }

    /// The text that is sealed, and where it goes.
    pub fn to_seal(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut self.plaintext[..self.len], &mut self.into)
    }

    /// `padding` is what a text of the primitive is longer than the plaintext.
    pub fn parts(&mut self, padding: usize) -> Parts<'_> {
        let Layout { nonce, nonce_len, tag_in_front, tag_len } = self.layout;
        let (len, body) = (self.len + padding, nonce + nonce_len);
        let text = body + if tag_in_front { tag_len } else { 0 };
        let tag = if tag_in_front { body } else { text + len };
        Parts {
            plaintext: &self.plaintext[..len],
            nonce: &self.stored[nonce..body],
            sealed: &self.stored[text..text + len],
            tag: &self.stored[tag..tag + tag_len],
            into: &mut self.into[text..text + len],
            out: &mut self.out[..len],
        }
    }
}

/// Moves what is allocated next by less than a page, in each process by another length, unless it has room elsewhere. A processor waits where it reads from what has
/// the lower bits of its address in common with what it just wrote: a key that lies so to a buffer would take longer in all
/// processes alike.
fn displace() {
    let len = RandomState::new().hash_one(()) % 4096;
    black_box(vec![0_u8; len as usize]).leak();
}

/// Bytes of a length that is known.
pub fn array<const N: usize>(bytes: &[u8]) -> [u8; N]
where
    [u8; N]: for<'a> TryFrom<&'a [u8], Error: Debug>,
{
    bytes.try_into().unwrap()
}
