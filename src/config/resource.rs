//! Names of resources and the order in which rules apply to them. Format document: 1.3. Kubernetes:
//! `schema.ParseGroupResource`, `encryptionconfig.transformerFromOverrides`.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

/// A resource and its API group; `*` is a wildcard in either place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct GroupResource {
    pub(super) resource: String,
    /// Empty for the core group.
    pub(super) group: String,
}

impl GroupResource {
    /// Reads `resource.group`; without a dot the group is the core group.
    pub(super) fn parse(text: &str) -> Self {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        Self { resource: resource.to_owned(), group: group.to_owned() }
    }

    /// Every resource of the same group.
    pub(super) fn whole_group(&self) -> Self {
        Self { resource: "*".to_owned(), group: self.group.clone() }
    }

    /// Every resource of every group.
    pub(super) fn everything() -> Self {
        Self { resource: "*".to_owned(), group: "*".to_owned() }
    }

    /// What the rules have for it: its own, else that of its group, else that of everything.
    pub(super) fn find<'r, T>(&self, rules: &'r BTreeMap<Self, T>) -> Option<&'r T> {
        let wider = || rules.get(&self.whole_group()).or_else(|| rules.get(&Self::everything()));
        rules.get(self).or_else(wider)
    }

    pub(super) fn is_everything(&self) -> bool {
        self.resource == "*" && self.group == "*"
    }
}

/// As upstream prints it; the wildcard of the core group is `*`.
impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}
