//! Who imports whom, read from the source text: `use` trees, and paths that begin with `crate::`.

use std::collections::BTreeMap;

/// The text without comments.
pub(crate) fn code_of(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Every path that the code uses, with the nesting of the inline module it stands in: four spaces each.
fn nested_paths(text: &str) -> Vec<(usize, String)> {
    let code = code_of(text);
    let mut paths = Vec::new();
    let mut rest = code.as_str();
    while let Some(line_end) = rest.find('\n').map(|end| end + 1).or((!rest.is_empty()).then_some(rest.len())) {
        let line = &rest[..line_end];
        let depth = (line.len() - line.trim_start().len()) / 4;
        let statement = line.trim_start();
        let statement = match statement.strip_prefix("pub") {
            Some(visible) => visible.trim_start_matches(|c| c != ' ').trim_start(),
            None => statement,
        };
        if statement.starts_with("use ") {
            let start = rest.find("use ").unwrap_or_default() + "use ".len();
            let end = rest.find(';').unwrap_or(rest.len());
            expand("", &rest[start..end], &mut |path| paths.push((depth, path)));
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            for (at, _) in line.match_indices("crate::") {
                let path = &line[at..];
                let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(path.len());
                paths.push((depth, path[..end].trim_end_matches(':').to_owned()));
            }
            rest = &rest[line_end..];
        }
    }
    paths
}

#[allow(dead_code, reason = "for the tests of this module")]
pub(crate) fn paths_of(text: &str) -> Vec<String> {
    nested_paths(text).into_iter().map(|(_, path)| path).collect()
}

/// Takes a use tree apart: `a::{b, c::*}` is `a::b` and `a::c`.
fn expand(prefix: &str, tree: &str, found: &mut dyn FnMut(String)) {
    let tree = tree.trim();
    let join = |tail: &str| match (prefix, tail) {
        (prefix, "self" | "*" | "") => prefix.to_owned(),
        ("", tail) => tail.to_owned(),
        (prefix, tail) => format!("{prefix}::{tail}"),
    };
    if let Some((head, branches)) = tree.split_once('{') {
        let prefix = join(head.trim_end().trim_end_matches("::"));
        let branches = branches.trim_end().strip_suffix('}').unwrap_or(branches);
        let (mut start, mut depth) = (0, 0);
        for (at, symbol) in branches.char_indices().chain([(branches.len(), ',')]) {
            match symbol {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !branches[start..at].trim().is_empty() {
                        expand(&prefix, &branches[start..at], found);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        found(join(path.trim_end_matches("::*")));
    }
}

/// All modules with their code; the unit tests at the end of a file do not count.
pub(crate) struct Sources {
    modules: BTreeMap<String, Vec<(usize, String)>>,
}

impl Sources {
    pub(crate) fn new(files: &BTreeMap<String, String>) -> Self {
        let module = |name: &str| match name.trim_start_matches("src/").trim_end_matches(".rs") {
            "lib" => String::new(),
            path => path.replace('/', "::"),
        };
        let code = |text: &str| text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        let modules = files.iter().map(|(name, text)| (module(name), nested_paths(&code(text)))).collect();
        Self { modules }
    }

    /// Every import of one module by another, the empty name for lib.
    pub(crate) fn imports(&self) -> Vec<(String, String)> {
        let mut imports = Vec::new();
        for (module, paths) in &self.modules {
            for (depth, path) in paths {
                if let Some(target) = self.absolute(module, *depth, path) {
                    imports.push((module.clone(), self.home(&target)));
                }
            }
        }
        imports
    }

    /// The path from the root of the crate; `None` for one that leads out of it.
    fn absolute(&self, module: &str, depth: usize, path: &str) -> Option<String> {
        let mut segments: Vec<&str> = path.split("::").collect();
        let mut base: Vec<&str> = module.split("::").filter(|segment| !segment.is_empty()).collect();
        if segments[0] == "crate" {
            base.clear();
            segments.remove(0);
        } else if segments[0] == "super" {
            // An inline module's parent is the file.
            let mut inline = depth;
            while segments.first() == Some(&"super") {
                segments.remove(0);
                if inline == 0 {
                    base.pop();
                }
                inline = inline.saturating_sub(1);
            }
        } else {
            let child = [module, segments[0]].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
            self.modules.get(&child.join("::"))?;
        }
        base.extend(segments);
        Some(base.join("::"))
    }

    /// The module in which what a path names is at home: re-exports are followed, lib's and those of parents.
    fn home(&self, target: &str) -> String {
        let mut module = target;
        while !self.modules.contains_key(module) {
            module = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        }
        let item = target[module.len()..].trim_start_matches("::").split("::").next().unwrap_or_default();
        let exported = self.modules[module].iter().find_map(|(_, path)| {
            let child = self.absolute(module, 0, path).filter(|_| !item.is_empty() && !path.starts_with("super"))?;
            let (parent, name) = child.rsplit_once("::")?;
            (name == item && parent != module && child != target).then_some(child)
        });
        match exported {
            Some(child) if child.starts_with(&format!("{module}::")) || module.is_empty() => self.home(&child),
            _ => module.to_owned(),
        }
    }
}
