//! The resources of an element.

use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};

use super::super::fault::{Faults, Path};
use super::super::node::Text;
use super::super::raw::At;
use super::super::resource::GroupResource;

/// Resources that no client can read or write: they are never encrypted.
const WITHOUT_API: [&str; 3] = ["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"];

pub(super) fn check(resources: &At<Vec<At<Text>>>, path: &Path<'_>, faults: &mut Faults) {
    if resources.value.is_empty() {
        faults.add(path, resources.place, "no resources", "list at least one resource");
    }
    for (i, resource) in resources.value.iter().enumerate() {
        if let Some((problem, advice)) = objection(&resource.value) {
            faults.add(&path.element(i), resource.place, problem, advice);
        }
    }
    check_list(resources, path, faults);
}

/// What is wrong with the name of a resource, the first that applies.
fn objection(name: &str) -> Option<(&'static str, &'static str)> {
    if name.to_lowercase() != name {
        return Some(("the name has capital letters", "use small letters"));
    }
    if name == "*" {
        let advice = "write '*.' for all resources of the core group, or '*.*' for all resources";
        return Some(("it is not clear which resources * means", advice));
    }
    if WITHOUT_API.contains(&name) {
        return Some(("a resource without an API cannot be encrypted", "remove it"));
    }
    let GroupResource { resource, group } = GroupResource::parse(name);
    match group.as_str() {
        "events.k8s.io" => Some(("events are stored in the core group", "write events")),
        "extensions" => Some(("the group extensions does not exist any more", "name the resource's present group")),
        "*" if resource != "*" => {
            Some(("one resource in all groups cannot be named", "name each group, or write '*.*'"))
        }
        _ => None,
    }
}

/// What is wrong with the list as a whole, each at most once.
fn check_list(resources: &At<Vec<At<Text>>>, path: &Path<'_>, faults: &mut Faults) {
    if resources.value.len() < 2 {
        return;
    }
    let parsed: Vec<_> = resources.value.iter().map(|name| GroupResource::parse(&name.value)).collect();
    let mut seen = HashSet::new();
    if !parsed.iter().all(|resource| seen.insert(resource)) {
        faults.add(path, resources.place, "a resource is listed twice", "list it once; `secrets.` is `secrets`");
    }
    let mut groups: HashMap<&str, (usize, bool)> = HashMap::new();
    for resource in &parsed {
        let (members, has_wildcard) = groups.entry(&resource.group).or_default();
        *members += 1;
        *has_wildcard |= resource.resource == "*";
    }
    let overlap = groups.values().any(|&(members, has_wildcard)| members > 1 && has_wildcard);
    if overlap || parsed.iter().any(GroupResource::is_everything) {
        let advice = "list a wildcard alone, in an element behind that of the resources it covers";
        faults.add(path, resources.place, "a wildcard covers other resources of the list", advice);
    }
}
