//! The parts of the passes, of the lines in `lines.rs`.

/// Makes the mask of the tag, and the numbers of the first blocks of a text.
macro_rules! masked {
    () => {
        concat!(
            "mov {at}, [{ends}]\n",
            nonce_read!("xmm0", "{at}", "1, 2"),
            r"
        vpinsrd xmm0, xmm0, [{constants} + 224], 3
        vshufi32x4 zmm0, zmm0, zmm0, 0
        vpshufb zmm9, zmm0, zmm8
        vpaddd zmm9, zmm9, [{constants}]
        ",
            rounds_of_one!(),
            "vaesenclast zmm10, zmm0, zmm30\n"
        )
    };
}

/// Takes the AAD, or what stands in its place, and the zeros that fill its last block into the sum.
macro_rules! hashed {
    () => {
        concat!(
            r"
        cmp {aad_len}, 256
        jb 33f
        32:
        ",
            four_loaded!("{aad}"),
            four_summed!(),
            r"
        add {aad}, 256
        sub {aad_len}, 256
        cmp {aad_len}, 256
        jae 32b
        33:
        test {aad_len}, {aad_len}
        jz 35f
        ",
            power_of!("{aad_len}", "272"),
            no_products!(),
            "34:\n",
            loaded!("{aad}", "{aad_len}"),
            one_multiplied!(),
            r"
        add {aad}, 64
        sub {aad_len}, 64
        ja 34b
        ",
            summed!(),
            "35:\n"
        )
    };
}

/// Encrypts a text and takes what it becomes into the sum, each 16 blocks along with the rounds of the next; of fewer in the
/// end the products remain.
macro_rules! encrypted {
    () => {
        concat!(
            "cmp {len}, 256\n jb 43f\n",
            stream!(),
            "jmp 42f\n 41:\n",
            stream_and_sum!(),
            "42:\n",
            finished!(),
            r"
        vpshufb zmm4, zmm0, zmm8
        vpshufb zmm5, zmm1, zmm8
        vpshufb zmm6, zmm2, zmm8
        vpshufb zmm7, zmm3, zmm8
        cmp {len}, 256
        jae 41b
        ",
            four_summed!(),
            "43:\n",
            rest!("vmovdqu8 zmm4 {{k1}} {{z}}, zmm0\n")
        )
    };
}

/// Decrypts a text and takes it as it was into the sum; of fewer than 16 blocks in the end the products remain.
macro_rules! decrypted {
    () => {
        concat!(
            "cmp {len}, 256\n jb 43f\n 42:\n",
            four_loaded!("{from}"),
            stream_and_sum!(),
            finished!(),
            r"
        cmp {len}, 256
        jae 42b
        43:
        ",
            rest!("")
        )
    };
}

/// Encrypts or decrypts fewer than 256 bytes; `kept` are those for the sum.
macro_rules! rest {
    ($kept:literal) => {
        concat!(
            no_products!(),
            "test {len}, {len}\n jz 45f\n",
            power_of!("{len}", "256"),
            "44:\n",
            loaded!("{from}", "{len}"),
            r"
        vpshufb zmm0, zmm9, zmm8
        vpaddd zmm9, zmm9, [{constants} + 64]
        ",
            rounds_of_one!(),
            r"
        vpxord zmm15, zmm4, zmm30
        vaesenclast zmm0, zmm0, zmm15
        vmovdqu8 [{to}] {{k1}}, zmm0
        ",
            $kept,
            one_multiplied!(),
            r"
        add {from}, 64
        add {to}, 64
        sub {len}, 64
        ja 44b
        45:
        "
        )
    };
}

/// Multiplies the sum and the lengths with the key itself, beside what is left of a text, and masks what that comes to.
macro_rules! tagged {
    () => {
        concat!(
            r"
        vmovdqu xmm4, [{ends} + 16]
        vpxord zmm4, zmm4, zmm11
        ",
            products!("4", "{powers} + 256"),
            summed!(),
            r"
        vpshufb xmm11, xmm11, xmm8
        vpxor xmm11, xmm11, xmm10
        "
        )
    };
}

/// Sets `right` to whether the tag is the one that is there.
macro_rules! compared {
    () => {
        r"
        mov {at}, [{ends} + 8]
        vpxor xmm11, xmm11, [{at}]
        vptest xmm11, xmm11
        setz {right}
        "
    };
}

/// A product modulo the polynomial of POLYVAL, times `x^-128`, of each two blocks.
macro_rules! product {
    ($product:literal, $a:literal, $b:literal) => {
        concat!(
            "\n.irp product, ",
            $product,
            "\n .irp a, ",
            $a,
            "\n .irp b, ",
            $b,
            r"
        vpclmulqdq zmm12, zmm\a, zmm\b, 0x00
        vpclmulqdq zmm14, zmm\a, zmm\b, 0x11
        vpclmulqdq zmm13, zmm\a, zmm\b, 0x01
        vpclmulqdq zmm15, zmm\a, zmm\b, 0x10
        vpxord zmm13, zmm13, zmm15
        ",
            reduced!(),
            r"
        vmovdqa64 zmm\product, zmm14
        .endr
        .endr
        .endr
        "
        )
    };
}

/// Makes the hash key, what zeros are encrypted to, doubled; and its powers.
macro_rules! powers {
    () => {
        concat!(
            "vpxor xmm0, xmm0, xmm0\n",
            rounds_of_one!(),
            r"
        vaesenclast zmm0, zmm0, zmm30
        vpshufb zmm0, zmm0, zmm8
        vpshufd zmm1, zmm0, 0xd3
        vpsrad zmm1, zmm1, 31
        vbroadcasti32x4 zmm2, [{constants} + 208]
        vpandd zmm1, zmm1, zmm2
        vpaddq zmm0, zmm0, zmm0
        vpxord zmm1, zmm0, zmm1
        ",
            product!("2", "1", "1"),
            product!("3", "2", "1"),
            product!("4", "2", "2"),
            r"
        vinserti32x4 zmm0, zmm4, xmm3, 1
        vinserti32x4 zmm0, zmm0, xmm2, 2
        vinserti32x4 zmm0, zmm0, xmm1, 3
        vmovdqu64 [{powers} + 208], zmm0
        ",
            product!("5", "0", "4"),
            r"
        vmovdqu64 [{powers} + 144], zmm5
        vshufi32x4 zmm6, zmm5, zmm5, 0
        ",
            product!("7", "0", "6"),
            r"
        vmovdqu64 [{powers} + 80], zmm7
        ",
            product!("7", "5", "6"),
            r"
        vmovdqu64 [{powers} + 16], zmm7
        ",
            product!("7", "7", "1"),
            "vmovdqu [{powers}], xmm7\n"
        )
    };
}
