//! What the library has to reach: its time over that of the Go original, at most.

use crate::rows::Report;

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

/// A cell that was measured, and whether it is as it should be.
pub struct Verdict {
    pub provider: &'static str,
    pub op: &'static str,
    pub size: usize,
    pub build: &'static str,
    pub ratio: f64,
    pub most: f64,
}

impl Verdict {
    pub fn is_met(&self) -> bool {
        self.ratio <= self.most
    }
}

/// Every target whose cell and whose original were measured.
pub fn verdicts(report: &Report) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (provider, op, default, fast) in RATIOS {
        let cells = SIZES.into_iter().zip(default).map(|(size, most)| ("atrest", size, most));
        let fast = SIZES.into_iter().zip(fast).map(|(size, most)| ("atrest-fast", size, most));
        for (build, size, most) in cells.chain([("atrest", LARGE.0, LARGE.1)]).chain(fast) {
            let (ours, go) = (report.ns(provider, op, size, build), report.ns(provider, op, size, "go"));
            if let (Some(ours), Some(go)) = (ours, go) {
                verdicts.push(Verdict { provider, op, size, build, ratio: ours / go, most });
            }
        }
    }
    verdicts
}
