//! What stands before the rounds and after them, as lines of assembly: states, their blocks in order, and the text.

/// What takes diagonals to rows.
macro_rules! masks {
    () => {
        "mov {n:e}, 0xaaaa\n kmovd k2, {n:e}\n mov {n:e}, 0xcccc\n kmovd k3, {n:e}\n"
    };
}

/// Starts four states at a time, of the diagonals in `zmm25` to `zmm28`.
macro_rules! started {
    ($(($a:literal $b:literal $c:literal $d:literal $t:literal))*) => {
        concat!(
            "vmovdqa64 zmm24, zmm28\n",
            $(
                "vmovdqa64 ", $a, ", zmm25\n vmovdqa64 ", $b, ", zmm26\n vmovdqa64 ", $d, ", zmm27\n",
                "vmovdqa64 ", $c, ", zmm24\n vpaddd zmm24, zmm24, [{constants} + 80]\n",
            )*
        )
    };
}

/// Lines with four registers.
macro_rules! of_four {
    ($a:literal $b:literal $c:literal $d:literal, $lines:literal) => {
        concat!(
            "\n.irp a, ",
            $a,
            "\n.irp b, ",
            $b,
            "\n.irp c, ",
            $c,
            "\n.irp d, ",
            $d,
            $lines,
            ".endr\n .endr\n .endr\n .endr\n"
        )
    };
}

/// Adds what four states began with, and puts their blocks in order.
macro_rules! ordered {
    (($a:literal $b:literal $c:literal $d:literal $t:literal)) => {
        concat!(
            of_four!($a $b $c $d, r"
            vpaddd \a, \a, zmm25
            vpaddd \b, \b, zmm26
            vpaddd \c, \c, zmm28
            vpaddd \d, \d, zmm27
            vpaddd zmm28, zmm28, [{constants} + 80]
            "),
            straightened!($a $b $c $d),
            parted!($a $b $c $d),
        )
    };
}

/// Takes four diagonals to the rows of the matrix.
macro_rules! straightened {
    ($a:literal $b:literal $c:literal $d:literal) => {
        of_four!($a $b $c $d, r"
        vpblendmd zmm16 {{k2}}, \a, \d
        vpblendmd zmm17 {{k2}}, \c, \b
        vpblendmd zmm18 {{k2}}, \b, \a
        vpblendmd zmm19 {{k2}}, \d, \c
        vpblendmd \a {{k3}}, zmm16, zmm17
        vpblendmd \c {{k3}}, zmm17, zmm16
        vpblendmd \b {{k3}}, zmm18, zmm19
        vpblendmd \d {{k3}}, zmm19, zmm18
        ")
    };
}

/// Takes the rows of four blocks to the blocks.
macro_rules! parted {
    ($a:literal $b:literal $c:literal $d:literal) => {
        of_four!($a $b $c $d, r"
        vshufi32x4 zmm16, \a, \b, 0x44
        vshufi32x4 zmm17, \c, \d, 0x44
        vshufi32x4 zmm18, \a, \b, 0xee
        vshufi32x4 zmm19, \c, \d, 0xee
        vshufi32x4 \a, zmm16, zmm17, 0x88
        vshufi32x4 \b, zmm16, zmm17, 0xdd
        vshufi32x4 \c, zmm18, zmm19, 0x88
        vshufi32x4 \d, zmm18, zmm19, 0xdd
        ")
    };
}

/// Takes words of 16 blocks to rows of four.
macro_rules! joined {
    ($a:literal $b:literal $c:literal $d:literal) => {
        of_four!($a $b $c $d, r"
        vpunpckldq zmm16, \a, \b
        vpunpckhdq zmm17, \a, \b
        vpunpckldq zmm18, \c, \d
        vpunpckhdq zmm19, \c, \d
        vpunpcklqdq \a, zmm16, zmm18
        vpunpckhqdq \b, zmm16, zmm18
        vpunpcklqdq \c, zmm17, zmm19
        vpunpckhqdq \d, zmm17, zmm19
        ")
    };
}

/// Where each word of a state is that has not gone through the rounds.
macro_rules! of_words {
    ($lines:ident) => {
        $lines!(
            ("0" "{constants}") ("5" "{constants} + 4") ("10" "{constants} + 8") ("15" "{constants} + 12")
            ("4" "{rows}") ("9" "{rows} + 4") ("14" "{rows} + 8") ("3" "{rows} + 12")
            ("8" "{rows} + 16") ("13" "{rows} + 20") ("2" "{rows} + 24") ("7" "{rows} + 28")
            ("12" "{rows} + 32") ("1" "{rows} + 36") ("6" "{rows} + 40") ("11" "{rows} + 44")
        )
    };
}

macro_rules! loaded {
    ($(($word:literal $at:literal))*) => {
        concat!(
            $("vpbroadcastd zmm", $word, ", dword ptr [", $at, "]\n",)*
            "vpbroadcastd zmm25, {number:e}\n",
            "vpaddd zmm25, zmm25, [{constants} + 240]\n",
            "vpaddd zmm8, zmm8, zmm25\n",
        )
    };
}

macro_rules! added {
    ($(($word:literal $at:literal))*) => {
        concat!(
            $("vpaddd zmm", $word, ", zmm", $word, ", dword ptr [", $at, "]{{1to16}}\n",)*
            "vpaddd zmm8, zmm8, zmm25\n",
        )
    };
}

/// Turns up to 256 bytes of text by four blocks, and ends where the text does.
macro_rules! turned {
    (($a:literal $b:literal $c:literal $d:literal $t:literal)) => {
        concat!(line!($a), line!($b), line!($c), line!($d))
    };
}

macro_rules! line {
    ($block:literal) => {
        concat!(
            r"
        mov {n:e}, 64
        cmp {len}, {n}
        cmovb {n}, {len}
        bzhi {n}, {ones}, {n}
        and {n}, {head}
        kmovq k1, {n}
        vmovdqu8 zmm24 {{k1}} {{z}}, [{from}]
        vpxord zmm24, zmm24, ",
            $block,
            r"
        vmovdqu8 [{to}] {{k1}}, zmm24
        add {from}, 64
        add {to}, 64
        mov {head}, {ones}
        sub {len}, 64
        jbe 23f
        "
        )
    };
}

/// Adds what 16 states began with, puts their blocks in order, and turns as much of the text by them; it ends where the text does.
macro_rules! wide_turned {
    () => {
        concat!(
            of_words!(added),
            joined!("zmm0" "zmm1" "zmm2" "zmm3"),
            joined!("zmm4" "zmm5" "zmm6" "zmm7"),
            joined!("zmm8" "zmm9" "zmm10" "zmm11"),
            joined!("zmm12" "zmm13" "zmm14" "zmm15"),
            parted!("zmm0" "zmm4" "zmm8" "zmm12"),
            parted!("zmm1" "zmm5" "zmm9" "zmm13"),
            parted!("zmm2" "zmm6" "zmm10" "zmm14"),
            parted!("zmm3" "zmm7" "zmm11" "zmm15"),
            "cmp {len}, 1024\n jb 24f\n",
            whole_lines!(
                ("zmm0" "0") ("zmm1" "64") ("zmm2" "128") ("zmm3" "192") ("zmm4" "256") ("zmm5" "320") ("zmm6" "384")
                ("zmm7" "448") ("zmm8" "512") ("zmm9" "576") ("zmm10" "640") ("zmm11" "704") ("zmm12" "768")
                ("zmm13" "832") ("zmm14" "896") ("zmm15" "960")
            ),
            r"
        add {from}, 1024
        add {to}, 1024
        add {number:e}, 16
        sub {len}, 1024
        jmp 25f
        24:
        ",
            line!("zmm0"), line!("zmm1"), line!("zmm2"), line!("zmm3"), line!("zmm4"), line!("zmm5"), line!("zmm6"),
            line!("zmm7"), line!("zmm8"), line!("zmm9"), line!("zmm10"), line!("zmm11"), line!("zmm12"),
            line!("zmm13"), line!("zmm14"), line!("zmm15"),
            "23:\n xor {len:e}, {len:e}\n 25:\n",
        )
    };
}

macro_rules! whole_lines {
    ($(($block:literal $at:literal))*) => {
        concat!($(
            "vpxord ", $block, ", ", $block, ", [{from} + ", $at, "]\n",
            "vmovdqu64 [{to} + ", $at, "], ", $block, "\n",
        )*)
    };
}
