//! Base64 of keys, both ways. Where line breaks and padding stand, and whether it is base64 at all, becomes public.

use atrest::{AesCbcKey, AesGcmKey, Error, Secret, SecretboxKey};

use super::look::{all_public, all_secret};
use super::sources::{bytes, secret, secret_key, seen};
use super::tally::Tally;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        for i in 0..4 {
            let symbol = ALPHABET[(u32::from_be_bytes(group) >> (18 - 6 * i) & 0x3f) as usize];
            text.push(if i <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    text
}

pub fn run(tally: &mut Tally) {
    for round in 0..8 {
        tally.run(format!("base64 of 32 bytes, {round}"), || {
            let plain = bytes(32);
            let text = secret(encoded(&plain).as_bytes());
            let decoded = Secret::<32>::from_base64(&text).unwrap();
            all_secret(decoded.expose());
            assert_eq!(seen(decoded.expose()), plain);
        });
    }
    tally.run("keys from base64", || {
        for len in [16, 24, 32] {
            let text = secret(encoded(&bytes(len)).as_bytes());
            AesGcmKey::from_base64(&text).unwrap();
            AesCbcKey::from_base64(&text).unwrap();
        }
        SecretboxKey::from_base64(secret(encoded(&bytes(32)).as_bytes())).unwrap();
    });
    tally.run("base64 of 31 to 33 bytes", || {
        assert!(Secret::<31>::from_base64(secret(encoded(&bytes(31)).as_bytes())).is_ok());
        assert!(Secret::<33>::from_base64(secret(encoded(&bytes(33)).as_bytes())).is_ok());
        let wrong_len = Secret::<32>::from_base64(secret(encoded(&bytes(33)).as_bytes()));
        assert_eq!(wrong_len.err(), Some(Error::KeyLength { len: 33 }));
        assert!(SecretboxKey::from_base64(secret(encoded(&bytes(31)).as_bytes())).is_err());
    });
    tally.run("base64 with line breaks", || {
        let mut text = encoded(&bytes(32));
        text.insert(7, '\n');
        text.insert_str(30, "\r\n");
        all_secret(Secret::<32>::from_base64(secret(text.as_bytes())).unwrap().expose());
    });
    tally.run("what is no base64", || {
        let text = encoded(&bytes(32));
        for at in [0, 20, 42] {
            for wrong in [b'-', b' ', 0, 0xff] {
                let mut text = text.clone().into_bytes();
                text[at] = wrong;
                assert_eq!(Secret::<32>::from_base64(secret(&text)).err(), Some(Error::Base64));
            }
        }
        assert_eq!(Secret::<32>::from_base64(secret(&text.as_bytes()[..43])).err(), Some(Error::Base64));
    });
    tally.run("encoding", || {
        for round in 0..8 {
            let key = secret_key::<32>();
            let text = key.expose_base64();
            // All but the padding; the highest bit of a symbol is no secret.
            let symbols: Vec<u8> = text.bytes().take(43).collect();
            assert_ne!(super::valgrind::secret_and_public(&symbols).1, 43, "{round}");
            all_public(&text.as_bytes()[43..]);
            assert_eq!(seen(text.as_bytes()), encoded(&seen(key.expose())).into_bytes());
        }
    });
}
