//! Tools that read text and print text.

pub(super) mod base64;
pub(super) mod cat;
pub(super) mod cut;
pub(super) mod date;
pub(super) mod ends;
pub(super) mod envsubst;
pub(super) mod grep;
pub(super) mod jq;
pub(super) mod operands;
pub(super) mod paths;
pub(super) mod seq;
pub(super) mod sort;
pub(super) mod tee;
pub(super) mod tr;
pub(super) mod uniq;
pub(super) mod wc;
pub(super) mod yq;
