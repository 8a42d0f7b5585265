//! The rounds of Salsa20 as lines of assembly: of states of which four are in a register, a diagonal of the matrix in each; and of 16
//! states, a word in each.

/// Quarter rounds of states.
macro_rules! quarters {
    ($(($a:literal $b:literal $c:literal $d:literal $t:literal))*) => {
        concat!(
            step!($(($b $a $d $t))* by "7"),
            step!($(($c $b $a $t))* by "9"),
            step!($(($d $c $b $t))* by "13"),
            step!($(($a $d $c $t))* by "18"),
        )
    };
}

/// A half of a double round of states, and the turn of their diagonals to the next half.
macro_rules! half {
    ($(($a:literal $b:literal $c:literal $d:literal $t:literal))*) => {
        concat!(
            quarters!($(($a $b $c $d $t))*),
            $("vpshufd ", $b, ", ", $b, ", 0x93\n",)*
            $("vpshufd ", $c, ", ", $c, ", 0x4e\n",)*
            $("vpshufd ", $d, ", ", $d, ", 0x39\n",)*
        )
    };
}

macro_rules! step {
    ($(($x:literal $y:literal $z:literal $t:literal))* by $bits:literal) => {
        concat!(
            $("vpaddd ", $t, ", ", $y, ", ", $z, "\n",)*
            $("vprold ", $t, ", ", $t, ", ", $bits, "\n",)*
            $("vpxord ", $x, ", ", $x, ", ", $t, "\n",)*
        )
    };
}

macro_rules! double_round {
    ($(($a:literal $b:literal $c:literal $d:literal $t:literal))*) => {
        concat!(half!($(($a $b $c $d $t))*), half!($(($a $d $c $b $t))*))
    };
}

/// The twenty rounds, two at a time.
macro_rules! rounds {
    ($($double:expr),*) => {
        concat!("mov {n:e}, 10\n 22:\n", $($double,)* "dec {n:e}\n jnz 22b\n")
    };
}

/// A double round of 16 states.
macro_rules! wide_round {
    () => {
        concat!(
            quarters!(
                ("zmm0" "zmm4" "zmm8" "zmm12" "zmm16") ("zmm5" "zmm9" "zmm13" "zmm1" "zmm17")
                ("zmm10" "zmm14" "zmm2" "zmm6" "zmm18") ("zmm15" "zmm3" "zmm7" "zmm11" "zmm19")
            ),
            quarters!(
                ("zmm0" "zmm1" "zmm2" "zmm3" "zmm16") ("zmm5" "zmm6" "zmm7" "zmm4" "zmm17")
                ("zmm10" "zmm11" "zmm8" "zmm9" "zmm18") ("zmm15" "zmm12" "zmm13" "zmm14" "zmm19")
            ),
        )
    };
}
