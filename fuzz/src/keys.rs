//! A list with everything that makes routing hard: a provider twice, names that repeat, names that are the
//! beginning of others, names with `:`, one key under several names.
//!
//! The secrets are those of the recorded Kubernetes values in `tests/vectors`, so that these values open.

use std::sync::LazyLock;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, Keyed, KeyedCipher, NamedKey, Provider, Secretbox, SecretboxKey,
    Transformer,
};

const FIRST_AESGCM: [(&str, &str); 5] = [
    ("key0", "QWZ5erZ8glc0Zf3liLoUZFuOWscZ50swDpB3G+gVtk0="),
    ("key1", "flUQ5Bgc4TQJ7ohBGli47qVyq218SR/ZIpD/pdrWL6g="),
    ("key1", "mHadRKT5RyDzgjZph16Ijg=="),
    ("key2", "QfxiN8qulBCtqN8X3l2qvpJkEkzqOQJMQkTH4aucHzA="),
    ("a", "95wJqNGmf6g9GHLIQpbWr1RT6upTFlKUnj8rrzA5tGY="),
];

const AESCBC: [(&str, &str); 5] = [
    ("key0", "hdHhIHNGaM00jDJH4wZeOi5hn7UbC37Oh6JF0CKbJtY="),
    ("key1", "sWmx2aTQB9d1rXrnCWew3Q=="),
    ("a", "VB9xFaPp8XINh1Oapvym9+vhrcjBgSnziApidyjZUx8="),
    ("a:b", "VB9xFaPp8XINh1Oapvym9+vhrcjBgSnziApidyjZUx8="),
    ("key1", "aJM4OEj9fFYCXkJersPXT2/tozIB01FS7enojathXoo="),
];

const SECRETBOX: [(&str, &str); 5] = [
    ("key0", "v2/ZFT4eLP2sdI3cV4yuuKcYio64WNlGP1kBOfFGGYQ="),
    ("a:b", "mBdCfb6/AUhg/bW0WtTkJXKaH2ZRYW8Rmp70tgoXZUw="),
    ("a", "95wJqNGmf6g9GHLIQpbWr1RT6upTFlKUnj8rrzA5tGY="),
    ("key1", "mBdCfb6/AUhg/bW0WtTkJXKaH2ZRYW8Rmp70tgoXZUw="),
    ("key1", "Q+OB6zxI9JIJiQJpjhLn72k0OyIQ3oYSl7I0sjSR56Y="),
];

const SECOND_AESGCM: [(&str, &str); 4] = [
    ("key0", "19OOABklBBD2bxDhWaPQig=="),
    ("key1", "MxigK+w+FJibu2qqGIyTrw=="),
    ("a:b", "95wJqNGmf6g9GHLIQpbWr1RT6upTFlKUnj8rrzA5tGY="),
    ("a:", "mHadRKT5RyDzgjZph16Ijg=="),
];

/// The same list twice: as an owned transformer, which looks names up, and a borrowed one, which scans.
#[derive(Debug)]
pub struct Lists {
    /// Owned keys and providers.
    pub owned: Transformer<'static>,
    /// Borrowed keys and providers.
    pub borrowed: Transformer<'static>,
}

/// The lists, built once.
pub fn lists() -> &'static Lists {
    static LISTS: LazyLock<Lists> = LazyLock::new(|| {
        let first = keys(&FIRST_AESGCM, AesGcmKey::from_base64);
        let aescbc = keys(&AESCBC, AesCbcKey::from_base64);
        let secretbox = keys(&SECRETBOX, SecretboxKey::from_base64);
        let second = keys(&SECOND_AESGCM, AesGcmKey::from_base64);
        let owned = Transformer::builder()
            .provider(AesGcm::new(first.clone()).expect("keys are given"))
            .provider(AesCbc::new(aescbc.clone()).expect("keys are given"))
            .provider(Secretbox::new(secretbox.clone()).expect("keys are given"))
            .provider(AesGcm::new(second.clone()).expect("keys are given"))
            .provider(Identity::new())
            .build()
            .expect("providers are given");
        let providers: [&dyn Provider; 5] =
            [borrowed(first), borrowed(aescbc), borrowed(secretbox), borrowed(second), &const { Identity::new() }];
        let borrowed = Transformer::borrowed(Box::leak(Box::new(providers))).expect("providers are given");
        Lists { owned, borrowed }
    });
    &LISTS
}

fn keys<C>(
    list: &[(&'static str, &'static str)],
    decode: fn(&'static str) -> atrest::Result<C>,
) -> Vec<(&'static str, C)> {
    list.iter().map(|&(name, secret)| (name, decode(secret).expect("the secret is a key"))).collect()
}

/// Leaked, which is what `'static` costs; it happens once.
fn borrowed<C: KeyedCipher + 'static>(keys: Vec<(&'static str, C)>) -> &'static Keyed<'static, C> {
    let keys: &'static [(&str, C)] = keys.leak();
    let named: Vec<_> = keys.iter().map(|(name, key)| NamedKey::new(*name, key).expect("names are text")).collect();
    Box::leak(Box::new(Keyed::borrowed(named.leak()).expect("keys are given")))
}
