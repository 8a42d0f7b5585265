//! A case about a whole configuration file.

use atrest::{ConfigOptions, ConfigStage, EncryptionConfiguration, KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::{Value, json};

/// Go's `base64.StdEncoding`.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

#[derive(Deserialize)]
struct Case {
    reload: bool,
    config: String,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    ok: bool,
    stage: Option<String>,
    config: Option<Value>,
    hash: Option<String>,
    resources: Option<Vec<String>>,
    healthchecks: Option<Vec<String>>,
    kms_close_grace_period: Option<String>,
}

pub(crate) fn check(json: &Value) -> Result<(), String> {
    let Case { reload, config, expect } = Case::deserialize(json).map_err(|error| format!("malformed: {error}"))?;
    let read = EncryptionConfiguration::from_yaml(&config, ConfigOptions { reload });
    match (expect.ok, read) {
        (true, Ok(config)) => check_accepted(&config, expect),
        (false, Err(error)) => {
            let stage = match error.stage() {
                ConfigStage::Decode => "decode",
                ConfigStage::Validate => "validate",
                ConfigStage::Build => "build",
                _ => "another",
            };
            let expected = expect.stage.ok_or("malformed: missing field `stage`")?;
            if expected == stage { Ok(()) } else { Err(format!("refused at stage {stage}, not {expected}: {error}")) }
        }
        (true, Err(error)) => Err(format!("refused: {error}")),
        (false, Ok(_)) => Err("accepted".into()),
    }
}

fn check_accepted(config: &EncryptionConfiguration, expect: Expect) -> Result<(), String> {
    let missing = |field: &str| format!("malformed: missing field `{field}`");
    let mut expected = expect.config.ok_or_else(|| missing("config"))?;
    decode_secrets(&mut expected)?;
    same("config", &internal(config), &expected)?;
    same("hash", config.hash(), &*expect.hash.ok_or_else(|| missing("hash"))?)?;
    same("resources", &config.resources(), &expect.resources.ok_or_else(|| missing("resources"))?)?;
    same("healthchecks", &config.health_checks(), &expect.healthchecks.ok_or_else(|| missing("healthchecks"))?)?;
    let grace = expect.kms_close_grace_period.ok_or_else(|| missing("kms_close_grace_period"))?;
    same("kms_close_grace_period", &config.kms_close_grace_period().as_nanos(), &nanos(&grace)?)
}

fn same<T: PartialEq + core::fmt::Debug + ?Sized>(what: &str, ours: &T, expected: &T) -> Result<(), String> {
    if ours == expected { Ok(()) } else { Err(format!("{what}: {ours:?} instead of {expected:?}")) }
}

/// Our configuration in the form of the record: Go's field names, and the bytes of secrets as numbers.
fn internal(config: &EncryptionConfiguration) -> Value {
    let entries = config.entries().iter().map(|entry| {
        let providers: Vec<_> = entry.providers().iter().map(provider).collect();
        json!({ "Resources": entry.resources(), "Providers": providers })
    });
    json!({ "Resources": entries.collect::<Vec<_>>() })
}

fn provider(entry: &ProviderEntry) -> Value {
    let mut provider = json!({ "AESGCM": null, "AESCBC": null, "Secretbox": null, "Identity": null, "KMS": null });
    match entry {
        ProviderEntry::AesGcm(keys) => provider["AESGCM"] = key_list(keys),
        ProviderEntry::AesCbc(keys) => provider["AESCBC"] = key_list(keys),
        ProviderEntry::Secretbox(keys) => provider["Secretbox"] = key_list(keys),
        ProviderEntry::Identity => provider["Identity"] = json!({}),
        ProviderEntry::Kms(kms) => provider["KMS"] = kms_settings(kms),
        _ => {}
    }
    provider
}

fn key_list(keys: &[KeyEntry]) -> Value {
    let keys = keys.iter().map(|key| json!({ "Name": key.name(), "Secret": key.secret().expose() }));
    json!({ "Keys": keys.collect::<Vec<_>>() })
}

fn kms_settings(kms: &KmsEntry) -> Value {
    let api_version = if kms.api_version() == KmsApiVersion::V1 { "v1" } else { "v2" };
    json!({
        "APIVersion": api_version,
        "Name": kms.name(),
        "CacheSize": kms.cachesize(),
        "Endpoint": kms.endpoint(),
        "Timeout": u64::try_from(kms.timeout().as_nanos()).unwrap_or(u64::MAX),
    })
}

/// Puts in place of each base64 of a secret its bytes, and of each duration its nanoseconds.
fn decode_secrets(value: &mut Value) -> Result<(), String> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(decode_secrets),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
            match (name.as_str(), value.as_str()) {
                ("Secret", Some(text)) => {
                    let symbols: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
                    *value = GO.decode(symbols).map_err(|error| format!("malformed: {error}"))?.into();
                }
                ("Timeout", Some(text)) => {
                    *value = u64::try_from(nanos(text)?).map_err(|error| format!("malformed: {error}"))?.into();
                }
                _ => decode_secrets(value)?,
            }
            Ok(())
        }),
        _ => Ok(()),
    }
}

/// The nanoseconds of a duration in Go's form, in whole numbers of units.
fn nanos(text: &str) -> Result<u128, String> {
    let mut rest = text;
    let mut sum = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or("malformed: no unit")?;
        let (digits, behind) = rest.split_at(number);
        let unit_len = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_len);
        let unit: u128 = match unit {
            "ns" => 1,
            "\u{b5}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("malformed: unknown unit {unit:?}")),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let number = |text: &str| text.parse::<u128>().map_err(|error| format!("malformed: {error}"));
        sum += number(whole)? * unit;
        if !fraction.is_empty() {
            sum += number(fraction)? * unit / 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        }
        rest = behind;
    }
    Ok(sum)
}
