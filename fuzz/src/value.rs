//! The shape of an input to `open` and `inspect`.

/// What a stored value may begin with; the rest comes from the fuzzer. The first leaves all to the fuzzer.
const BEGINNINGS: [&str; 16] = [
    "",
    "k8s:enc:",
    "k8s:enc:aesgcm:v1:",
    "k8s:enc:aesgcm:v1:key0:",
    "k8s:enc:aesgcm:v1:key1:",
    "k8s:enc:aesgcm:v1:a:b:",
    "k8s:enc:aescbc:v1:",
    "k8s:enc:aescbc:v1:key0:",
    "k8s:enc:aescbc:v1:key1:",
    "k8s:enc:aescbc:v1:a:b:",
    "k8s:enc:secretbox:v1:",
    "k8s:enc:secretbox:v1:key0:",
    "k8s:enc:secretbox:v1:key1:",
    "k8s:enc:secretbox:v1:a:b:",
    "k8s:enc:kms:v1:",
    "k8s:enc:kms:v2:",
];

/// A stored value and the AAD to open it with.
///
/// ```text
/// input = length of the AAD (1 byte) ++ beginning (1 byte, modulo 16) ++ AAD ++ rest of the stored value
/// ```
#[derive(Debug)]
pub struct Value<'a> {
    /// Cut short where the input is.
    pub aad: &'a [u8],
    /// A beginning and the rest.
    pub stored: Vec<u8>,
}

impl<'a> Value<'a> {
    /// Reads an input; `None` for one of less than two bytes.
    pub fn parse(input: &'a [u8]) -> Option<Self> {
        let (&[aad_len, beginning], input) = input.split_first_chunk()?;
        let (aad, rest) = input.split_at(input.len().min(usize::from(aad_len)));
        let beginning = BEGINNINGS[usize::from(beginning) % BEGINNINGS.len()];
        Some(Self { aad, stored: [beginning.as_bytes(), rest].concat() })
    }
}
