//! The check of a padding with 32 bytes to a register, in assembly: nothing of what it reads is on the stack, however it is
//! compiled. `unsafe` code: instructions that not every processor has, behind the proof that this one has them, and pointers.
#![allow(unsafe_code)]

use core::arch::asm;

use super::{BLOCK_LEN, DISTANCES, LOOK_BACK};

cpufeatures::new!(detection, "avx2");

/// The length of the padding of `decrypted`, whole blocks and at least one; 0 if it is wrong, `None` where the processor has no
/// such registers.
pub(super) fn padding_len(decrypted: &[u8]) -> Option<u8> {
    // Miri has no assembly, and the assembly has addresses of 64 bits.
    if cfg!(any(miri, not(target_pointer_width = "64")))
        || !detection::get()
        || decrypted.is_empty()
        || decrypted.len() % BLOCK_LEN != 0
    {
        return None;
    }
    let window = &decrypted[decrypted.len() - decrypted.len().min(LOOK_BACK)..];
    // SAFETY: the instructions were detected, and the length looked at, above.
    Some(unsafe { checked(window) })
}

/// # Safety
/// The processor has AVX2. `window` is up to 256 bytes, of whole blocks, and at least one.
unsafe fn checked(window: &[u8]) -> u8 {
    let len: u64;
    // SAFETY: the caller vouches for the instructions. As many bytes as `back` says, and as many distances, are read before their
    // ends, by blocks and pairs of them.
    unsafe {
        asm!(
            "movzx {len:e}, byte ptr [{end} - 1]",
            "vpbroadcastb ymm0, byte ptr [{end} - 1]",
            "xor {differs:e}, {differs:e}",
            // Longer than all, or none.
            "cmp {back}, {len}",
            "adc {differs:e}, 0",
            "cmp {len}, 1",
            "adc {differs:e}, 0",
            "vpxor xmm1, xmm1, xmm1",
            "neg {back}",
            "test {back}, 16",
            "jz 32f",
            "vpsubusb xmm2, xmm0, [{distances} + {back}]",
            "vpxor xmm3, xmm0, [{end} + {back}]",
            "vpminub xmm1, xmm2, xmm3",
            "add {back}, 16",
            "jz 33f",
            "32:",
            // Of what is in the padding that is not 0, and of what differs from the last byte that is not.
            "vpsubusb ymm2, ymm0, [{distances} + {back}]",
            "vpxor ymm3, ymm0, [{end} + {back}]",
            "vpminub ymm2, ymm2, ymm3",
            "vpor ymm1, ymm1, ymm2",
            "add {back}, 32",
            "jnz 32b",
            "33:",
            "vptest ymm1, ymm1",
            "setnz {back:l}",
            "movzx {back:e}, {back:l}",
            "or {differs:e}, {back:e}",
            // All bits of the mask are set if nothing differs.
            "sub {differs}, 1",
            "sbb {differs}, {differs}",
            "and {len}, {differs}",
            "vpxor xmm0, xmm0, xmm0",
            "vpxor xmm1, xmm1, xmm1",
            "vpxor xmm2, xmm2, xmm2",
            "vpxor xmm3, xmm3, xmm3",
            "vzeroupper",
            len = out(reg) len,
            differs = out(reg) _,
            back = inout(reg) window.len() => _,
            end = in(reg) window.as_ptr().add(window.len()),
            distances = in(reg) DISTANCES.as_ptr().add(LOOK_BACK),
            // The last instruction writes to all of them.
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _, out("ymm6") _,
            out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _,
            out("ymm13") _, out("ymm14") _, out("ymm15") _,
            options(readonly, nostack)
        );
    }
    // It is a byte.
    len.to_le_bytes()[0]
}
