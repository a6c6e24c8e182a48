//! The native kubectl against the sandbox's cluster, alone and beside the real one.

mod commands;
mod harness;
mod parity;
