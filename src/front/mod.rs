//! Fronts: what people see. They know lessons, requests and events, and nothing below the session.

pub mod config;
pub mod plain;
pub mod tui;
