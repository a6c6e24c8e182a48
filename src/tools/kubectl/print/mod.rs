//! How things look: columns, the server's tables, objects as JSON, YAML and by templates.

pub mod columns;
pub mod json;
pub mod object;
pub mod sort;
pub mod table;
pub mod typed;
pub mod written;
