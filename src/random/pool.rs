//! One ChaCha20 generator a thread, seeded by the operating system.
//!
//! A child of fork or clone must not go on with its parent's generator. On Linux the mark "seeded" lies
//! in a page of its own that the kernel gives to every child zeroed (`MADV_WIPEONFORK`, Linux 4.14), so
//! that a child finds itself unseeded. Where that cannot be had, each call asks the operating system.

use super::{OsRandom, Random, RandomError};

/// A fast source of nonces: a ChaCha20 generator in each thread, seeded and reseeded by the operating
/// system, safe across `fork` and `clone`.
///
/// It is for nonces, so it is no [`KeySource`](super::KeySource). It reseeds after every 64 KiB of
/// output. The generator's state is wiped when its thread ends.
///
/// The first draw of a thread takes locks of the C library, of its allocator and its loader; later ones take none and
/// allocate nothing. So a child that a bare `clone` makes of a process with several threads may only draw if its thread has
/// drawn before: unlike glibc's `fork`, a bare `clone` leaves it the locks as other threads held them, and it could wait
/// for ever.
///
/// # Security
/// A virtual machine that is restored from a snapshot goes on with the generator as it was: two copies of
/// one snapshot draw the same nonces until each has reseeded. Where machines are cloned while running,
/// pass [`OsRandom`] to the calls that take a source. On systems other than Linux this source is
/// [`OsRandom`] under another name.
#[derive(Clone, Copy, Debug, Default)]
pub struct PooledRandom;

impl Random for PooledRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        #[cfg(target_os = "linux")]
        if let Some(filled) = linux::fill_from_thread(out) {
            return filled;
        }
        OsRandom.fill(out)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use core::cell::RefCell;

    use chacha20::ChaCha20Rng;
    use memmap2::MmapMut;
    use rand_core::{Rng, SeedableRng};
    use zeroize::ZeroizeOnDrop;

    use super::{OsRandom, RandomError};
    use crate::secret::{KEY_STACK, Secret, stack_wiped};

    /// Output after which a generator takes a new seed.
    const RESEED_AFTER: usize = 64 * 1024;

    std::thread_local! {
        static GENERATOR: RefCell<Option<Generator>> = RefCell::new(Generator::new());
    }

    struct Generator {
        /// The first byte is 1 in the very process that seeded `rng`, 0 in any other.
        seeded: MmapMut,
        rng: Option<ChaCha20Rng>,
        left: usize,
    }

    impl Generator {
        /// `None` where the kernel does not wipe pages for children.
        fn new() -> Option<Self> {
            let seeded = MmapMut::map_anon(1).ok()?;
            wipe_on_fork(&seeded).ok()?;
            Some(Self { seeded, rng: None, left: 0 })
        }

        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            let rng = match &mut self.rng {
                Some(rng) if self.seeded.first() == Some(&1) && out.len() <= self.left => rng,
                rng => {
                    let seed = Secret::<32>::generate_with(&mut OsRandom).map_err(|_| RandomError)?;
                    self.left = RESEED_AFTER.max(out.len());
                    if let Some(mark) = self.seeded.first_mut() {
                        *mark = 1;
                    }
                    rng.insert(seeded(&seed))
                }
            };
            self.left = self.left.saturating_sub(out.len());
            rng.fill_bytes(out);
            Ok(())
        }
    }

    /// A generator; the copies of the seed that making it leaves on the stack are wiped.
    fn seeded(seed: &Secret<32>) -> ChaCha20Rng {
        stack_wiped::<KEY_STACK, _>(|| ChaCha20Rng::from_seed(*seed.expose()))
    }

    const _: () = {
        const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
        wiped_on_drop::<ChaCha20Rng>();
    };

    /// Fills `out` from this thread's generator; `None` if there is none, as while a thread ends.
    pub(super) fn fill_from_thread(out: &mut [u8]) -> Option<Result<(), RandomError>> {
        GENERATOR.try_with(|cell| Some(cell.try_borrow_mut().ok()?.as_mut()?.fill(out))).ok()?
    }

    /// Has the kernel zero the page in every child.
    #[allow(unsafe_code)]
    fn wipe_on_fork(page: &MmapMut) -> rustix::io::Result<()> {
        let start = page.as_ptr().cast_mut().cast();
        // SAFETY: the range is the whole of one live private anonymous mapping that `page` owns, and
        // `LinuxWipeOnFork` does not change it in this process: only a child sees it zeroed.
        unsafe { rustix::mm::madvise(start, page.len(), rustix::mm::Advice::LinuxWipeOnFork) }
    }
}
