//! Every single-bit flip and every truncation of values that Kubernetes wrote: aesgcm and secretbox refuse
//! all of them, aescbc does with each what its padding rule says, and identity hands out a value whose
//! prefix was damaged as what it then is: a stored plaintext.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, ProviderKind, Secretbox, SecretboxKey, Transformer,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

const KUBERNETES: usize = "k8s:enc:".len();

/// A recorded value, and the lengths of the parts in front of its nonce.
struct Recorded {
    kind: ProviderKind,
    name: String,
    key: Vec<u8>,
    aad: Vec<u8>,
    stored: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Recorded {
    fn load(id: &str) -> Self {
        let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let vector = vectors.iter().find(|vector| vector["id"] == id).expect(id);
        assert_eq!(vector["written_by_go"], true, "{id}");
        let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let (kind, provider) = vector["providers"][0].as_object().unwrap().iter().next().unwrap();
        let kind = match kind.as_str() {
            "aescbc" => ProviderKind::AesCbc,
            "aesgcm" => ProviderKind::AesGcm,
            "secretbox" => ProviderKind::Secretbox,
            other => panic!("{other}"),
        };
        let key = &provider["keys"][0];
        Self {
            kind,
            name: key["name"].as_str().unwrap().into(),
            key: bytes(&key["secret"]),
            aad: bytes(&vector["aad_b64"]),
            stored: bytes(&vector["stored_b64"]),
            plaintext: bytes(&vector["expect"]["plaintext"]["b64"]),
        }
    }

    fn transformer(&self, with_identity: bool) -> Transformer<'static> {
        let name = self.name.as_str();
        let builder = match self.kind {
            ProviderKind::AesCbc => {
                let key = AesCbcKey::from_bytes(&self.key).unwrap();
                Transformer::builder().provider(AesCbc::new([(name, key)]).unwrap())
            }
            ProviderKind::AesGcm => {
                let key = AesGcmKey::from_bytes(&self.key).unwrap();
                Transformer::builder().provider(AesGcm::new([(name, key)]).unwrap())
            }
            _ => {
                let key = SecretboxKey::from_bytes(&self.key).unwrap();
                Transformer::builder().provider(Secretbox::new([(name, key)]).unwrap())
            }
        };
        let builder = if with_identity { builder.provider(Identity::new()) } else { builder };
        builder.build().unwrap()
    }

    /// Where the key name begins, and where the nonce does.
    fn name_at(&self) -> usize {
        self.kind.prefix().len()
    }

    fn nonce_at(&self) -> usize {
        self.name_at() + self.name.len() + 1
    }

    /// The error of a value that is damaged at `position`, before its content plays any part.
    fn error_at(&self, position: usize) -> Error {
        if position < self.name_at() {
            Error::NoMatchingProvider
        } else if position < self.nonce_at() {
            Error::NoMatchingKey
        } else {
            Error::Open
        }
    }

    /// Every flip and every truncation, with the position of the first byte that is not the original's.
    fn damaged(&self) -> impl Iterator<Item = (usize, Vec<u8>)> {
        let flips = (0..self.stored.len() * 8).map(|bit| {
            let mut stored = self.stored.clone();
            stored[bit / 8] ^= 1 << (bit % 8);
            (bit / 8, stored)
        });
        flips.chain((0..self.stored.len()).map(|len| (len, self.stored[..len].to_vec())))
    }
}

/// What an opened value tells.
#[derive(Debug, PartialEq)]
struct Seen {
    plaintext: Vec<u8>,
    provider: ProviderKind,
    stale: bool,
    was_encrypted: bool,
}

/// Opens `stored` in all three ways, which must agree and must keep their promises about the buffers.
fn open(transformer: &Transformer<'_>, aad: &[u8], stored: &[u8]) -> Result<Seen, Error> {
    macro_rules! seen {
        ($opened:expr) => {
            $opened.map(|opened| Seen {
                plaintext: opened.plaintext().to_vec(),
                provider: opened.provider(),
                stale: opened.is_stale(),
                was_encrypted: opened.was_encrypted(),
            })
        };
    }
    let owned = seen!(transformer.open(aad, stored));

    let mut out = vec![0xa5; transformer.open_len_max(stored) + 9];
    let into = seen!(transformer.open_into(aad, stored, &mut out));
    assert_eq!(into, owned);
    assert!(into.is_ok() || out.iter().all(|&byte| byte == 0), "a failed open_into leaves zeros");

    let mut in_place = stored.to_vec();
    let opened = seen!(transformer.open_in_place(aad, &mut in_place));
    assert_eq!(opened, owned);
    assert!(opened.is_ok() || in_place == stored, "a failed open_in_place leaves the value");
    owned
}

/// Section 6.2 of NIST SP 800-38A and the padding rule of Kubernetes, plainly written: `None` for what
/// does not open.
fn cbc_rule(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let (iv, body) = value.split_at_checked(16)?;
    if body.is_empty() || body.len() % 16 != 0 {
        return None;
    }
    let mut plain = Vec::new();
    let mut previous = iv;
    for block in body.chunks(16) {
        let decrypted = decrypt_block(key, block);
        plain.extend(decrypted.iter().zip(previous).map(|(a, b)| a ^ b));
        previous = block;
    }
    let p = *plain.last()?;
    let len = plain.len().checked_sub(usize::from(p))?;
    if p == 0 || plain[len..].iter().any(|&byte| byte != p) {
        return None;
    }
    plain.truncate(len);
    Some(plain)
}

fn decrypt_block(key: &[u8], block: &[u8]) -> Vec<u8> {
    let mut block = Array::try_from(block).unwrap();
    match key.len() {
        16 => aes::Aes128::new_from_slice(key).unwrap().decrypt_block(&mut block),
        24 => aes::Aes192::new_from_slice(key).unwrap().decrypt_block(&mut block),
        _ => aes::Aes256::new_from_slice(key).unwrap().decrypt_block(&mut block),
    }
    block.to_vec()
}

#[test]
fn the_undamaged_values_open() {
    for id in AUTHENTICATED.iter().chain(CBC) {
        let recorded = Recorded::load(id);
        let seen = open(&recorded.transformer(false), &recorded.aad, &recorded.stored).unwrap();
        assert_eq!(seen.plaintext, recorded.plaintext, "{id}");
        assert_eq!((seen.provider, seen.stale, seen.was_encrypted), (recorded.kind, false, true), "{id}");
    }
}

const AUTHENTICATED: &[&str] = &[
    "aesgcm-128-len0",
    "aesgcm-128-len16",
    "aesgcm-192-len15",
    "aesgcm-256-len1",
    "aesgcm-256-len33",
    "secretbox-256-len0",
    "secretbox-256-len15",
    "secretbox-256-len33",
];

#[test]
fn aesgcm_and_secretbox_refuse_every_flip_and_truncation() {
    for id in AUTHENTICATED {
        let recorded = Recorded::load(id);
        let transformer = recorded.transformer(false);
        for (position, stored) in recorded.damaged() {
            let expected = Err(recorded.error_at(position));
            assert_eq!(open(&transformer, &recorded.aad, &stored), expected, "{id} at {position}");
        }
    }
}

const CBC: &[&str] =
    &["aescbc-128-len1", "aescbc-128-len64", "aescbc-192-len17", "aescbc-256-len0", "aescbc-256-len33"];

#[test]
fn aescbc_does_with_every_flip_and_truncation_what_the_rule_says() {
    let (mut refused, mut garbage) = (0, 0);
    for id in CBC {
        let recorded = Recorded::load(id);
        let transformer = recorded.transformer(false);
        for (position, stored) in recorded.damaged() {
            let seen = open(&transformer, &recorded.aad, &stored).map(|seen| seen.plaintext);
            if position < recorded.nonce_at() {
                assert_eq!(seen, Err(recorded.error_at(position)), "{id} at {position}");
                continue;
            }
            let expected = cbc_rule(&recorded.key, &stored[recorded.nonce_at()..]).ok_or(Error::Open);
            assert_eq!(seen, expected, "{id} at {position}");
            assert_ne!(seen.as_ref(), Ok(&recorded.plaintext), "{id} at {position}");
            *if seen.is_ok() { &mut garbage } else { &mut refused } += 1;
        }
    }
    // Both ends of the rule were reached: aescbc has no integrity, and yet refuses a good part.
    assert!(garbage > 500 && refused > 500, "{garbage} {refused}");
}

#[test]
fn an_aescbc_value_of_an_iv_alone_or_of_broken_blocks_is_refused() {
    for id in CBC {
        let recorded = Recorded::load(id);
        let transformer = recorded.transformer(false);
        for len in recorded.nonce_at()..recorded.stored.len() {
            let behind_iv = (len - recorded.nonce_at()).checked_sub(16);
            if behind_iv.is_none_or(|len| len == 0 || len % 16 != 0) {
                let seen = open(&transformer, &recorded.aad, &recorded.stored[..len]);
                assert_eq!(seen, Err(Error::Open), "{id} cut to {len}");
            }
        }
    }
}

#[test]
fn with_identity_a_damaged_prefix_opens_as_stored_and_says_so() {
    for id in ["aescbc-192-len17", "aesgcm-192-len15", "secretbox-256-len15"] {
        let recorded = Recorded::load(id);
        let (alone, with_identity) = (recorded.transformer(false), recorded.transformer(true));
        for (position, stored) in recorded.damaged() {
            let seen = open(&with_identity, &recorded.aad, &stored);
            if position < KUBERNETES {
                let provider = ProviderKind::Identity;
                let expected = Seen { plaintext: stored, provider, stale: true, was_encrypted: false };
                assert_eq!(seen, Ok(expected), "{id} at {position}");
            } else {
                // Behind `k8s:enc:` identity changes nothing: it is not handed what another refused.
                assert_eq!(seen, open(&alone, &recorded.aad, &stored), "{id} at {position}");
            }
        }
    }
}
