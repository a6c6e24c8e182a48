//! The native kubectl against the sandbox's cluster, alone and beside the real one.

mod commands;
mod further;
mod harness;
mod parity;
