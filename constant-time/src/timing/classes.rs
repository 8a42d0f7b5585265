//! Inputs of two classes, and what is called with them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Inputs that are made ahead for each class.
const AHEAD: usize = 512;

/// What is called with an input.
pub type Call = Box<dyn FnMut(&[u8])>;

/// What is measured.
pub struct Subject {
    pub name: String,
    pub inputs: Inputs,
    pub call: Call,
}

/// Inputs of one length, those of both classes by turns in one block, so that neither class is the nearer one.
pub struct Inputs {
    len: usize,
    bytes: Vec<u8>,
}

impl Inputs {
    pub fn new(mut make: impl FnMut(bool) -> Vec<u8>) -> Self {
        let mut bytes = Vec::new();
        let mut len = 0;
        for at in 0..2 * AHEAD {
            let input = make(at % 2 == 1);
            assert!(at == 0 || input.len() == len, "the inputs of both classes are of one length");
            len = input.len();
            bytes.extend_from_slice(&input);
        }
        Self { len, bytes }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// One of either class, and which class that is.
    pub fn draw(&self, random: &mut Random) -> (bool, &[u8]) {
        let at = usize::try_from(random.next() >> 32).unwrap_or(0) % (2 * AHEAD);
        (at % 2 == 1, &self.bytes[at * self.len..][..self.len])
    }
}

/// A generator for the order of measurements and for inputs (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn seeded() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos());
        Self((now as u64) | 1)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[7]).collect()
    }
}
