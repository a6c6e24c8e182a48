//! Lists in pages, joined as the CLI joins them: `--max-items`, `--page-size`, `--starting-token`, and the token that a
//! cut list ends with (base64 of JSON, as botocore's paginator makes and reads it).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::model::Page;
use super::query::Query;

/// What the command line asks of the pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paging {
    pub max_items: Option<i64>,
    pub page_size: Option<i64>,
    pub starting_token: Option<String>,
}

/// The pages of one list, as they come.
pub(super) struct Pages<'a> {
    page: &'a Page,
    max_items: Option<i64>,
    /// How many items of the first page were seen before.
    skip: usize,
    first: bool,
    seen: i64,
    next: Map<String, Value>,
    /// The members that come from the first page alone.
    rest: Map<String, Value>,
    whole: Map<String, Value>,
    resume: Option<String>,
}

impl<'a> Pages<'a> {
    /// Prepares `input` for the first page.
    pub fn start(page: &'a Page, paging: &Paging, input: &mut Map<String, Value>) -> Result<Self, Failure> {
        let mut next: Map<String, Value> = page.input.iter().map(|name| (name.clone(), Value::Null)).collect();
        let mut skip = 0;
        if let Some(token) = &paging.starting_token {
            (next, skip) = decode(token, page);
        }
        inject(input, &next);
        if let (Some(key), Some(size)) = (&page.limit_key, paging.page_size) {
            input.insert(key.clone(), json!(size));
        }
        Ok(Self {
            page,
            max_items: paging.max_items,
            skip,
            first: true,
            seen: 0,
            next,
            rest: Map::new(),
            whole: Map::new(),
            resume: None,
        })
    }

    /// Takes a page: joins it to the whole, answers what of it counts, and whether `input` is ready for another.
    pub fn take(&mut self, mut page: Value, input: &mut Map<String, Value>) -> Result<(Value, bool), Failure> {
        let skipped = std::mem::take(&mut self.skip);
        if self.first {
            if skipped > 0 {
                if let Some(Value::Array(items)) = at_mut(&mut page, &self.page.result[0]) {
                    items.drain(..skipped.min(items.len()));
                }
                for other in &self.page.result[1..] {
                    if let Some(Value::Array(items)) = at_mut(&mut page, other) {
                        items.clear();
                    }
                }
            }
            for name in &self.page.rest {
                if let Some(value) = at_mut(&mut page, name) {
                    self.rest.insert(name.clone(), value.take());
                }
            }
            self.first = false;
        }
        let count =
            at_mut(&mut page, &self.page.result[0]).and_then(|items| items.as_array().map(Vec::len)).unwrap_or(0);
        let length = i64::try_from(count).unwrap_or(i64::MAX);
        let over = self.max_items.map_or(0, |most| (self.seen + length).saturating_sub(most));
        let more = if over > 0 {
            let kept = length.saturating_sub(over);
            if let Some(Value::Array(items)) = at_mut(&mut page, &self.page.result[0]) {
                // Less than nothing counts from the end, as Python's slices do.
                let kept = if kept < 0 { length.saturating_add(kept) } else { kept };
                items.truncate(usize::try_from(kept).unwrap_or(0));
            }
            let mut token = self.next.clone();
            let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
            token.insert("boto_truncate_amount".into(), json!(kept.saturating_add(skipped)));
            self.resume = Some(encode(&token));
            false
        } else {
            self.seen += length;
            let following = self.following(&page)?;
            let before = std::mem::replace(&mut self.next, following);
            if self.next.values().all(Value::is_null) {
                false
            } else if self.max_items == Some(self.seen) {
                self.resume = Some(encode(&self.next));
                false
            } else if before == self.next {
                return Err(Failure::general(format!(
                    "Error during pagination: The same next token was received twice: {}",
                    Value::Object(before)
                )));
            } else {
                inject(input, &self.next);
                true
            }
        };
        let mut counted = Map::new();
        for name in &self.page.result {
            let Some(value) = at_mut(&mut page, name).map(Value::take).filter(|value| !value.is_null()) else {
                continue;
            };
            counted.insert(name.clone(), value.clone());
            match (self.whole.get_mut(name), value) {
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
                (Some(_), _) => {}
                (None, value) => {
                    self.whole.insert(name.clone(), value);
                }
            }
        }
        Ok((Value::Object(counted), more))
    }

    /// What only the first page tells.
    pub fn rest(&self) -> &Map<String, Value> {
        &self.rest
    }

    /// The token to go on with, if the list was cut.
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// All pages as one.
    pub fn whole(mut self) -> Value {
        for (name, value) in self.rest {
            self.whole.entry(name).or_insert(value);
        }
        if let Some(token) = self.resume {
            self.whole.insert("NextToken".into(), json!(token));
        }
        Value::Object(self.whole)
    }

    fn following(&self, page: &Value) -> Result<Map<String, Value>, Failure> {
        let search = |text: &String| Query::parse(text).and_then(|query| query.search(page)).map_err(Failure::general);
        if let Some(more) = &self.page.more_results
            && search(more)? != Value::Bool(true)
        {
            return Ok(Map::new());
        }
        let mut next = Map::new();
        for (input, output) in self.page.input.iter().zip(&self.page.output) {
            let value = search(output)?;
            next.insert(input.clone(), if value == json!("") { Value::Null } else { value });
        }
        Ok(next)
    }
}

/// A member of a page by its expression: result keys of these services are names, or names with dots.
fn at_mut<'v>(page: &'v mut Value, expression: &str) -> Option<&'v mut Value> {
    expression.split('.').try_fold(page, |value, name| value.get_mut(name))
}

fn inject(input: &mut Map<String, Value>, next: &Map<String, Value>) {
    for (name, value) in next {
        if value.is_null() || value == "None" {
            input.remove(name);
        } else {
            input.insert(name.clone(), value.clone());
        }
    }
}

fn encode(token: &Map<String, Value>) -> String {
    // Python's separators, so that a token is the same as the CLI's.
    let members: Vec<String> = token.iter().map(|(key, value)| format!("{}: {value}", json!(key))).collect();
    STANDARD.encode(format!("{{{}}}", members.join(", ")))
}

/// The parts of a token; one that is none of ours is the service's own.
fn decode(token: &str, page: &Page) -> (Map<String, Value>, usize) {
    let decoded =
        STANDARD.decode(token).ok().and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    match decoded {
        Some(mut next) => {
            let skip = next.remove("boto_truncate_amount").and_then(|value| value.as_u64()).unwrap_or(0);
            (next, usize::try_from(skip).unwrap_or(usize::MAX))
        }
        None => (page.input.iter().take(1).map(|name| (name.clone(), json!(token))).collect(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            input: vec!["nextToken".into()],
            output: vec!["nextToken".into()],
            result: vec!["items".into()],
            limit_key: Some("maxResults".into()),
            more_results: None,
            rest: Vec::new(),
        }
    }

    /// Plays a list of seven, three to a page.
    fn play(paging: &Paging) -> Value {
        let page = page();
        let mut input = Map::new();
        let mut pages = Pages::start(&page, paging, &mut input).unwrap();
        loop {
            let from: usize = input.get("nextToken").and_then(Value::as_str).map_or(0, |token| token.parse().unwrap());
            let to = (from + 3).min(7);
            let mut answer = json!({ "items": (from..to).collect::<Vec<_>>() });
            if to < 7 {
                answer["nextToken"] = json!(to.to_string());
            }
            if !pages.take(answer, &mut input).unwrap().1 {
                return pages.whole();
            }
        }
    }

    #[test]
    fn all_pages_are_one_list() {
        assert_eq!(play(&Paging::default()), json!({"items": [0, 1, 2, 3, 4, 5, 6]}));
    }

    #[test]
    fn a_cut_list_goes_on_where_it_was_cut() {
        for most in 1..8 {
            let mut all = Vec::new();
            let mut paging = Paging { max_items: Some(most), ..Paging::default() };
            loop {
                let whole = play(&paging);
                let items = whole["items"].as_array().unwrap();
                assert!(items.len() <= usize::try_from(most).unwrap());
                all.extend(items.iter().map(|item| item.as_u64().unwrap()));
                match whole["NextToken"].as_str() {
                    Some(token) => paging.starting_token = Some(token.into()),
                    None => break,
                }
            }
            assert_eq!(all, vec![0, 1, 2, 3, 4, 5, 6], "{most}");
        }
    }

    #[test]
    fn tokens_are_botocores() {
        let whole = play(&Paging { max_items: Some(1), ..Paging::default() });
        let token = STANDARD.decode(whole["NextToken"].as_str().unwrap()).unwrap();
        assert_eq!(String::from_utf8(token).unwrap(), r#"{"nextToken": null, "boto_truncate_amount": 1}"#);
    }
}
