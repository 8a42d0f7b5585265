//! From the tree to the shape of a configuration: kind, fields and types, strictly. Format document: 5.1.
//! Kubernetes: `apiserver/v1/types.go`, and the strict decoder of `apimachinery`.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::duration;
use super::fault::{ConfigStage, Faults, Path, Place};
use super::node::{Field, Node, Text, Value};
use super::raw::{At, RawConfiguration, RawEntry, RawKey, RawKeys, RawKms, RawProvider};

const HEADER_ADVICE: &str =
    "begin the file with \"apiVersion: apiserver.config.k8s.io/v1\" and \"kind: EncryptionConfiguration\"";

/// Kinds of the same API group, which upstream decodes and only then refuses.
const OTHER_KINDS: [&str; 4] =
    ["AdmissionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration", "TracingConfiguration"];

/// Decodes a whole file; nothing is left out if there are faults, and the stage says which kind they are of.
pub(super) fn decode(root: Option<&Node>, faults: &mut Faults) -> Result<RawConfiguration, ConfigStage> {
    let path = &Path::Root;
    let mut decoder = Decoder { faults };
    let Some(Node { value: Value::Map(fields), .. }) = root else {
        decoder.faults.add(path, root.map(|node| node.place), "the file holds no map", HEADER_ADVICE);
        return Err(ConfigStage::Decode);
    };
    // The header decides what the other fields are.
    let root = Map { fields, place: None };
    let api_version = decoder.text(&root, "apiVersion", path);
    let kind = decoder.text(&root, "kind", path);
    match (api_version.value.as_str(), kind.value.as_str()) {
        ("apiserver.config.k8s.io/v1", "EncryptionConfiguration") | ("v1", "EncryptionConfig") => {}
        ("apiserver.config.k8s.io/v1", other) if OTHER_KINDS.contains(&other) => {
            decoder.faults.add(&path.field("kind"), kind.place, "a configuration of another kind", HEADER_ADVICE);
            return Err(ConfigStage::Validate);
        }
        (version, kind_name) => {
            let problem = if version.is_empty() || kind_name.is_empty() {
                "apiVersion or kind is missing"
            } else {
                "this apiVersion has no such kind of configuration"
            };
            let place = if kind_name.is_empty() { api_version.place } else { kind.place };
            decoder.faults.add(&path.field("kind"), place, problem, HEADER_ADVICE);
            return Err(ConfigStage::Decode);
        }
    }
    decoder.refuse_unknown(&root, &["apiVersion", "kind", "resources"], path);
    let entries = decoder.list(&root, "resources", path, Decoder::entry);
    Ok(RawConfiguration { entries })
}

struct Decoder<'f> {
    faults: &'f mut Faults,
}

/// A map, or nothing for `null`: its fields are absent then.
struct Map<'n> {
    fields: &'n [Field],
    place: Option<Place>,
}

impl<'n> Map<'n> {
    /// The value of a field unless that is absent or null, and where it stands, or else the map.
    fn get(&self, name: &str) -> (Option<&'n Node>, Option<Place>) {
        let field = self.fields.iter().find(|field| *field.name == name);
        let node = field.map(|field| &*field.node).filter(|node| !matches!(node.value, Value::Null));
        (node, field.map_or(self.place, |field| Some(field.node.place)))
    }
}

impl Decoder<'_> {
    fn map<'n>(&mut self, node: &'n Node, known: &[&str], path: &Path<'_>) -> Map<'n> {
        let fields = match &node.value {
            Value::Map(fields) => fields.as_slice(),
            Value::Null => &[],
            _ => {
                self.faults.add(path, Some(node.place), "not a map", format!("give the fields {}", known.join(", ")));
                &[]
            }
        };
        let map = Map { fields, place: Some(node.place) };
        self.refuse_unknown(&map, known, path);
        map
    }

    fn refuse_unknown(&mut self, map: &Map<'_>, known: &[&str], path: &Path<'_>) {
        for field in map.fields.iter().filter(|field| !known.contains(&field.name.as_str())) {
            let advice = match known.iter().find(|known| known.eq_ignore_ascii_case(&field.name)) {
                Some(known) => format!("write {known}, in these letters"),
                None if known.is_empty() => "write {}".to_owned(),
                None => format!("known here: {}", known.join(", ")),
            };
            self.faults.add(&path.field(&field.name), Some(field.place), "unknown field", advice);
        }
    }

    /// Text; empty if absent.
    fn text(&mut self, map: &Map<'_>, name: &str, path: &Path<'_>) -> At<Text> {
        let (node, place) = map.get(name);
        let value = node.map(|node| self.text_of(node, &path.field(name))).unwrap_or_default();
        At { place, value }
    }

    fn text_of(&mut self, node: &Node, path: &Path<'_>) -> Text {
        match &node.value {
            Value::Text(text) => text.clone(),
            Value::Null => Zeroizing::default(),
            Value::Bool | Value::Number(_) => {
                let problem = "a boolean or a number where text should be";
                self.faults.add(path, Some(node.place), problem, "put it in quotes");
                Zeroizing::default()
            }
            Value::List(_) | Value::Map(_) => {
                self.faults.add(path, Some(node.place), "not text", "give one text");
                Zeroizing::default()
            }
        }
    }

    /// A list; empty if absent.
    fn list<T>(
        &mut self,
        map: &Map<'_>,
        name: &str,
        path: &Path<'_>,
        element: fn(&mut Self, &Node, &Path<'_>) -> T,
    ) -> At<Vec<At<T>>> {
        let path = path.field(name);
        let (node, place) = map.get(name);
        let nodes = match node.map(|node| &node.value) {
            Some(Value::List(nodes)) => nodes.as_slice(),
            Some(_) => {
                self.faults.add(&path, place, "not a list", "give a list, even for one element");
                &[]
            }
            None => &[],
        };
        let elements = nodes.iter().enumerate();
        let value = elements
            .map(|(i, node)| At { place: Some(node.place), value: element(self, node, &path.element(i)) })
            .collect();
        At { place, value }
    }

    fn entry(&mut self, node: &Node, path: &Path<'_>) -> RawEntry {
        let map = self.map(node, &["resources", "providers"], path);
        let resources = self.list(&map, "resources", path, Self::text_of);
        RawEntry { resources, providers: self.list(&map, "providers", path, Self::provider) }
    }

    fn provider(&mut self, node: &Node, path: &Path<'_>) -> RawProvider {
        let map = self.map(node, &["aescbc", "aesgcm", "identity", "kms", "secretbox"], path);
        let identity = map.get("identity").0;
        if let Some(node) = identity {
            self.map(node, &[], &path.field("identity"));
        }
        RawProvider {
            aesgcm: self.keys(&map, "aesgcm", path),
            aescbc: self.keys(&map, "aescbc", path),
            secretbox: self.keys(&map, "secretbox", path),
            identity: identity.is_some(),
            kms: map.get("kms").0.map(|node| self.kms(node, &path.field("kms"))),
        }
    }

    fn keys(&mut self, map: &Map<'_>, name: &str, path: &Path<'_>) -> Option<RawKeys> {
        let path = path.field(name);
        let map = self.map(map.get(name).0?, &["keys"], &path);
        Some(self.list(&map, "keys", &path, Self::key))
    }

    fn key(&mut self, node: &Node, path: &Path<'_>) -> RawKey {
        let map = self.map(node, &["name", "secret"], path);
        RawKey { name: self.text(&map, "name", path), secret: self.text(&map, "secret", path) }
    }

    fn kms(&mut self, node: &Node, path: &Path<'_>) -> RawKms {
        let map = self.map(node, &["apiVersion", "name", "cachesize", "endpoint", "timeout"], path);
        RawKms {
            api_version: self.text(&map, "apiVersion", path),
            name: self.text(&map, "name", path),
            cachesize: self.cachesize(&map, path),
            endpoint: self.text(&map, "endpoint", path),
            timeout: self.timeout(&map, path),
        }
    }

    fn cachesize(&mut self, map: &Map<'_>, path: &Path<'_>) -> At<Option<i32>> {
        let (node, place) = map.get("cachesize");
        let value = node.and_then(|node| match node.value {
            Value::Number(Some(number)) => i32::try_from(number).ok(),
            _ => None,
        });
        if node.is_some() && value.is_none() {
            let advice = "give an integer from -2147483648 to 2147483647";
            self.faults.add(&path.field("cachesize"), place, "not a size", advice);
        }
        At { place, value }
    }

    fn timeout(&mut self, map: &Map<'_>, path: &Path<'_>) -> At<Option<i64>> {
        let (node, place) = map.get("timeout");
        let value = node.and_then(|node| match &node.value {
            Value::Text(text) => duration::parse(text),
            _ => None,
        });
        if node.is_some() && value.is_none() {
            let advice = "give a number with its unit, such as 3s, 300ms or 1m30s";
            self.faults.add(&path.field("timeout"), place, "not a duration", advice);
        }
        At { place, value }
    }
}
