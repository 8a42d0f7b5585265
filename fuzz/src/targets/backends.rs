//! The backends that the crate chose for this machine against the libraries: the same bytes, and the same verdict on changed ones.

use arbitrary::{Arbitrary, Unstructured};
use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Secretbox, SecretboxKey, Transformer};

use crate::Chosen;
use crate::reference::Cipher;

/// The longest plaintext; long enough for every loop of a kernel to go round more than once.
const LEN_MAX: usize = 4096;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cipher: u8,
    key: [u8; 32],
    key_len: u8,
    nonce: [u8; 24],
    /// Bits that are turned in what was sealed, and by how much it is made shorter.
    changes: Vec<(u16, u8)>,
    cut: u8,
    aad: &'a [u8],
    len: u16,
    /// Repeated up to that length.
    text: &'a [u8],
}

/// Runs one input, in the form of [`Arbitrary`].
pub fn run(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let (cipher, header) = [
        (Cipher::AesGcm, "k8s:enc:aesgcm:v1:k:"),
        (Cipher::AesCbc, "k8s:enc:aescbc:v1:k:"),
        (Cipher::Secretbox, "k8s:enc:secretbox:v1:k:"),
    ][usize::from(input.cipher) % 3];
    let (key, nonce) = (input.key(cipher), input.nonce(cipher));
    let plaintext = input.plaintext();
    let transformer = transformer(cipher, key);

    let stored = transformer.seal_with(&mut Chosen(&input.nonce), input.aad, &plaintext).unwrap();
    let expected = cipher.seal(key, nonce, input.aad, &plaintext);
    assert_eq!(stored, [header.as_bytes(), nonce, &expected].concat());

    let mut body = stored[header.len()..].to_vec();
    for &(place, mask) in &input.changes {
        let place = usize::from(place) % body.len();
        body[place] ^= mask;
    }
    body.truncate(body.len() - usize::from(input.cut) % body.len());
    let opened = body
        .split_at_checked(nonce.len())
        .and_then(|(nonce, sealed)| cipher.open(key, nonce, input.aad, sealed))
        .ok_or(Error::Open);
    opens_as(&transformer, input.aad, &[header.as_bytes(), &body].concat(), opened);
}

impl Input<'_> {
    fn key(&self, cipher: Cipher) -> &[u8] {
        let len = if cipher == Cipher::Secretbox { 32 } else { [16, 24, 32][usize::from(self.key_len) % 3] };
        &self.key[..len]
    }

    fn nonce(&self, cipher: Cipher) -> &[u8] {
        let len = match cipher {
            Cipher::AesGcm => 12,
            Cipher::AesCbc => 16,
            Cipher::Secretbox => 24,
        };
        &self.nonce[..len]
    }

    fn plaintext(&self) -> Vec<u8> {
        self.text.iter().copied().cycle().take(usize::from(self.len) % (LEN_MAX + 1)).collect()
    }
}

fn transformer(cipher: Cipher, key: &[u8]) -> Transformer<'static> {
    let builder = Transformer::builder();
    let builder = match cipher {
        Cipher::AesGcm => builder.provider(AesGcm::new([("k", AesGcmKey::from_bytes(key).unwrap())]).unwrap()),
        Cipher::AesCbc => builder.provider(AesCbc::new([("k", AesCbcKey::from_bytes(key).unwrap())]).unwrap()),
        Cipher::Secretbox => builder.provider(Secretbox::new([("k", SecretboxKey::from_bytes(key).unwrap())]).unwrap()),
    };
    builder.build().unwrap()
}

/// To another buffer and in place, which are different code.
fn opens_as(transformer: &Transformer<'_>, aad: &[u8], stored: &[u8], expected: Result<Vec<u8>, Error>) {
    let opened = transformer.open(aad, stored).map(|opened| opened.plaintext().to_vec());
    assert_eq!(opened, expected);
    let mut buffer = stored.to_vec();
    let opened = transformer.open_in_place(aad, &mut buffer).map(|opened| opened.plaintext().to_vec());
    assert_eq!(opened, expected);
}
