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
    /// Values in place of a whole body that gives an iterator.
    iterators: BTreeMap<(usize, usize), Vec<(usize, String)>>,
}

/// The byte at which a place of a text lies.
fn offset(text: &str, (line, column): (usize, usize)) -> Result<usize> {
    let begin = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = text.get(begin..).ok_or("the text is shorter")?;
    Ok(begin + rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>())
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
            // There all values that a function returns have one type.
            if mutant.name.contains(" -> impl Iterator") {
                let values = insertions.iterators.entry((changed.start, changed.end)).or_default();
                values.push((number, replacement.to_owned()));
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
        let ranges = self.around.keys().chain(self.iterators.keys());
        let mut stops: Vec<usize> = ranges.flat_map(|&(from, to)| [from, to]).collect();
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
            for (_, values) in self.iterators.iter().filter(|((_, to), _)| *to == stop) {
                planted.push_str(&format!(" }}{} }}", ")".repeat(values.len())));
            }
            for (number, inserted) in self.at.get(&stop).into_iter().flatten() {
                places.push((planted.len()..planted.len() + inserted.len(), *number));
                planted.push_str(inserted);
            }
            for (_, values) in self.iterators.range((stop, 0)..(stop + 1, 0)) {
                for (depth, (number, value)) in values.iter().enumerate() {
                    let (open, close) = ("crate::planted::Either::Right(".repeat(depth), ")".repeat(depth));
                    let inserted = format!("crate::planted::Either::Left({value})");
                    let inserted = format!("if crate::planted::on({number}) {{ {open}{inserted}{close} }} else ");
                    places.push((planted.len()..planted.len() + inserted.len(), *number));
                    planted.push_str(&inserted);
                }
                planted.push_str(&format!("{{ {}{{ ", "crate::planted::Either::Right(".repeat(values.len())));
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
    fn a_body_that_gives_an_iterator_is_one_of_several() {
        let text = "fn f() -> impl Iterator<Item = u8> {\n    1..2\n}\n";
        let mut mutants = ["3..4", "once(5)"].map(|value| mutant(Genre::FnValue, (2, 5), (2, 9), value));
        mutants.iter_mut().for_each(|mutant| mutant.name = "replace f -> impl Iterator<Item = u8> with".to_owned());
        let planted = plant(text, &[(1, &mutants[0]), (2, &mutants[1])]).unwrap().text.replace("crate::planted::", "");
        let expected = "if on(1) { Either::Left(3..4) } else if on(2) { Either::Right(Either::Left(once(5))) } \
                        else { Either::Right(Either::Right({ 1..2 })) }";
        assert_eq!(planted, text.replace("1..2", expected));
    }

    #[test]
    fn what_cannot_be_switched_is_left_out() {
        let no_place = mutant(Genre::Operator, (1, 1), (1, 3), "-");
        assert_eq!(plant(TEXT, &[(1, &no_place)]).unwrap().left_out, [1]);
    }
}
