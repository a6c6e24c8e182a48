//! `lectern sandbox` as its users run it: the program, its sockets and its state folder, and the real kubectl on it.
//!
//! The real kubectl is the file that LECTERN_KUBECTL names, else `kubectl.1.33` beside the `kubectl` on PATH; tests that
//! need it are ignored where there is none.

mod account;
mod base_application;
mod cluster;
mod documented;
mod login;
mod replay;
mod served;
mod state;
