//! What the library has to reach.

use crate::growth;
use crate::rows::Report;
use crate::table::size;

/// Sizes that have a target of their own; at 1 MiB the default build has one for all.
const SIZES: [usize; 3] = [64, 1 << 10, 16 << 10];

type Ratios = [f64; 3];

/// Provider, operation, and the greatest ratio by size of the default build and of the fast one.
const RATIOS: [(&str, &str, Ratios, Ratios); 9] = [
    ("aesgcm", "seal", [0.6, 0.5, 0.6], [0.35, 0.25, 0.25]),
    ("aesgcm", "open", [0.7, 0.8, 0.95], [0.4, 0.4, 0.35]),
    ("aescbc", "seal", [0.3, 0.55, 0.65], [0.3, 0.5, 0.55]),
    ("aescbc", "open", [0.3, 0.25, 0.2], [0.3, 0.25, 0.2]),
    ("secretbox", "seal", [0.6, 0.5, 0.5], [0.5, 0.35, 0.3]),
    ("secretbox", "open", [0.6, 0.5, 0.5], [0.5, 0.35, 0.3]),
    ("kms_v2", "seal", [0.2, 0.2, 0.3], [0.15, 0.12, 0.15]),
    ("kms_v2", "open", [0.2, 0.25, 0.45], [0.2, 0.15, 0.2]),
    ("kms_v2", "open-cached", [0.4, 0.4, 0.6], [0.35, 0.3, 0.3]),
];

const LARGE: (usize, f64) = (1 << 20, 1.0);

/// Primitives of libraries on two buffers.
const LIBRARIES: [(&str, &[&str]); 4] = [
    ("aesgcm", &["bare-rustcrypto", "bare-ring", "bare-aws-lc-rs"]),
    ("aescbc", &["bare-rustcrypto", "bare-aws-lc-rs"]),
    ("secretbox", &["bare-dryoc", "bare-libsodium"]),
    ("kms_v2", &["bare", "bare-fast"]),
];

/// What a complete operation may take beyond a primitive, and a short one once more.
const SHARE: f64 = 1.1;
const MORE_AT_64: f64 = 40.0;

/// Builds: with allocation, into a buffer, and the primitive of the same backend.
const BUILDS: [[&str; 2]; 2] = [["atrest-into", "bare"], ["atrest-fast-into", "bare-fast"]];

/// Which number must not be, or is at least, how many times another: name, numbers, ratio.
const GROWTH: [(&str, &str, [usize; 2], f64); 5] = [
    ("opening under 1,000 keys, over one", "keys", [1, 1000], 1.2),
    ("opening with 100,000 cached DEKs, over ten", "deks", [10, 100_000], 1.5),
    ("a value of a list of 10,000, over a single open", "list", [1, 10_000], 1.0),
    ("opening on two cores, over one", "threads", [2, 1], 1.8),
    ("the same with cached DEKs", "threads-cached", [2, 1], 1.8),
];

const NONCE_MOST: f64 = 60.0;

/// What is compared, in the order of the tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Against {
    Go,
    Library,
    Primitive,
    Growth,
}

/// A cell that was measured, and whether it is as it should be.
pub struct Verdict {
    pub against: Against,
    pub name: String,
    pub size: String,
    pub build: &'static str,
    pub is: f64,
    pub limit: f64,
    pub at_least: bool,
    /// What it is compared with.
    pub with: String,
}

impl Verdict {
    pub fn is_met(&self) -> bool {
        if self.at_least { self.is >= self.limit } else { self.is <= self.limit }
    }

    pub fn word(&self) -> &'static str {
        if self.is_met() { "met" } else { "MISSED" }
    }
}

/// Every target whose cells were measured.
pub fn verdicts(report: &Report) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    over_go(report, &mut verdicts);
    let nonce = report.ns(growth::PROVIDER, "nonce", 12, "atrest");
    if let Some(nonce) = nonce {
        over_libraries(report, nonce, &mut verdicts);
        over_primitives(report, nonce, &mut verdicts);
    }
    of_growth(report, nonce, &mut verdicts);
    verdicts
}

fn over_go(report: &Report, verdicts: &mut Vec<Verdict>) {
    for (provider, op, default, fast) in RATIOS {
        let cells = SIZES.into_iter().zip(default).map(|(len, most)| ("atrest", len, most));
        let fast = SIZES.into_iter().zip(fast).map(|(len, most)| ("atrest-fast", len, most));
        for (build, len, limit) in cells.chain([("atrest", LARGE.0, LARGE.1)]).chain(fast) {
            let (ours, go) = (report.ns(provider, op, len, build), report.ns(provider, op, len, "go"));
            if let (Some(ours), Some(go)) = (ours, go) {
                let name = format!("{provider} {op}");
                let (against, with) = (Against::Go, "go".into());
                verdicts.push(Verdict {
                    against,
                    name,
                    size: size(len),
                    build,
                    is: ours / go,
                    limit,
                    at_least: false,
                    with,
                });
            }
        }
    }
}

fn over_libraries(report: &Report, nonce: f64, verdicts: &mut Vec<Verdict>) {
    for (provider, libraries) in LIBRARIES {
        for (op, len) in ["seal", "open"].into_iter().flat_map(|op| crate::SIZES.map(|len| (op, len))) {
            let times = libraries.iter().filter_map(|name| Some((report.ns(provider, op, len, name)?, *name)));
            let best = times.min_by(|a, b| a.0.total_cmp(&b.0));
            let build = BUILDS[1][0];
            let Some((best, with)) = best else { continue };
            if let Some(ratio) = report.ratio(provider, op, len, [build, with]) {
                let is = ratio * best;
                let limit = best * SHARE + nonce + if len == 64 { MORE_AT_64 } else { 0.0 };
                let (against, with) = (Against::Library, format!("{with}, {best:.0}"));
                let name = format!("{provider} {op}");
                verdicts.push(Verdict { against, name, size: size(len), build, is, limit, at_least: false, with });
            }
        }
    }
}

fn over_primitives(report: &Report, nonce: f64, verdicts: &mut Vec<Verdict>) {
    for provider in ["aesgcm", "aescbc", "secretbox"] {
        for (op, [build, bare]) in ["seal", "open"].into_iter().flat_map(|op| BUILDS.map(|build| (op, build))) {
            for (len, share) in [(1 << 10, SHARE), (1 << 20, 1.02)] {
                let times = (report.ratio(provider, op, len, [build, bare]), report.ns(provider, op, len, bare));
                if let (Some(ratio), Some(primitive)) = times {
                    let is = ratio * primitive;
                    let limit = primitive * share + nonce;
                    let (against, with) = (Against::Primitive, format!("{bare}, {primitive:.0}"));
                    let name = format!("{provider} {op}");
                    verdicts.push(Verdict { against, name, size: size(len), build, is, limit, at_least: false, with });
                }
            }
        }
    }
}

fn of_growth(report: &Report, nonce: Option<f64>, verdicts: &mut Vec<Verdict>) {
    let (against, build) = (Against::Growth, "atrest");
    for (name, op, [from, to], limit) in GROWTH {
        let at = |number| report.ns(growth::PROVIDER, op, number, build);
        if let (Some(from), Some(to)) = (at(from), at(to)) {
            let (at_least, with) = (op.starts_with("threads"), format!("{to:.0} ns, {from:.0} ns"));
            verdicts.push(Verdict {
                against,
                name: name.into(),
                size: String::new(),
                build,
                is: to / from,
                limit,
                at_least,
                with,
            });
        }
    }
    if let Some(is) = nonce {
        let name = "one nonce, ns".into();
        verdicts.push(Verdict {
            against,
            name,
            size: String::new(),
            build,
            is,
            limit: NONCE_MOST,
            at_least: false,
            with: String::new(),
        });
    }
}
