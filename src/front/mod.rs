//! Fronts: what people see. They know lessons, requests and events, and nothing below the session.

mod clipboard;
pub mod config;
mod files;
pub mod plain;
pub mod tui;
