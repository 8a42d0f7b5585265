//! Leaks that the statistics have to find: what tags and padding would be checked by, were it done carelessly.

use core::hint::black_box;

use super::classes::{Inputs, Random, Subject};

const TAG: [u8; 16] = *b"sixteen byte tag";

fn ends_early(tag: &[u8]) -> bool {
    TAG.iter().zip(tag).all(|(a, b)| black_box(*a) == black_box(*b))
}

fn padding_until_wrong(text: &[u8]) -> bool {
    let padding = usize::from(text[text.len() - 1]);
    (1..=16).contains(&padding)
        && text[text.len() - padding..].iter().rev().all(|&byte| usize::from(black_box(byte)) == padding)
}

fn subject(name: &str, inputs: Inputs, mut call: impl FnMut(&[u8]) + 'static) -> Subject {
    Subject { name: format!("planted: {name}"), inputs, call: Box::new(move |input| call(input)) }
}

pub fn all() -> Vec<Subject> {
    let mut random = Random::seeded();
    // Wrong in its last byte, or throughout.
    let tags = Inputs::new(|is_random| {
        let mut tag = TAG.to_vec();
        tag[15] ^= 1;
        if is_random { random.bytes(16) } else { tag }
    });
    let mut random = Random::seeded();
    let paddings = Inputs::new(|is_random| {
        let mut text = vec![16; 16];
        text[0] = 0;
        if is_random { random.bytes(16) } else { text }
    });
    vec![
        subject("a tag that is compared up to the first difference", tags, |tag| {
            black_box(ends_early(tag));
        }),
        subject("padding that is looked at until it is wrong", paddings, |text| {
            black_box(padding_until_wrong(text));
        }),
    ]
}
