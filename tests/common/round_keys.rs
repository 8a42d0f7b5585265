//! The key expansion of AES-256, to look for round keys by value.

/// The round keys of FIPS 197, 5.2, for AES-256: 15 of 16 bytes.
pub(crate) fn expand_aes256(key: &[u8; 32]) -> [[u8; 16]; 15] {
    let mut words: Vec<[u8; 4]> = key.chunks(4).map(|word| word.try_into().unwrap()).collect();
    let mut round = 1_u8;
    for i in 8..60 {
        let mut word = words[i - 1];
        if i % 8 == 0 {
            word = [word[1], word[2], word[3], word[0]].map(sub_byte);
            word[0] ^= round;
            round <<= 1;
        } else if i % 8 == 4 {
            word = word.map(sub_byte);
        }
        words.push(core::array::from_fn(|j| word[j] ^ words[i - 8][j]));
    }
    core::array::from_fn(|i| words[4 * i..4 * i + 4].concat().try_into().unwrap())
}

/// The S-box of FIPS 197, 5.1.1, by its definition: the inverse, then the affine map.
fn sub_byte(byte: u8) -> u8 {
    let inverse = (1..=255).find(|&candidate| multiply(byte, candidate) == 1).unwrap_or(0);
    (1..5).fold(inverse ^ 0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
}

/// Multiplication of FIPS 197, 4.2.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        product ^= if b & 1 == 1 { a } else { 0 };
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}
