//! `#[needs("kubectl", "shared/corpus")]`: a test whose oracle is missing is reported as ignored, never as passed.

#![forbid(unsafe_code)]

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Ignores the test below it, with the reason, where one of the named oracles is missing. It stands above `#[test]`, which looks at
/// what stands between it and the function alone.
#[proc_macro_attribute]
pub fn needs(names: TokenStream, test: TokenStream) -> TokenStream {
    if !is_test(&test) {
        return error("`#[needs(…)]` stands above `#[test]`");
    }
    let mut missing = Vec::new();
    for token in names {
        match token {
            TokenTree::Literal(literal) => {
                match literal.to_string().strip_prefix('"').and_then(|l| l.strip_suffix('"')) {
                    Some(name) => missing.extend(oracles::find(name).err()),
                    None => return error("an oracle is named by a string"),
                }
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => {}
            other => return error(&format!("`{other}` is no oracle's name")),
        }
    }
    let mut expanded = TokenStream::new();
    for variable in oracles::VARIABLES {
        // Makes cargo build the test anew when the variable has changed.
        expanded.extend(parsed(&format!("const _: Option<&str> = option_env!({variable:?});")));
    }
    if !missing.is_empty() {
        expanded.extend(parsed(&format!("#[ignore = {:?}]", missing.join("; "))));
    }
    expanded.extend(test);
    expanded
}

fn is_test(item: &TokenStream) -> bool {
    let mut after_hash = false;
    for token in item.clone() {
        match token {
            TokenTree::Punct(punct) => after_hash = punct.as_char() == '#',
            TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {
                let path: String = group.stream().into_iter().map(|token| token.to_string()).collect();
                if path == "test" || path.starts_with("tokio::test") {
                    return true;
                }
            }
            _ => after_hash = false,
        }
    }
    false
}

fn parsed(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

fn error(message: &str) -> TokenStream {
    parsed(&format!("compile_error!({message:?});"))
}
