//! What is left of a DEK in every order of its threads.

use alloc::sync::Arc;

use super::{DekBudget, DekLimits};
use crate::sync::{in_every_order, spawn};

/// Has two threads take each of the lengths in turn; the bytes of each that was let.
fn taken(budget: &Arc<DekBudget>, lens: [&'static [usize]; 2]) -> alloc::vec::Vec<usize> {
    let takers = lens.map(|lens| {
        let budget = Arc::clone(budget);
        spawn(move || lens.iter().copied().filter(|len| budget.take(*len).is_ok()).collect::<alloc::vec::Vec<_>>())
    });
    takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
}

#[test]
fn no_more_bytes_are_sealed_than_the_limit() {
    in_every_order(|| {
        let budget = Arc::new(DekBudget::new(DekLimits::new(8, 10)));
        let taken = taken(&budget, [&[6, 4], &[6, 3]]);
        assert!(taken.iter().sum::<usize>() <= 10, "{taken:?}");
        // One of the two has come first.
        assert!(taken.contains(&6), "{taken:?}");
        assert!(budget.is_nearly_used_up());
    });
}

#[test]
fn no_more_seals_are_made_than_the_limit() {
    in_every_order(|| {
        let budget = Arc::new(DekBudget::new(DekLimits::new(3, 1000)));
        assert_eq!(taken(&budget, [&[1, 1], &[1, 1]]).len(), 3);
        assert!(!budget.has(0) && budget.is_nearly_used_up());
    });
}
