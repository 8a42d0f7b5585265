//! The library's own backends, compiled from its sources by way of links: they are not public, and what a complete operation adds to them
//! is to be known. Where the fast build has another library in their place, that is called as the library does.
#![allow(dead_code)]

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod zmm;

pub mod aescbc;
pub mod aesgcm;
#[cfg(target_arch = "x86_64")]
mod aesni;
pub mod secretbox;
