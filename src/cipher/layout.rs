//! The shapes of sealed values as numbers, known without any key and whichever ciphers are built.

/// How a cipher lays out `nonce ++ body`.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Bytes of the nonce in front of the body.
    pub(crate) nonce_len: usize,
    /// What the body holds besides the plaintext.
    pub(crate) extra: Extra,
    /// The longest plaintext in bytes.
    pub(crate) plaintext_max: u64,
}

/// What a body holds besides the plaintext.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extra {
    /// A tag of 16 bytes behind the ciphertext.
    TrailingTag,
    /// A tag of 16 bytes in front of the ciphertext.
    LeadingTag,
    /// PKCS#7 padding of 1 to 16 bytes, to a multiple of 16.
    Padding,
}

const TAG_LEN: usize = 16;
const BLOCK_LEN: usize = 16;

/// The longest plaintext of AES-GCM, 2^36 - 32 bytes: NIST SP 800-38D, 5.2.1.1.
const AES_GCM_MAX: u64 = 0xf_ffff_ffe0;

/// A byte less than the longest plaintext of ChaCha20-Poly1305, 2^38 - 64 bytes, of RFC 8439, 2.8, as the backend has it.
const CHACHA_MAX: u64 = 0x3f_ffff_ffbf;

/// `nonce(12) ++ ciphertext ++ tag(16)`.
pub(crate) const AES_GCM: Layout = Layout { nonce_len: 12, extra: Extra::TrailingTag, plaintext_max: AES_GCM_MAX };

/// `IV(16) ++ ciphertext`, padded.
pub(crate) const AES_CBC: Layout = Layout { nonce_len: 16, extra: Extra::Padding, plaintext_max: u64::MAX };

/// `nonce(24) ++ tag(16) ++ ciphertext`.
pub(crate) const SECRETBOX: Layout = Layout { nonce_len: 24, extra: Extra::LeadingTag, plaintext_max: u64::MAX };

/// `nonce(24) ++ ciphertext ++ tag(16)`.
#[cfg(feature = "envelope")]
pub(crate) const XCHACHA: Layout = Layout { nonce_len: 24, extra: Extra::TrailingTag, plaintext_max: CHACHA_MAX };

/// What a committing value has in front of its body besides a nonce, which is not stored.
pub(crate) const COMMITTING_HEAD_LEN: usize = 64;

/// `salt(32) ++ commitment(32) ++ ciphertext ++ tag(16)` with XChaCha20-Poly1305.
pub(crate) const COMMITTING_XCHACHA: Layout =
    Layout { nonce_len: COMMITTING_HEAD_LEN, extra: Extra::TrailingTag, plaintext_max: CHACHA_MAX };

/// The same with AES-256-GCM.
pub(crate) const COMMITTING_AES_GCM: Layout =
    Layout { nonce_len: COMMITTING_HEAD_LEN, extra: Extra::TrailingTag, plaintext_max: AES_GCM_MAX };

impl Layout {
    /// Length of the body of a plaintext, or `None` if the plaintext is too long.
    pub(crate) fn body_len(&self, plaintext_len: usize) -> Option<usize> {
        if u64::try_from(plaintext_len).ok()? > self.plaintext_max {
            return None;
        }
        let extra = match self.extra {
            Extra::TrailingTag | Extra::LeadingTag => TAG_LEN,
            Extra::Padding => BLOCK_LEN - plaintext_len % BLOCK_LEN,
        };
        plaintext_len.checked_add(extra)
    }

    /// Length of `nonce ++ body` of a plaintext, or `None` if the plaintext is too long.
    #[cfg(feature = "envelope")]
    pub(crate) fn sealed_len(&self, plaintext_len: usize) -> Option<usize> {
        self.body_len(plaintext_len)?.checked_add(self.nonce_len)
    }

    /// The shortest and the longest plaintext that is sealed to `nonce ++ body` of this length.
    pub(crate) fn plaintext_len_of_sealed(&self, sealed_len: usize) -> Option<(usize, usize)> {
        self.plaintext_len(sealed_len.checked_sub(self.nonce_len)?)
    }

    /// The shortest and the longest plaintext that is sealed to a body of this length, or `None` if no body
    /// has this length.
    pub(crate) fn plaintext_len(&self, body_len: usize) -> Option<(usize, usize)> {
        match self.extra {
            Extra::TrailingTag | Extra::LeadingTag => {
                let len = body_len.checked_sub(TAG_LEN)?;
                let possible = u64::try_from(len).ok()? <= self.plaintext_max;
                possible.then_some((len, len))
            }
            Extra::Padding if body_len == 0 || body_len % BLOCK_LEN != 0 => None,
            Extra::Padding => Some((body_len - BLOCK_LEN, body_len - 1)),
        }
    }

    /// Bytes of output that opening a body of this length may need; `None` as of
    /// [`plaintext_len`](Self::plaintext_len). Padding is decrypted before it is known to be padding.
    pub(crate) fn open_len_max(&self, body_len: usize) -> Option<usize> {
        let (_, longest) = self.plaintext_len(body_len)?;
        Some(match self.extra {
            Extra::TrailingTag | Extra::LeadingTag => longest,
            Extra::Padding => body_len,
        })
    }

    /// Where the plaintext lies in a body that is sealed or opened in place.
    pub(crate) const fn text_at(&self) -> usize {
        match self.extra {
            Extra::LeadingTag => TAG_LEN,
            Extra::TrailingTag | Extra::Padding => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_room_for_tag_or_padding() {
        for (layout, plaintext_len, body_len) in [
            (AES_GCM, 0, Some(16)),
            (AES_GCM, 5, Some(21)),
            (SECRETBOX, 0, Some(16)),
            (AES_CBC, 0, Some(16)),
            (AES_CBC, 15, Some(16)),
            (AES_CBC, 16, Some(32)),
            (AES_CBC, usize::MAX, None),
            (SECRETBOX, usize::MAX, None),
        ] {
            assert_eq!(layout.body_len(plaintext_len), body_len);
        }
        #[cfg(target_pointer_width = "64")]
        for (layout, longest) in
            [(AES_GCM, (1 << 36) - 32), (COMMITTING_AES_GCM, (1 << 36) - 32), (COMMITTING_XCHACHA, (1 << 38) - 65)]
        {
            for (plaintext_len, possible) in [(longest, true), (longest + 1, false)] {
                assert_eq!(layout.body_len(plaintext_len).is_some(), possible);
                assert_eq!(layout.plaintext_len(plaintext_len + 16).is_some(), possible);
            }
        }
    }

    #[test]
    fn impossible_bodies_are_known() {
        for (layout, body_len, plaintext_len, open_len_max) in [
            (AES_GCM, 15, None, None),
            (AES_GCM, 16, Some((0, 0)), Some(0)),
            (SECRETBOX, 15, None, None),
            (SECRETBOX, 20, Some((4, 4)), Some(4)),
            (AES_CBC, 0, None, None),
            (AES_CBC, 15, None, None),
            (AES_CBC, 16, Some((0, 15)), Some(16)),
            (AES_CBC, 17, None, None),
            (AES_CBC, 512, Some((496, 511)), Some(512)),
        ] {
            assert_eq!(layout.plaintext_len(body_len), plaintext_len);
            assert_eq!(layout.open_len_max(body_len), open_len_max);
        }
    }
}
