//! What all assembly with registers of 512 bits has in common.

/// Runs lines, which may write to every vector register and to `k1` to `k3`, and clears the vector registers: what comes next may save them on the stack.
macro_rules! run {
    ([$($lines:expr),* $(,)?], $($operands:tt)*) => {
        core::arch::asm!(
            $($lines,)*
            ".irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25",
            r"vpxord zmm\register, zmm\register, zmm\register",
            ".endr",
            ".irp register, 26, 27, 28, 29, 30, 31",
            r"vpxord zmm\register, zmm\register, zmm\register",
            ".endr",
            "vzeroupper",
            $($operands)*
            out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _, out("zmm4") _, out("zmm5") _, out("zmm6") _,
            out("zmm7") _, out("zmm8") _, out("zmm9") _, out("zmm10") _, out("zmm11") _, out("zmm12") _,
            out("zmm13") _, out("zmm14") _, out("zmm15") _, out("zmm16") _, out("zmm17") _, out("zmm18") _,
            out("zmm19") _, out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _, out("zmm24") _,
            out("zmm25") _, out("zmm26") _, out("zmm27") _, out("zmm28") _, out("zmm29") _, out("zmm30") _,
            out("zmm31") _, out("k1") _, out("k2") _, out("k3") _,
            options(nostack),
        )
    };
}

/// Reads a nonce to a register, the first word of 32 bits and those behind it, given by their numbers, one by one; the rest becomes
/// zero. What was just written in parts, as the pooled source writes a nonce, a processor waits for if it is read as a whole.
macro_rules! nonce_read {
    ($to:literal, $from:literal, $words_behind:literal) => {
        concat!(
            "vmovd ",
            $to,
            ", dword ptr [",
            $from,
            "]\n.irp word, ",
            $words_behind,
            "\nvpinsrd ",
            $to,
            ", ",
            $to,
            ", dword ptr [",
            $from,
            r" + 4 * \word], \word",
            "\n.endr\n",
        )
    };
}
