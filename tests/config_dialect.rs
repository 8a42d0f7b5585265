//! The YAML of a configuration is YAML 1.1 as the API server reads it: what that refuses is refused although later
//! versions have it, and what that takes for text is text. The verdicts are those of the API server's decoder,
//! except where a test says otherwise.
#![allow(clippy::unwrap_used, clippy::panic)]

use atrest::{ConfigOptions, EncryptionConfiguration};

const HEADER: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";

fn read(text: &str) -> Result<EncryptionConfiguration, String> {
    EncryptionConfiguration::from_yaml(text, ConfigOptions::default())
        .map_err(|error| error.faults()[0].problem().to_owned())
}

/// A configuration in which the name of a key, or more, is written as given.
fn with_name(name: &str) -> String {
    format!(
        "{HEADER}- resources: [secrets]\n  providers:\n  - secretbox:\n      keys:\n      - name: {name}\n        \
         secret: c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/Pz8/Pz8=\n"
    )
}

fn with_resources(resources: &str) -> String {
    format!("{HEADER}- resources: {resources}\n  providers:\n  - identity: {{}}\n")
}

/// The name of the only key.
fn name(text: &str) -> String {
    let config = read(text).unwrap_or_else(|problem| panic!("{problem}: {text}"));
    config.entries()[0].providers()[0].keys()[0].name().to_owned()
}

#[test]
fn numbers_out_of_range_are_names() {
    for text in ["12e4567", "1e400", "0x10000000000000000", "0o7777777777777777777777777", "+0xffffffffffffffff"] {
        assert_eq!(name(&with_name(text)), text);
    }
    for text in ["12e45", "0xffffffffffffffff", "99999999999999999999", ".5_0", "0b-11", "1_0"] {
        assert_eq!(read(&with_name(text)).unwrap_err(), "a boolean or a number where text should be", "{text}");
    }
}

/// The API server takes these for the ends of lines; here they are refused, and nothing has two meanings.
#[test]
fn line_ends_of_yaml_1_1_are_refused() {
    for c in ['\u{85}', '\u{2028}', '\u{2029}'] {
        let problem = "U+0085, U+2028 or U+2029, which end a line in YAML 1.1 alone";
        // The API server reads a second provider here.
        let hidden = format!("{HEADER}- resources: [secrets]\n  providers:\n  - aesgcm: {{}} #{c}  - identity: {{}}\n");
        assert_eq!(read(&hidden).unwrap_err(), problem);
        assert_eq!(read(&with_name(&format!("a{c}b"))).unwrap_err(), problem);
        assert_eq!(read(&with_name(&format!("'a{c}b'"))).unwrap_err(), problem);
        // As an escape, and in JSON, they are characters.
        let code = u32::from(c);
        assert_eq!(name(&with_name(&format!("\"a\\u{code:04x}b\""))), format!("a{c}b"));
        let provider = "{\"secretbox\": {\"keys\": [{\"name\": \"a_b\", \
                        \"secret\": \"c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/Pz8/Pz8=\"}]}}";
        let json = format!(
            "{{\"apiVersion\": \"apiserver.config.k8s.io/v1\", \"kind\": \"EncryptionConfiguration\", \"resources\": \
             [{{\"resources\": [\"secrets\"], \"providers\": [{}]}}]}}",
            provider.replace('_', &c.to_string())
        );
        assert_eq!(name(&json), format!("a{c}b"));
    }
}

#[test]
fn directives_are_those_of_yaml_1_1() {
    let config = with_resources("[secrets]");
    for directive in ["%YAML 1.1", "%YAML 1.1 # c", "%YAML 1.01", "%TAG !e! tag:e,2000:", "# c\n\n%YAML 1.1"] {
        read(&format!("{directive}\n---\n{config}")).unwrap();
    }
    for directive in ["%YAML 1.2", "%YAML 1.3", "\u{feff}%YAML 1.2", "%FOO bar", "# c\n\n%FOO", "%TAG ! !e\n%YAML 1.2"]
    {
        let refused = read(&format!("{directive}\n---\n{config}")).unwrap_err();
        assert_eq!(refused, "not YAML 1.1: another version or an unknown directive", "{directive}");
    }
}

#[test]
fn lines_do_not_begin_with_a_tab() {
    let config = with_resources("[secrets]");
    let after_kind = |line: &str| config.replace("resources:\n", &format!("{line}\nresources:\n"));
    for text in [
        after_kind("\t"),
        after_kind("\t# c"),
        format!("\t\n{config}"),
        format!("---\n\t\n{config}"),
        format!("{config}\t"),
        format!("{config}\t\n"),
        format!("---\r\n\r\t\n{config}"),
        with_name("'a'\n        \t# c"),
        with_name("a\n\t\n          b"),
        with_name("|\n          a\n\t"),
    ] {
        assert_eq!(read(&text).unwrap_err(), "not YAML: a tab where a line begins", "{text:?}");
    }
    for text in [
        after_kind("# c\t"),
        after_kind("#\tc"),
        config.replace("resources:", "resources:\t"),
        format!("{config}---\n\tx"),
    ] {
        read(&text).unwrap();
    }
    assert_eq!(name(&with_name("a\n          \tb")), "a b");
    assert_eq!(name(&with_name("a\t# c")), "a");
}

#[test]
fn anchors_have_letters_digits_dashes_and_underlines() {
    assert_eq!(name(&with_name("&a_B-1 x")), "x");
    for text in [with_name("&a.b x"), with_name("&\u{e9} x"), with_name("x\n        &a.b key: x")] {
        assert_eq!(read(&text).unwrap_err(), "not YAML 1.1: a character that no anchor has", "{text}");
    }
    let list = with_resources("&a.b [secrets]");
    assert_eq!(read(&list).unwrap_err(), "not YAML 1.1: a character that no anchor has");
}

#[test]
fn escapes_are_those_of_yaml_1_1() {
    for text in [r#""\/x""#, r#""\uD83D\uDE00""#, r#""a\uDE00""#, r#""\\\/""#] {
        read(&with_name(text)).unwrap_err();
    }
    assert_eq!(name(&with_name(r#""\\/\\uD83D\U0001F600""#)), "\\/\\uD83D\u{1f600}");
    assert_eq!(name(&with_name(r"'\/\uD83D'")), r"\/\uD83D");
}

#[test]
fn tags_ask_for_what_the_api_server_understands() {
    for (text, expected) in [
        ("!vault |\n          x", "x\n"),
        ("!foo 5", "5"),
        ("!foo null", "null"),
        ("!!foo x", "x"),
        ("!!map x", "x"),
        ("!!merge x", "x"),
        ("!!str 5", "5"),
    ] {
        assert_eq!(name(&with_name(text)), expected, "{text}");
    }
    for text in ["!!int 5.0", "!!int 1e3", "!!int x", "!!null x", "!!bool x", "!!timestamp x"] {
        assert_eq!(read(&with_name(text)).unwrap_err(), "the tag does not fit", "{text}");
    }
    for tag in ["!!int", "!!null", "!!set", "!foo", "!!binary"] {
        read(&with_resources(&format!("{tag} [secrets]"))).unwrap();
        read(&with_resources("[secrets]").replace("{}", &format!("{tag} {{}}"))).unwrap();
    }
    let named = |tag: &str| with_name("x").replace("secret:", &format!("{tag} secret:"));
    for tag in ["!!str", "!foo", "!!map", "!"] {
        assert_eq!(name(&named(tag)), "x");
    }
    for tag in ["!!int", "!!null", "!!bool", "!!float"] {
        assert_eq!(read(&named(tag)).unwrap_err(), "the tag does not fit", "{tag}");
    }
}

#[test]
fn tags_say_what_is_merged() {
    let merged = |key: &str| {
        let fields = format!("{key}: {{apiVersion: v2, endpoint: 'unix:///b'}}, name: b");
        format!("{HEADER}- resources: [secrets]\n  providers:\n  - kms: {{{fields}}}\n")
    };
    for key in ["<<", "! <<", "! '<<'", "!!merge <<", "!!merge '<<'"] {
        assert_eq!(read(&merged(key)).unwrap().kms().next().unwrap().settings().endpoint(), "unix:///b", "{key}");
    }
    for key in ["'<<'", "!!str <<", "!foo <<", "!!merge x"] {
        assert_eq!(read(&merged(key)).unwrap_err(), "unknown field", "{key}");
    }
}
