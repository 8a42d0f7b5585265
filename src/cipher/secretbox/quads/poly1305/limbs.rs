//! The steps of Poly1305 as lines of assembly.
//!
//! `zmm20` and `zmm21` hold the bits of a long limb and of the short one, `zmm22` the bit that a whole block has more, `zmm23` and
//! `zmm24` the places of halves.

/// Splits the halves of eight blocks, in `zmm25` and `zmm27`, to limbs in `zmm28`, `zmm25` and `zmm27`.
macro_rules! split {
    () => {
        r"
        vpandq zmm28, zmm25, zmm20
        vpsrlq zmm25, zmm25, 44
        vpsllq zmm26, zmm27, 20
        vpternlogq zmm25, zmm26, zmm20, 0xa8
        vpsrlq zmm27, zmm27, 24
        "
    };
}

/// Loads eight blocks.
macro_rules! loaded {
    ($at:literal) => {
        concat!(
            "vmovdqu64 zmm25, [",
            $at,
            "]\n",
            "vmovdqu64 zmm26, [",
            $at,
            " + 64]\n",
            "vmovdqa64 zmm27, zmm25\n",
            "vpermt2q zmm25, zmm23, zmm26\n",
            "vpermt2q zmm27, zmm24, zmm26\n",
            split!(),
            "vporq zmm27 {{k3}}, zmm27, zmm22\n",
        )
    };
}

/// Twenty times a limb, which is what it counts for when it passes the modulus.
macro_rules! folded {
    ($product:literal, $limb:literal) => {
        concat!(
            "vpsllq ",
            $product,
            ", ",
            $limb,
            ", 2\n",
            "vpsllq zmm14, ",
            $limb,
            ", 4\n",
            "vpaddq ",
            $product,
            ", ",
            $product,
            ", zmm14\n",
        )
    };
}

/// Multiplies `zmm0` to `zmm2` with limbs, of which the folded ones are in `zmm6` and `zmm7`, and carries.
///
/// A product takes the lower 52 bits of its factors, which are below that: the number's limbs, with those of a block, 2^45, 2^45 + 2^7
/// and 1.5 x 2^42, the others 2^44, 2^44 + 2^7 and 2^42, folded 2^49 and 2^47. What is carried is below 2^44, 2^44 + 2^7 and 2^42.
macro_rules! multiplied {
    ($r0:literal $r1:literal $r2:literal to $o0:literal $o1:literal $o2:literal) => {
        concat!(
            ".irp register, 8, 9, 10, 11, 12, 13\n vpxord zmm\\register, zmm\\register, zmm\\register\n .endr\n",
            product!("8", "11", "zmm2", "zmm6"),
            product!("9", "12", "zmm2", "zmm7"),
            product!("10", "13", "zmm2", $r0),
            product!("8", "11", "zmm0", $r0),
            product!("9", "12", "zmm0", $r1),
            product!("10", "13", "zmm0", $r2),
            product!("8", "11", "zmm1", "zmm7"),
            product!("9", "12", "zmm1", $r0),
            product!("10", "13", "zmm1", $r1),
            carried!($o0 $o1 $o2),
        )
    };
}

macro_rules! product {
    ($low:literal, $high:literal, $a:literal, $b:literal) => {
        concat!("vpmadd52luq zmm", $low, ", ", $a, ", ", $b, "\n", "vpmadd52huq zmm", $high, ", ", $a, ", ", $b, "\n",)
    };
}

/// Carries products, of which `zmm8` to `zmm10` are the lower 52 bits and `zmm11` to `zmm13` the rest, to limbs.
macro_rules! carried {
    ($o0:literal $o1:literal $o2:literal) => {
        concat!(
            "vpsrlq zmm14, zmm8, 44\n",
            "vpsllq zmm11, zmm11, 8\n",
            "vpsllq zmm12, zmm12, 8\n",
            "vpsllq zmm13, zmm13, 10\n",
            "vpaddq zmm9, zmm9, zmm11\n",
            "vpaddq zmm10, zmm10, zmm12\n",
            "vpandq ",
            $o0,
            ", zmm8, zmm20\n",
            "vpaddq zmm9, zmm9, zmm14\n",
            "vpsrlq zmm14, zmm9, 44\n",
            "vpandq ",
            $o1,
            ", zmm9, zmm20\n",
            "vpaddq zmm10, zmm10, zmm14\n",
            "vpsrlq zmm14, zmm10, 42\n",
            "vpandq ",
            $o2,
            ", zmm10, zmm21\n",
            "vpaddq zmm14, zmm14, zmm13\n",
            "vpsllq zmm13, zmm14, 2\n",
            "vpaddq ",
            $o0,
            ", ",
            $o0,
            ", zmm14\n",
            "vpaddq ",
            $o0,
            ", ",
            $o0,
            ", zmm13\n",
            "vpsrlq zmm14, ",
            $o0,
            ", 44\n",
            "vpandq ",
            $o0,
            ", ",
            $o0,
            ", zmm20\n",
            "vpaddq ",
            $o1,
            ", ",
            $o1,
            ", zmm14\n",
        )
    };
}

/// Makes the powers of the multiplier from the eighth down to the first, in `zmm17` to `zmm19`, and the eighth in all lanes of `zmm3`
/// to `zmm5`.
macro_rules! powers {
    () => {
        concat!(
            r"
        vpbroadcastq zmm20, [{constants} + 152]
        vpbroadcastq zmm21, [{constants} + 160]
        vpbroadcastq zmm22, [{constants} + 168]
        vmovdqu64 zmm23, [{constants}]
        vmovdqu64 zmm24, [{constants} + 64]
        vpbroadcastq zmm25, [{key}]
        vpbroadcastq zmm27, [{key} + 8]
        ",
            split!(),
            r"
        vpandq zmm3, zmm28, [{constants} + 128] {{1to8}}
        vpandq zmm4, zmm25, [{constants} + 136] {{1to8}}
        vpandq zmm5, zmm27, [{constants} + 144] {{1to8}}
        vmovdqa64 zmm0, zmm3
        vmovdqa64 zmm1, zmm4
        vmovdqa64 zmm2, zmm5
        ",
            folded!("zmm6", "zmm4"),
            folded!("zmm7", "zmm5"),
            multiplied!("zmm3" "zmm4" "zmm5" to "zmm17" "zmm18" "zmm19"),
            // The second and the first power by turns.
            blended!("0xaa", "zmm3" "zmm4" "zmm5" to "zmm0" "zmm1" "zmm2"),
            folded!("zmm6", "zmm18"),
            folded!("zmm7", "zmm19"),
            "vmovdqa64 zmm3, zmm17\n vmovdqa64 zmm4, zmm18\n vmovdqa64 zmm5, zmm19\n",
            multiplied!("zmm3" "zmm4" "zmm5" to "zmm17" "zmm18" "zmm19"),
            first_lanes!(),
            // From the fourth down to the first, twice.
            blended!("0xcc", "zmm0" "zmm1" "zmm2" to "zmm0" "zmm1" "zmm2"),
            multiplied!("zmm3" "zmm4" "zmm5" to "zmm17" "zmm18" "zmm19"),
            blended!("0xf0", "zmm0" "zmm1" "zmm2" to "zmm17" "zmm18" "zmm19"),
            first_lanes!(),
        )
    };
}

/// Takes lanes of one number, and the others of that in `zmm17` to `zmm19`.
macro_rules! blended {
    ($lanes:literal, $a0:literal $a1:literal $a2:literal to $o0:literal $o1:literal $o2:literal) => {
        concat!(
            "mov {b:e}, ",
            $lanes,
            "\n kmovw k1, {b:e}\n",
            "vpblendmq ",
            $o0,
            " {{k1}}, zmm17, ",
            $a0,
            "\n",
            "vpblendmq ",
            $o1,
            " {{k1}}, zmm18, ",
            $a1,
            "\n",
            "vpblendmq ",
            $o2,
            " {{k1}}, zmm19, ",
            $a2,
            "\n",
        )
    };
}

/// Takes what is in the first lane of `zmm17` to `zmm19` to all lanes of the multiplier.
macro_rules! first_lanes {
    () => {
        concat!(
            "vpbroadcastq zmm3, xmm17\n vpbroadcastq zmm4, xmm18\n vpbroadcastq zmm5, xmm19\n",
            folded!("zmm6", "zmm4"),
            folded!("zmm7", "zmm5"),
        )
    };
}

/// Takes all groups in, and makes one number of what is in the lanes.
macro_rules! summed {
    () => {
        concat!(
            "mov {a}, [{groups}]\n kmovw k3, [{groups} + 16]\n",
            loaded!("{a}"),
            r"
        vmovdqa64 zmm0, zmm28
        vmovdqa64 zmm1, zmm25
        vmovdqa64 zmm2, zmm27
        31:
        add {groups}, 24
        cmp {groups}, {end}
        je 34f
        mov {a}, [{groups}]
        mov {b}, [{groups} + 8]
        kmovw k3, [{groups} + 16]
        test {b}, {b}
        jz 31b
        32:
        ",
            loaded!("{a}"),
            multiplied!("zmm3" "zmm4" "zmm5" to "zmm0" "zmm1" "zmm2"),
            r"
        vpaddq zmm0, zmm0, zmm28
        vpaddq zmm1, zmm1, zmm25
        vpaddq zmm2, zmm2, zmm27
        add {a}, 128
        dec {b}
        jnz 32b
        jmp 31b
        34:
        ",
            folded!("zmm6", "zmm18"),
            folded!("zmm7", "zmm19"),
            multiplied!("zmm17" "zmm18" "zmm19" to "zmm0" "zmm1" "zmm2"),
            ".irp limb, 0, 1, 2\n",
            r"vextracti64x4 ymm8, zmm\limb, 1
        vpaddq ymm9, ymm\limb, ymm8
        vextracti128 xmm8, ymm9, 1
        vpaddq xmm9, xmm9, xmm8
        vpshufd xmm8, xmm9, 0x4e
        vpaddq xmm\limb, xmm9, xmm8
        .endr
        "
        )
    };
}

/// Takes the number below the modulus and adds the second half of the key; the tag is in `a` and `b` then.
macro_rules! tagged {
    () => {
        r"
        vmovq {a}, xmm0
        vmovq {b}, xmm1
        vmovq {c}, xmm2
        mov {d}, {b}
        shl {d}, 44
        shr {b}, 20
        mov {e}, {c}
        shl {e}, 24
        shr {c}, 40
        add {a}, {d}
        adc {b}, {e}
        adc {c}, 0
        mov {d}, {c}
        shr {d}, 2
        and {c}, 3
        lea {d}, [{d} + {d} * 4]
        add {a}, {d}
        adc {b}, 0
        adc {c}, 0
        mov {d}, {a}
        mov {e}, {b}
        add {d}, 5
        adc {e}, 0
        adc {c}, 0
        test {c}, 4
        cmovnz {a}, {d}
        cmovnz {b}, {e}
        add {a}, [{key} + 16]
        adc {b}, [{key} + 24]
        "
    };
}
