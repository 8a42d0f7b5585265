//! Puts mutants into the text of a file, each behind a switch, so that one build has them all.
//!
//! An operator becomes `(if on(1) { a - b } else { a + b })`, a function begins with `if on(2) { return 0; }`, and an arm of a
//! match gets the guard `!on(3)`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::Result;
use crate::catalog::{Genre, Mutant};

/// A file with mutants in it.
pub struct Planted {
    pub text: String,
    /// Where in the text each mutant stands.
    pub places: Vec<(Range<usize>, usize)>,
    /// Mutants for which no switch was found.
    pub left_out: Vec<usize>,
}

/// What a switch can be put around, by where the changed text begins.
#[derive(Default)]
struct Sites {
    operators: HashMap<usize, Range<usize>>,
    fields: HashMap<usize, Range<usize>>,
    guards: HashMap<usize, Range<usize>>,
    /// The end of the pattern, and the guard.
    arms: HashMap<usize, (usize, Option<Range<usize>>)>,
}

impl<'ast> Visit<'ast> for Sites {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        self.operators.insert(start(node.op.span()), node.span().byte_range());
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        self.operators.insert(start(node.op.span()), node.span().byte_range());
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        for field in &node.fields {
            self.fields.insert(start(field.span()), node.span().byte_range());
        }
        visit::visit_expr_struct(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        let guard = node.guard.as_ref().map(|(_, guard)| guard.span().byte_range());
        if let Some(guard) = &guard {
            self.guards.insert(guard.start, guard.clone());
        }
        self.arms.insert(start(node.span()), (node.pat.span().byte_range().end, guard));
        visit::visit_arm(self, node);
    }
}

fn start(span: Span) -> usize {
    span.byte_range().start
}

/// Insertions into a text, which keep their nesting.
#[derive(Default)]
struct Insertions {
    /// Variants of an expression.
    around: BTreeMap<(usize, usize), Vec<(usize, String)>>,
    at: BTreeMap<usize, Vec<(usize, String)>>,
}

/// The byte at which a place of a text lies.
fn offset(text: &str, (line, column): (usize, usize)) -> Result<usize> {
    let begin = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = text.get(begin..).ok_or("the text is shorter")?;
    Ok(begin + rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>())
}

/// The text as cargo-mutants would change it.
pub fn changed(text: &str, mutant: &Mutant) -> Result<String> {
    let (from, to) = (offset(text, mutant.from)?, offset(text, mutant.to)?);
    Ok([&text[..from], &mutant.replacement, &text[to..]].concat())
}

/// Puts the mutants, of which each has its number, into the text of their file.
pub fn plant(text: &str, mutants: &[(usize, &Mutant)]) -> Result<Planted> {
    let mut sites = Sites::default();
    sites.visit_file(&syn::parse_file(text)?);
    let mut insertions = Insertions::default();
    let mut left_out = Vec::new();
    for &(number, mutant) in mutants {
        let changed = offset(text, mutant.from)?..offset(text, mutant.to)?;
        let replacement = mutant.replacement.as_str();
        if mutant.genre == Genre::FnValue {
            // There all values a function returns have one type.
            if mutant.name.contains(" -> impl ") {
                left_out.push(number);
                continue;
            }
            let early = format!("if crate::planted::on({number}) {{ return {replacement}; }} ");
            insertions.at.entry(changed.start).or_default().push((number, early));
            continue;
        }
        let site = match mutant.genre {
            Genre::StructField => sites.fields.get(&changed.start).cloned(),
            Genre::Guard => sites.guards.get(&changed.start).cloned(),
            Genre::MatchArm => match sites.arms.get(&changed.start) {
                Some((pattern_end, None)) => {
                    let guard = format!(" if !crate::planted::on({number})");
                    insertions.at.entry(*pattern_end).or_default().push((number, guard));
                    continue;
                }
                Some((_, Some(guard))) => {
                    let variants = insertions.around.entry((guard.start, guard.end)).or_default();
                    variants.push((number, "false".to_owned()));
                    continue;
                }
                None => None,
            },
            _ => sites.operators.get(&changed.start).cloned(),
        };
        let Some(site) = site else {
            left_out.push(number);
            continue;
        };
        let variant = [&text[site.start..changed.start], replacement, &text[changed.end..site.end]].concat();
        insertions.around.entry((site.start, site.end)).or_default().push((number, variant));
    }
    let (text, places) = insertions.apply(text);
    Ok(Planted { text, places, left_out })
}

impl Insertions {
    fn apply(&self, text: &str) -> (String, Vec<(Range<usize>, usize)>) {
        let mut stops: Vec<usize> = self.around.keys().flat_map(|&(from, to)| [from, to]).collect();
        stops.extend(self.at.keys());
        stops.sort_unstable();
        stops.dedup();
        let (mut planted, mut places) = (String::new(), Vec::new());
        let mut done = 0;
        for stop in stops {
            planted.push_str(&text[done..stop]);
            done = stop;
            let ends = self.around.keys().filter(|&&(_, to)| to == stop).count();
            planted.push_str(&" })".repeat(ends));
            for (number, inserted) in self.at.get(&stop).into_iter().flatten() {
                places.push((planted.len()..planted.len() + inserted.len(), *number));
                planted.push_str(inserted);
            }
            // From the outermost to the innermost.
            let mut begun: Vec<_> = self.around.range((stop, 0)..(stop + 1, 0)).collect();
            begun.sort_by_key(|((_, to), _)| std::cmp::Reverse(*to));
            for (_, variants) in begun {
                planted.push('(');
                for (number, variant) in variants {
                    let inserted = format!("if crate::planted::on({number}) {{ {variant} }} else ");
                    places.push((planted.len()..planted.len() + inserted.len(), *number));
                    planted.push_str(&inserted);
                }
                planted.push_str("{ ");
            }
        }
        planted.push_str(&text[done..]);
        (planted, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn f(a: u8, b: u8) -> u8 {\n    match a {\n        1 if b > 2 => 3,\n        4 => !b + 5,\n        _ => 6,\n    }\n}\n";

    fn mutant(genre: Genre, from: (usize, usize), to: (usize, usize), replacement: &str) -> Mutant {
        let (name, file, replacement) = ("m".to_owned(), "f.rs".to_owned(), replacement.to_owned());
        Mutant { name, file, genre, from, to, replacement }
    }

    /// The lines of the match with this mutant, and with another around it.
    fn planted(mutants: &[Mutant]) -> Vec<String> {
        let numbered: Vec<_> = (1..).zip(mutants).collect();
        let planted = plant(TEXT, &numbered).unwrap();
        assert!(planted.left_out.is_empty());
        for (place, number) in &planted.places {
            assert!(planted.text[place.clone()].contains(&format!("on({number})")));
        }
        syn::parse_file(&planted.text).unwrap();
        planted.text.replace("crate::planted::", "").lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn each_genre_gets_its_switch() {
        let lines = planted(&[
            mutant(Genre::FnValue, (2, 5), (6, 6), "7"),
            mutant(Genre::Guard, (3, 14), (3, 19), "true"),
            mutant(Genre::Operator, (3, 16), (3, 17), "<"),
            mutant(Genre::MatchArm, (4, 9), (4, 21), ""),
            mutant(Genre::Operator, (4, 14), (4, 15), ""),
            mutant(Genre::Operator, (4, 17), (4, 18), "-"),
        ]);
        assert_eq!(lines[1], "if on(1) { return 7; } match a {");
        assert_eq!(lines[2], "1 if (if on(2) { true } else if on(3) { b < 2 } else { b > 2 }) => 3,");
        assert_eq!(lines[3], "4 if !on(4) => (if on(6) { !b - 5 } else { (if on(5) { b } else { !b }) + 5 }),");
    }

    #[test]
    fn an_arm_that_has_a_guard_loses_it() {
        let lines = planted(&[mutant(Genre::MatchArm, (3, 9), (3, 25), "")]);
        assert_eq!(lines[2], "1 if (if on(1) { false } else { b > 2 }) => 3,");
    }

    #[test]
    fn a_change_alone_is_what_was_listed() {
        let changed = changed(TEXT, &mutant(Genre::Operator, (4, 17), (4, 18), "*")).unwrap();
        assert_eq!(changed, TEXT.replace("!b + 5", "!b * 5"));
    }

    #[test]
    fn what_cannot_be_switched_is_left_out() {
        let no_place = mutant(Genre::Operator, (1, 1), (1, 3), "-");
        assert_eq!(plant(TEXT, &[(1, &no_place)]).unwrap().left_out, [1]);
    }
}
