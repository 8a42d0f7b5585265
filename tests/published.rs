//! Vectors that the ciphers' own documents publish, each as a stored value.

#![allow(clippy::unwrap_used)]

#[path = "common/scripted_nonce.rs"]
mod scripted_nonce;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Secretbox, SecretboxKey, Transformer};
use hex_literal::hex;

use scripted_nonce::ScriptedNonce;

fn seal(transformer: &Transformer<'_>, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    transformer.seal_with(&mut ScriptedNonce::new(Some(nonce)), aad, plaintext).unwrap()
}

fn assert_opens(transformer: &Transformer<'_>, aad: &[u8], stored: &[u8], plaintext: &[u8]) {
    assert_eq!(transformer.open(aad, stored).unwrap().plaintext(), plaintext);
}

/// NIST SP 800-38A, F.2. The vectors have whole blocks and no padding: the value holds one block more.
#[test]
fn aes_cbc_of_sp_800_38a() {
    let iv = hex!("000102030405060708090a0b0c0d0e0f");
    let plaintext = hex!(
        "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710"
    );
    let aes128 = hex!(
        "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7"
    );
    let aes192 = hex!(
        "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a"
        "571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd"
    );
    let aes256 = hex!(
        "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b"
    );
    for (key, ciphertext) in [
        (&hex!("2b7e151628aed2a6abf7158809cf4f3c")[..], aes128),
        (&hex!("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"), aes192),
        (&hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"), aes256),
    ] {
        let provider = AesCbc::new([("key1", AesCbcKey::from_bytes(key).unwrap())]).unwrap();
        let transformer = Transformer::builder().provider(provider).build().unwrap();
        let stored = seal(&transformer, &iv, b"", &plaintext);
        let published = [b"k8s:enc:aescbc:v1:key1:", &iv[..], &ciphertext].concat();
        assert_eq!(stored.len(), published.len() + 16);
        assert_eq!(stored[..published.len()], published);
        assert_opens(&transformer, b"", &stored, &plaintext);
    }
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 1 to 4, 7 to 10
/// and 13 to 16: those with an IV of 96 bits.
#[test]
fn aes_gcm_of_its_specification() {
    let text = hex!(
        "d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b391aafd255"
    );
    let key = hex!("feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308");
    let iv = hex!("cafebabefacedbaddecaf888");
    let aad = hex!("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    for GcmKeySize { key_len, one_block, four_blocks, tags } in AES_GCM {
        let cases: [GcmCase<'_>; 4] = [
            (&[0; 32], [0; 12], &[], &[], &[]),
            (&[0; 32], [0; 12], &[], &[0; 16], &one_block),
            (&key, iv, &[], &text, &four_blocks),
            (&key, iv, &aad, &text[..60], &four_blocks[..60]),
        ];
        for ((key, iv, aad, plaintext, ciphertext), tag) in cases.into_iter().zip(tags) {
            let provider = AesGcm::new([("key1", AesGcmKey::from_bytes(&key[..key_len]).unwrap())]).unwrap();
            let transformer = Transformer::builder().provider(provider).build().unwrap();
            let published = [b"k8s:enc:aesgcm:v1:key1:", &iv[..], ciphertext, &tag].concat();
            assert_eq!(seal(&transformer, &iv, aad, plaintext), published);
            assert_opens(&transformer, aad, &published, plaintext);
        }
    }
}

/// Key, IV, AAD, plaintext and ciphertext.
type GcmCase<'a> = (&'a [u8], [u8; 12], &'a [u8], &'a [u8], &'a [u8]);

/// What the four cases of one key size give.
struct GcmKeySize {
    key_len: usize,
    /// Ciphertext of the second case.
    one_block: [u8; 16],
    /// Ciphertext of the third case; that of the fourth is its beginning.
    four_blocks: [u8; 64],
    tags: [[u8; 16]; 4],
}

const AES_GCM: [GcmKeySize; 3] = [
    GcmKeySize {
        key_len: 16,
        one_block: hex!("0388dace60b6a392f328c2b971b2fe78"),
        four_blocks: hex!(
            "42831ec2217774244b7221b784d0d49c e3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa05 1ba30b396a0aac973d58e091473f5985"
        ),
        tags: [
            hex!("58e2fccefa7e3061367f1d57a4e7455a"),
            hex!("ab6e47d42cec13bdf53a67b21257bddf"),
            hex!("4d5c2af327cd64a62cf35abd2ba6fab4"),
            hex!("5bc94fbc3221a5db94fae95ae7121a47"),
        ],
    },
    GcmKeySize {
        key_len: 24,
        one_block: hex!("98e7247c07f0fe411c267e4384b0f600"),
        four_blocks: hex!(
            "3980ca0b3c00e841eb06fac4872a2757 859e1ceaa6efd984628593b40ca1e19c"
            "7d773d00c144c525ac619d18c84a3f47 18e2448b2fe324d9ccda2710acade256"
        ),
        tags: [
            hex!("cd33b28ac773f74ba00ed1f312572435"),
            hex!("2ff58d80033927ab8ef4d4587514f0fb"),
            hex!("9924a7c8587336bfb118024db8674a14"),
            hex!("2519498e80f1478f37ba55bd6d27618c"),
        ],
    },
    GcmKeySize {
        key_len: 32,
        one_block: hex!("cea7403d4d606b6e074ec5d3baf39d18"),
        four_blocks: hex!(
            "522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662898015ad"
        ),
        tags: [
            hex!("530f8afbc74536b9a963b4f1c4cb738b"),
            hex!("d0d1c8a799996bf0265b98b5d48ab919"),
            hex!("b094dac5d93471bdec1a502270e3cc6c"),
            hex!("76fc6ece0f4e1768cddf8853bb2d551b"),
        ],
    },
];

/// NaCl's `tests/secretbox.c`; without the 16 zero bytes that its calling convention puts in front.
#[test]
fn secretbox_of_nacl() {
    let firstkey = hex!("1b27556473e985d462cd51197a9a46c7 6009549eac6474f206c4ee0844f68389");
    let nonce = hex!("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
    let m = hex!(
        "be075fc53c81f2d5cf141316ebeb0c7b 5228c52a4c62cbd44b66849b64244ffc"
        "e5ecbaaf33bd751a1ac728d45e6c6129 6cdc3c01233561f41db66cce314adb31"
        "0e3be8250c46f06dceea3a7fa1348057 e2f6556ad6b1318a024a838f21af1fde"
        "048977eb48f59ffd4924ca1c60902e52 f0a089bc76897040e082f93776384864"
        "5e0705"
    );
    let c = hex!(
        "f3ffc7703f9400e52a7dfb4b3d3305d9 8e993b9f48681273c29650ba32fc76ce"
        "48332ea7164d96a4476fb8c531a1186a c0dfc17c98dce87b4da7f011ec48c972"
        "71d2c20f9b928fe2270d6fb863d51738 b48eeee314a7cc8ab932164548e526ae"
        "90224368517acfeabd6bb3732bc0e9da 99832b61ca01b6de56244a9e88d5f9b3"
        "7973f622a43d14a6599b1f654cb45a74 e355a5"
    );
    let provider = Secretbox::new([("key1", SecretboxKey::from_bytes(&firstkey).unwrap())]).unwrap();
    let transformer = Transformer::builder().provider(provider).build().unwrap();
    let published = [b"k8s:enc:secretbox:v1:key1:", &nonce[..], &c].concat();
    assert_eq!(seal(&transformer, &nonce, b"", &m), published);
    assert_opens(&transformer, b"", &published, &m);
}
