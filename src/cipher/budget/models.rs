//! The count in every order of its threads.

use alloc::sync::Arc;

use super::SealBudget;
use crate::sync::{in_every_order, spawn};

/// How many of so many threads were let, each asking twice.
fn let_through(budget: &Arc<SealBudget>, threads: usize) -> usize {
    let takers: alloc::vec::Vec<_> = (0..threads)
        .map(|_| {
            let budget = Arc::clone(budget);
            spawn(move || usize::from(budget.take().is_ok()) + usize::from(budget.take().is_ok()))
        })
        .collect();
    takers.into_iter().map(|taker| taker.join().unwrap()).sum()
}

#[test]
fn the_last_seal_is_taken_once() {
    in_every_order(|| {
        let budget = Arc::new(SealBudget::new(1));
        assert_eq!(let_through(&budget, 2), 1);
        assert_eq!(budget.left(), 0);
    });
}

#[test]
fn no_seal_is_lost() {
    in_every_order(|| {
        let budget = Arc::new(SealBudget::new(3));
        assert_eq!(let_through(&budget, 2), 3);
        assert_eq!(budget.left(), 0);
    });
}
