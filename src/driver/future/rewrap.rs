//! Rewrapping by a driver.

use alloc::vec::Vec;

use super::AsyncTransformer;
use crate::driver::link::{Checked, Link};
use crate::envelope::Rewrap;
use crate::error::{Error, Result};
use crate::kek::{CallError, KekError, Wrapped};
use crate::observer::Operation;

impl AsyncTransformer {
    /// Has the DEK of a value of the crate's own envelope wrapped anew by the first provider of that kind, which also
    /// unwraps it; the payload stays as it is. See [`Rewrap`]. The observer is told from the first call of the KEK on.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`] for another value and where there is no such provider; [`Error::Open`],
    /// [`Error::KekAnswer`], [`Error::OutOfMemory`], and what the KEK refused and why.
    pub async fn rewrap(&self, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
        let is_envelope = |link: &Link| matches!(link.checked, Checked::Envelope(_));
        let links = self.links.iter().enumerate().filter_map(|(index, link)| Some((index, link.as_ref()?)));
        let (index, link) = links.into_iter().find(|(_, link)| is_envelope(link)).ok_or(Error::NoMatchingProvider)?;
        let rewrap = Rewrap::begin(context, stored)?;
        let rewrapped = self.rewrapped(index, link, rewrap).await;
        let outcome = rewrapped.as_ref().map(|_| ()).map_err(CallError::error);
        self.transformer.tell_rotation(index, outcome, rewrap.request().key_id());
        rewrapped
    }

    async fn rewrapped(&self, index: usize, link: &Link, rewrap: Rewrap<'_>) -> Result<Vec<u8>, CallError> {
        let key_id = rewrap.request().key_id();
        let dek = link.unwrap_dek(rewrap.request()).await;
        self.transformer.tell_key(Operation::Unwrap, index, outcome(&dek), Some(key_id));
        let rewrap = rewrap.answer(dek?)?;
        let answer = link.wrap_dek(rewrap.expose_dek(), rewrap.context()).await;
        let key_id = answer.as_ref().ok().map(Wrapped::key_id);
        self.transformer.tell_key(Operation::Wrap, index, outcome(&answer), key_id);
        Ok(rewrap.answer(&answer?)?)
    }
}

fn outcome<T>(answer: &Result<T, KekError>) -> Result<()> {
    answer.as_ref().map(|_| ()).map_err(|refused| refused.refusal().error())
}
