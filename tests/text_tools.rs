//! The text tools against the real ones: the same command lines on the same input give the same output, messages and
//! status. Where a real tool is missing its tests are ignored.

#[path = "text_tools/folders.rs"]
mod folders;
#[path = "text_tools/grep.rs"]
mod grep;
#[path = "text_tools/jq.rs"]
mod jq;
#[path = "text_tools/others.rs"]
mod others;
#[path = "text_tools/side_by_side.rs"]
mod side_by_side;
#[path = "text_tools/yq.rs"]
mod yq;
