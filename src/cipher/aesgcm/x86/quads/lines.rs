//! The lines of assembly that the passes are made of; `.irp` repeats lines, each time with another number of a register.
//!
//! ```text
//! zmm0-3    blocks of the key stream       zmm8   how bytes are reversed   zmm12-14  products: low, middle, high
//! zmm4-7    blocks for the sum             zmm9   the next four numbers    zmm15     powers, last round keys
//! zmm16-29  round keys, zmm30 the last     zmm10  the mask of the tag      zmm31     one product
//!                                          zmm11  the sum                  k1        bytes that a quad has
//! ```

/// Reads the round keys, of which those of the longest schedule have room, and begins a sum; `keys` is free then.
macro_rules! begun {
    () => {
        r"
        .irp key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        vbroadcasti32x4 zmm\key, [{keys} + 16 * \key - 256]
        .endr
        mov {at}, {rounds}
        shl {at}, 4
        vbroadcasti32x4 zmm30, [{keys} + {at}]
        vbroadcasti32x4 zmm8, [{constants} + 192]
        vpxor xmm11, xmm11, xmm11
        "
    };
}

/// Some rounds of some quads.
macro_rules! some_rounds {
    (one, $keys:literal) => {
        concat!(
            "\n.irp key,",
            $keys,
            r"
        vaesenc zmm0, zmm0, zmm\key
        .endr
        "
        )
    };
    (four, $keys:literal) => {
        concat!(
            "\n.irp key,",
            $keys,
            r"
        vaesenc zmm0, zmm0, zmm\key
        vaesenc zmm1, zmm1, zmm\key
        vaesenc zmm2, zmm2, zmm\key
        vaesenc zmm3, zmm3, zmm\key
        .endr
        "
        )
    };
}

/// All rounds of some quads but the last and those that are there already.
macro_rules! longer_rounds {
    ($quads:ident) => {
        concat!(
            "cmp {rounds}, 12\n jb 22f\n",
            some_rounds!($quads, "26, 27"),
            "je 22f\n",
            some_rounds!($quads, "28, 29"),
            "22:\n",
        )
    };
}

/// All rounds but the last on `zmm0`.
macro_rules! rounds_of_one {
    () => {
        concat!(
            "vpxord zmm0, zmm0, zmm16\n",
            some_rounds!(one, "17, 18, 19, 20, 21, 22, 23, 24, 25"),
            longer_rounds!(one),
        )
    };
}

/// The next 16 numbered blocks, with the first round key.
macro_rules! numbered {
    () => {
        r"
        .irp quad, 0, 1, 2, 3
        vpshufb zmm\quad, zmm9, zmm8
        vpxord zmm\quad, zmm\quad, zmm16
        vpaddd zmm9, zmm9, [{constants} + 64]
        .endr
        "
    };
}

/// No products yet.
macro_rules! no_products {
    () => {
        r"
        vpxor xmm12, xmm12, xmm12
        vpxor xmm13, xmm13, xmm13
        vpxor xmm14, xmm14, xmm14
        "
    };
}

/// Adds the products of some quads with powers, by halves; the blocks are lost.
macro_rules! products {
    ($quads:literal) => {
        products!($quads, r"{powers} + 64 * \quad - 240")
    };
    ($quads:literal, $powers:literal) => {
        concat!(
            "\n.irp quad,",
            $quads,
            "\n vmovdqu64 zmm15, [",
            $powers,
            r"]
        vpclmulqdq zmm31, zmm\quad, zmm15, 0x00
        vpxord zmm12, zmm12, zmm31
        vpclmulqdq zmm31, zmm\quad, zmm15, 0x11
        vpxord zmm14, zmm14, zmm31
        vpclmulqdq zmm31, zmm\quad, zmm15, 0x01
        vpclmulqdq zmm\quad, zmm\quad, zmm15, 0x10
        vpternlogd zmm13, zmm31, zmm\quad, 0x96
        .endr
        "
        )
    };
}

/// What the products come to modulo the polynomial of POLYVAL, times `x^-128`, in `zmm14`: the lower half of a number goes
/// up by 64 bits twice.
macro_rules! reduced {
    () => {
        r"
        vpclmulqdq zmm31, zmm12, [{constants} + 128], 0x10
        vpshufd zmm12, zmm12, 0x4e
        vpternlogd zmm13, zmm12, zmm31, 0x96
        vpclmulqdq zmm31, zmm13, [{constants} + 128], 0x10
        vpshufd zmm13, zmm13, 0x4e
        vpternlogd zmm14, zmm13, zmm31, 0x96
        "
    };
}

/// The sum of all products.
macro_rules! summed {
    () => {
        concat!(
            reduced!(),
            r"
        vextracti64x4 ymm31, zmm14, 1
        vpxord ymm14, ymm14, ymm31
        vextracti32x4 xmm31, ymm14, 1
        vpxord xmm11, xmm14, xmm31
        "
        )
    };
}

/// Takes 16 blocks, whose bytes are reversed, into the sum.
macro_rules! four_summed {
    () => {
        concat!(no_products!(), products!("5, 6, 7"), "vpxord zmm4, zmm4, zmm11\n", products!("4"), summed!())
    };
}

/// The next 16 blocks of the key stream but for the last round.
macro_rules! stream {
    () => {
        concat!(numbered!(), some_rounds!(four, "17, 18, 19, 20, 21, 22, 23, 24, 25"), longer_rounds!(four))
    };
}

/// The same, while 16 blocks whose bytes are reversed go into the sum.
macro_rules! stream_and_sum {
    () => {
        concat!(
            numbered!(),
            no_products!(),
            some_rounds!(four, "17"),
            products!("5"),
            some_rounds!(four, "18, 19"),
            products!("6"),
            some_rounds!(four, "20, 21"),
            products!("7"),
            some_rounds!(four, "22, 23"),
            "vpxord zmm4, zmm4, zmm11\n",
            some_rounds!(four, "24"),
            products!("4"),
            some_rounds!(four, "25"),
            longer_rounds!(four),
            summed!(),
        )
    };
}

/// The last round, of which 256 bytes of text come, and on to the next.
macro_rules! finished {
    () => {
        r"
        .irp quad, 0, 1, 2, 3
        vpxord zmm15, zmm30, [{from} + 64 * \quad]
        vaesenclast zmm\quad, zmm\quad, zmm15
        .endr
        .irp quad, 0, 1, 2, 3
        vmovdqu8 [{to} + 64 * \quad], zmm\quad
        .endr
        add {from}, 256
        add {to}, 256
        sub {len}, 256
        "
    };
}

/// Reads 256 bytes for the sum.
macro_rules! four_loaded {
    ($from:literal) => {
        concat!(
            "\n.irp quad, 4, 5, 6, 7\n vmovdqu8 zmm\\quad, [",
            $from,
            r" + 64 * \quad - 256]
        vpshufb zmm\quad, zmm\quad, zmm8
        .endr
        "
        )
    };
}

/// Sets `at` to the power that the first block of so many bytes goes with, if the last block of them goes with the one at an
/// offset less 16.
macro_rules! power_of {
    ($len:literal, $offset:literal) => {
        concat!(
            "lea {at}, [",
            $len,
            r" + 15]
        and {at}, -16
        neg {at}
        lea {at}, [{powers} + {at} + ",
            $offset,
            "]\n"
        )
    };
}

/// Reads up to 64 bytes, of fewer than 256 that are left.
macro_rules! loaded {
    ($from:literal, $len:literal) => {
        concat!(
            "mov {keys}, -1\n bzhi {keys}, {keys}, ",
            $len,
            r"
        kmovq k1, {keys}
        vmovdqu8 zmm4 {{k1}} {{z}}, [",
            $from,
            "]\n"
        )
    };
}

/// Adds the products of the bytes that were read, in which the sum so far goes in first.
macro_rules! one_multiplied {
    () => {
        concat!(
            r"
        vpshufb zmm4, zmm4, zmm8
        vpxord zmm4, zmm4, zmm11
        vpxor xmm11, xmm11, xmm11
        ",
            products!("4", "{at}"),
            "add {at}, 64\n"
        )
    };
}
