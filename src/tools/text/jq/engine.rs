//! jaq's engine with jq's manners: the definitions that differ, messages as jq words them, and no way out of the
//! session (environment, time and input come from the invocation).

use std::cell::RefCell;

use jaq_core::load::parse::{BinaryOp, Def, Parser, Pattern, Term};
use jaq_core::load::{Arena, File, Lexer, Loader, lex};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Compiler, Cv, DataT, Exn, Lut, ValX, ValXs, compile, data, load, ops};
use jaq_json::{Num, Val, ValR};
use tokio_util::sync::CancellationToken;

use super::read::Reader;
use super::write::compact;

/// What filters have at hand beside their input.
pub(super) struct Session<'a> {
    pub(super) lut: &'a Lut<Kind>,
    /// The next input; a text is the problem with it.
    pub(super) input: &'a dyn Fn() -> Option<Result<Val, String>>,
    /// The name of the file that is being read.
    pub(super) file: &'a dyn Fn() -> Option<String>,
    pub(super) cancel: &'a CancellationToken,
    /// Seconds since 1970 on the session's clock.
    pub(super) now: f64,
    /// What `debug` and its kin have printed.
    pub(super) stderr: &'a RefCell<Vec<u8>>,
}

/// The kind of values and data that our filters work on.
pub(super) struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = &'a Session<'a>;
}

impl<'a> data::HasLut<'a, Kind> for &'a Session<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

pub(super) type Filter = jaq_core::Filter<Kind>;

/// Compiles a program; `variables` are the names, with `$`, of what it is given.
pub(super) fn compiled(program: &str, variables: &[String]) -> Result<Filter, Vec<String>> {
    let ours = load::parse(include_str!("defs.jq"), |parser| parser.defs()).unwrap_or_default();
    let mut prelude: Vec<Def<&str>> = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).collect();
    for def in &mut prelude {
        watch_inner(&mut def.body);
    }
    for mut def in ours {
        rewrite(&mut def.body);
        prelude.push(def);
    }
    let mut main = parsed(program)?;
    rewrite(&mut main);
    prelude.push(Def { name: "__main", args: Vec::new(), body: main });
    let arena = Arena::default();
    let modules = Loader::new(prelude)
        .load(&arena, File { path: (), code: "__main" })
        .map_err(|_| vec!["the program could not be loaded".to_owned()])?;
    Compiler::default()
        .with_funs(functions())
        .with_global_vars(variables.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            let errors = errors.into_iter().flat_map(|(_, errors)| errors);
            errors.map(|(name, undefined)| undefined_message(program, name, &undefined)).collect()
        })
}

/// The program's syntax tree; one without an expression passes its input on.
fn parsed(program: &str) -> Result<Term<&str>, Vec<String>> {
    let tokens = Lexer::new(program).lex().map_err(|errors| {
        let one = |(expected, found): (lex::Expect<&str>, &str)| {
            let unexpected = match (&expected, found) {
                (_, "") | (lex::Expect::Delim(_), _) => "end of file",
                _ => "INVALID_CHARACTER",
            };
            syntax_error(program, found, unexpected)
        };
        errors.into_iter().take(1).map(one).collect::<Vec<_>>()
    })?;
    if tokens.is_empty() {
        return Ok(Term::Id);
    }
    let found = match Parser::new(&tokens).parse(|parser| parser.term()) {
        Ok(term) => return Ok(term),
        Err(errors) => errors.into_iter().next().and_then(|(_, found)| found),
    };
    if let Some(defs) = load::parse(program, |parser| parser.defs()) {
        return Ok(Term::Def(defs, Box::new(Term::Id)));
    }
    Err(vec![match found {
        Some(lex::Token(text, _)) => {
            let first = text.chars().next().map(String::from).unwrap_or_default();
            let shown =
                if first.chars().all(char::is_alphanumeric) { "IDENT".to_owned() } else { format!("'{first}'") };
            syntax_error(program, text, &shown)
        }
        None => syntax_error(program, "", "end of file"),
    }])
}

fn syntax_error(program: &str, found: &str, unexpected: &str) -> String {
    let problem = format!("syntax error, unexpected {unexpected} (Unix shell quoting issues?)");
    located(program, if found.is_empty() { &program[program.len()..] } else { found }, &problem)
}

fn undefined_message(program: &str, name: &str, undefined: &compile::Undefined) -> String {
    let problem = match undefined {
        compile::Undefined::Filter(arity) => format!("{name}/{arity} is not defined"),
        compile::Undefined::Label => format!("$*label-{} is not defined", name.trim_start_matches('$')),
        _ => format!("{name} is not defined"),
    };
    located(program, name, &problem)
}

/// A problem with the line that it is on; `part` is a part of `program`.
fn located(program: &str, part: &str, problem: &str) -> String {
    let offset = (part.as_ptr() as usize).checked_sub(program.as_ptr() as usize).filter(|at| *at <= program.len());
    let before = offset.and_then(|at| program.get(..at)).unwrap_or("");
    let number = before.matches('\n').count();
    let line = program.split('\n').nth(number).unwrap_or("");
    format!("{problem} at <top-level>, line {}:\n{line}", number + 1)
}

/// Gives the terms of a tree that jq means differently another meaning, and lets every function look whether the call
/// was cancelled, so that endless recursion ends.
fn rewrite(term: &mut Term<&str>) {
    each_child(term, &mut rewrite);
    match term {
        Term::Str(format @ None, parts) if parts.iter().any(|part| matches!(part, lex::StrPart::Term(_))) => {
            *format = Some("@text");
        }
        Term::BinOp(left, BinaryOp::Math(ops::Math::Div), right) => {
            *term = Term::Call("__div", vec![std::mem::take(&mut **right), std::mem::take(&mut **left)]);
        }
        // jq's assignments go by paths, and so make what is not there yet.
        Term::BinOp(left, BinaryOp::Assign, right) => {
            *term = Term::Call("__assign", vec![std::mem::take(&mut **left), std::mem::take(&mut **right)]);
        }
        Term::BinOp(left, BinaryOp::Update, right) => {
            *term = Term::Call("__modify", vec![std::mem::take(&mut **left), std::mem::take(&mut **right)]);
        }
        Term::BinOp(left, BinaryOp::UpdateMath(operator), right) => {
            let given = Box::new(Term::Var("$__given"));
            let mut update = Term::BinOp(Box::default(), BinaryOp::Math(*operator), given);
            rewrite(&mut update);
            *term = given_update(std::mem::take(&mut **left), std::mem::take(right), update);
        }
        Term::BinOp(left, BinaryOp::UpdateAlt, right) => {
            let update = Term::BinOp(Box::default(), BinaryOp::Alt, Box::new(Term::Var("$__given")));
            *term = given_update(std::mem::take(&mut **left), std::mem::take(right), update);
        }
        Term::Def(defs, _) => defs.iter_mut().for_each(|def| watch(&mut def.body)),
        _ => {}
    }
}

/// `right as $__given | left |= update`.
fn given_update<'s>(left: Term<&'s str>, right: Box<Term<&'s str>>, update: Term<&'s str>) -> Term<&'s str> {
    let modify = Term::Call("__modify", vec![left, update]);
    Term::BinOp(right, BinaryOp::Pipe(Some(Pattern::Var("$__given"))), Box::new(modify))
}

/// As [`rewrite`], for jaq's own definitions: only the look at cancellation.
fn watch_inner(term: &mut Term<&str>) {
    each_child(term, &mut watch_inner);
    if let Term::Def(defs, _) = term {
        defs.iter_mut().for_each(|def| watch(&mut def.body));
    }
}

fn watch(body: &mut Term<&str>) {
    let inner = std::mem::take(body);
    let look = Term::Call("__tick", Vec::new());
    *body = Term::BinOp(Box::new(look), BinaryOp::Pipe(Some(Pattern::Var("$__tick"))), Box::new(inner));
}

fn each_child<'s>(term: &mut Term<&'s str>, each: &mut dyn FnMut(&mut Term<&'s str>)) {
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let lex::StrPart::Term(term) = part {
                    each(term);
                }
            }
        }
        Term::Arr(Some(term)) | Term::Neg(term) | Term::Label(_, term) => each(term),
        Term::Obj(members) => {
            for (key, value) in members {
                each(key);
                if let Some(value) = value {
                    each(value);
                }
            }
        }
        Term::BinOp(left, _, right) => {
            each(left);
            each(right);
        }
        Term::Fold(_, source, _, terms) => {
            each(source);
            terms.iter_mut().for_each(each);
        }
        Term::TryCatch(body, catch) => {
            each(body);
            if let Some(catch) = catch {
                each(catch);
            }
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                each(condition);
                each(then);
            }
            if let Some(otherwise) = otherwise {
                each(otherwise);
            }
        }
        Term::Def(defs, body) => {
            defs.iter_mut().for_each(|def| each(&mut def.body));
            each(body);
        }
        Term::Call(_, args) => args.iter_mut().for_each(each),
        Term::Path(head, path) => {
            each(head);
            for (part, _) in &mut path.0 {
                match part {
                    jaq_core::path::Part::Index(index) => each(index),
                    jaq_core::path::Part::Range(from, upto) => {
                        from.iter_mut().chain(upto).for_each(&mut *each);
                    }
                }
            }
        }
    }
}

/// The native functions: jaq's but for those that would leave the session, and ours.
fn functions() -> impl Iterator<Item = Fun<Kind>> {
    let outside = ["env", "now", "halt", "debug_empty", "stderr_empty"];
    let theirs = jaq_core::funs::<Kind>().chain(jaq_std::funs()).chain(jaq_json::funs());
    theirs.filter(move |(name, ..)| !outside.contains(name)).chain(placeholders()).chain(natives())
}

/// jaq's own definitions mention these; ours stand before them.
fn placeholders() -> impl Iterator<Item = Fun<Kind>> {
    let nothing: fn(Cv<'_, Kind>) -> ValXs<'_, Val> = |_| Box::new(std::iter::empty());
    [("env", 0), ("now", 0), ("halt", 1), ("debug_empty", 0), ("stderr_empty", 0)]
        .into_iter()
        .map(move |(name, arity)| run::<Kind>((name, v(arity), nothing)))
}

fn natives() -> impl Iterator<Item = Fun<Kind>> {
    let all: [jaq_core::native::Filter<jaq_core::RunPtr<Kind>>; 14] = [
        ("__tick", v(0), |cv| match cv.0.data().cancel.is_cancelled() {
            true => once(Err(Exn::halt(130))),
            false => once(Ok(Val::Null)),
        }),
        ("__tojson", v(0), |cv| bome(Ok(Val::utf8_str(compact(&cv.1))))),
        ("__now", v(0), |cv| bome(Ok(Val::from(cv.0.data().now)))),
        ("__input_filename", v(0), |cv| bome(Ok((cv.0.data().file)().map_or(Val::Null, Val::from)))),
        ("__input", v(0), |cv| match (cv.0.data().input)() {
            Some(input) => once(input.map_err(|problem| Exn::from(jaq_json::Error::str(problem)))),
            None => once(Err(Exn::from(jaq_json::Error::str("No more inputs")))),
        }),
        ("inputs", v(0), |cv| {
            let session = *cv.0.data();
            Box::new(std::iter::from_fn(move || {
                (session.input)().map(|input| input.map_err(|problem| Exn::from(jaq_json::Error::str(problem))))
            }))
        }),
        ("__halt", v(0), |_| once(Err(Exn::halt(0)))),
        ("__halt_error", v(1), |mut cv| {
            let status = cv.0.pop_var();
            let mut stderr = cv.0.data().stderr.borrow_mut();
            match &cv.1 {
                Val::TStr(text) | Val::BStr(text) => stderr.extend_from_slice(text),
                other => {
                    stderr.extend_from_slice(&compact(other));
                    stderr.push(b'\n');
                }
            }
            drop(stderr);
            match status {
                Val::Num(Num::Int(status)) => once(Err(Exn::halt(status as i32))),
                _ => bome(Err(jaq_json::Error::str("halt_error/1: number required"))),
            }
        }),
        ("__debug", v(0), |cv| {
            let mut stderr = cv.0.data().stderr.borrow_mut();
            stderr.extend_from_slice(b"[\"DEBUG:\",");
            stderr.extend_from_slice(&compact(&cv.1));
            stderr.extend_from_slice(b"]\n");
            drop(stderr);
            once(Ok(cv.1))
        }),
        ("__stderr", v(0), |cv| {
            let mut stderr = cv.0.data().stderr.borrow_mut();
            match &cv.1 {
                Val::TStr(text) => stderr.extend_from_slice(text),
                other => stderr.extend_from_slice(&compact(other)),
            }
            drop(stderr);
            once(Ok(cv.1))
        }),
        ("__div", v(2), |mut cv| {
            let left = cv.0.pop_var();
            let right = cv.0.pop_var();
            bome(divide(left, right))
        }),
        ("__range", v(3), |mut cv| {
            let (by, upto, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
            range(from, upto, by, cv.0.data().cancel)
        }),
        ("__setpath", v(2), |mut cv| {
            let (new, path) = (cv.0.pop_var(), cv.0.pop_var());
            match path {
                Val::Arr(keys) => bome(set_path(cv.1, &keys, new)),
                _ => bome(Err(jaq_json::Error::str("Path must be specified as an array"))),
            }
        }),
        ("__delpaths", v(1), |mut cv| {
            let paths = cv.0.pop_var();
            bome(delete_paths(cv.1, &paths))
        }),
    ];
    all.into_iter().map(run::<Kind>)
}

fn once<'a>(result: ValX<'a, Val>) -> ValXs<'a, Val> {
    Box::new(std::iter::once(result))
}

/// Division by zero is an error, and a whole quotient is a whole number.
fn divide(left: Val, right: Val) -> ValR {
    if let (Val::Num(_), Val::Num(divisor)) = (&left, &right) {
        let zero = match divisor {
            Num::Int(int) => *int == 0,
            Num::Float(float) => *float == 0.0,
            Num::Dec(text) => text.parse() == Ok(0.0),
            Num::BigInt(_) => false,
        };
        if zero {
            return Err(jaq_json::Error::str(format!(
                "{} and {} cannot be divided because the divisor is zero",
                described(&left),
                described(&right)
            )));
        }
    }
    (left / right).map(|quotient| match quotient {
        Val::Num(Num::Float(float)) if float == float.trunc() && float.abs() < 9e15 => Val::from(float as isize),
        other => other,
    })
}

fn range<'a>(from: Val, upto: Val, by: Val, cancel: &'a CancellationToken) -> ValXs<'a, Val> {
    if [&from, &upto, &by].iter().any(|bound| !matches!(bound, Val::Num(_))) {
        return bome(Err(jaq_json::Error::str("Range bounds must be numeric")));
    }
    let zero = Val::from(0_usize);
    let mut next = Some(from);
    Box::new(std::iter::from_fn(move || {
        let now = next.take()?;
        if cancel.is_cancelled() {
            return Some(Err(Exn::halt(130)));
        }
        let inside = if by > zero { now < upto } else { by < zero && now > upto };
        if !inside {
            return None;
        }
        next = (now.clone() + by.clone()).ok();
        Some(Ok(now))
    }))
}

/// Deletes from the last path to the first, so that indices stay true and the order of keys is kept.
fn delete_paths(mut value: Val, paths: &Val) -> ValR {
    let Val::Arr(paths) = paths else {
        return Err(jaq_json::Error::str("Paths must be specified as an array"));
    };
    let mut paths: Vec<&Val> = paths.iter().collect();
    paths.sort();
    for path in paths.iter().rev() {
        let Val::Arr(keys) = path else { return Err(jaq_json::Error::str("Path must be specified as an array")) };
        value = delete_path(value, keys)?;
    }
    Ok(value)
}

fn delete_path(value: Val, keys: &[Val]) -> ValR {
    use jaq_core::ValT as _;
    let Some((key, rest)) = keys.split_first() else { return Ok(Val::Null) };
    match (value, key) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Obj(mut members), Val::TStr(_)) => {
            let inner = std::rc::Rc::make_mut(&mut members);
            if rest.is_empty() {
                inner.shift_remove(key);
            } else if let Some(member) = inner.get_mut(key) {
                *member = delete_path(std::mem::take(member), rest)?;
            }
            Ok(Val::Obj(members))
        }
        (Val::Arr(mut items), Val::Num(Num::Int(index))) => {
            let inner = std::rc::Rc::make_mut(&mut items);
            let at = if *index < 0 { inner.len().checked_add_signed(*index) } else { usize::try_from(*index).ok() };
            if let Some(at) = at.filter(|at| *at < inner.len()) {
                if rest.is_empty() {
                    inner.remove(at);
                } else {
                    inner[at] = delete_path(std::mem::take(&mut inner[at]), rest)?;
                }
            }
            Ok(Val::Arr(items))
        }
        (value @ Val::Arr(_), Val::Obj(slice)) if rest.is_empty() => {
            let bound = |name: &'static str| slice.get(&Val::utf8_str(name)).filter(|at| !matches!(at, Val::Null));
            let (start, end) = (bound("start"), bound("end"));
            let head = match start {
                Some(start) => value.clone().range(None..Some(start))?,
                None => Val::Arr(std::rc::Rc::default()),
            };
            let tail = match end {
                Some(end) => value.range(Some(end)..None)?,
                None => Val::Arr(std::rc::Rc::default()),
            };
            head + tail
        }
        (value, key) => Err(jaq_json::Error::str(match (kind(&value), key) {
            ("object", key) => format!("Cannot delete field at object index of {}", kind(key)),
            (container, key) => format!("Cannot delete field at {} index of {container}", kind(key)),
        })),
    }
}

/// Puts a value where a path leads, making what is not there yet.
fn set_path(value: Val, keys: &[Val], new: Val) -> ValR {
    let Some((key, rest)) = keys.split_first() else { return Ok(new) };
    match (value, key) {
        (value @ (Val::Null | Val::Obj(_)), Val::TStr(_)) => {
            let mut members = if let Val::Obj(members) = value { members } else { std::rc::Rc::default() };
            let member = std::rc::Rc::make_mut(&mut members).entry(key.clone()).or_insert(Val::Null);
            *member = set_path(std::mem::take(member), rest, new)?;
            Ok(Val::Obj(members))
        }
        (value @ (Val::Null | Val::Arr(_)), Val::Num(Num::Int(index))) => {
            const LARGEST: usize = 536_870_911;
            let mut items = if let Val::Arr(items) = value { items } else { std::rc::Rc::default() };
            let inner = std::rc::Rc::make_mut(&mut items);
            let at = if *index < 0 { inner.len().checked_add_signed(*index) } else { usize::try_from(*index).ok() };
            let at = at.ok_or_else(|| jaq_json::Error::str("Out of bounds negative array index"))?;
            if at > LARGEST {
                return Err(jaq_json::Error::str("Array index too large"));
            }
            if at >= inner.len() {
                inner.resize(at + 1, Val::Null);
            }
            inner[at] = set_path(std::mem::take(&mut inner[at]), rest, new)?;
            Ok(Val::Arr(items))
        }
        (value @ (Val::Null | Val::Arr(_)), Val::Obj(slice)) => {
            use jaq_core::ValT as _;
            let value = if matches!(value, Val::Null) { Val::Arr(std::rc::Rc::default()) } else { value };
            let bound = |name: &'static str| slice.get(&Val::utf8_str(name)).filter(|at| !matches!(at, Val::Null));
            let (start, end) = (bound("start"), bound("end"));
            let nothing = || Val::Arr(std::rc::Rc::default());
            let head = if start.is_some() { value.clone().range(None..start)? } else { nothing() };
            let tail = if end.is_some() { value.clone().range(end..None)? } else { nothing() };
            let middle = set_path(value.range(start..end)?, rest, new)?;
            if !matches!(middle, Val::Arr(_)) {
                return Err(jaq_json::Error::str("A slice of an array can only be assigned another array"));
            }
            (head + middle)? + tail
        }
        (value, key) => Err(jaq_json::Error::index(value, key.clone())),
    }
}

/// The name of a value's type.
pub(super) fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(_) => "number",
        Val::TStr(_) | Val::BStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

/// A value as jq's messages show it: its type, and its first bytes.
fn described(value: &Val) -> String {
    let text = String::from_utf8_lossy(&compact(value)).into_owned();
    let shown = if text.len() > 14 {
        let cut = (0..=11).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        format!("{}...", &text[..cut])
    } else {
        text
    };
    format!("{} ({shown})", kind(value))
}

/// A failure's value, with jaq's wording turned into jq's.
pub(super) fn failure(error: jaq_json::Error) -> Val {
    let value = error.into_val();
    let Val::TStr(text) = &value else { return value };
    let Ok(text) = std::str::from_utf8(text) else { return value };
    reworded(text).map_or(value.clone(), Val::from)
}

fn reworded(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("cannot index ") {
        let (value, index) = two_values(rest, " with ")?;
        let key = match &index {
            Val::TStr(key) if key.len() < 30 => format!("string \"{}\"", String::from_utf8_lossy(key)),
            other => kind(other).to_owned(),
        };
        return Some(format!("Cannot index {} with {key}", kind(&value)));
    }
    if let Some(rest) = text.strip_prefix("cannot use ") {
        let (value, wanted) = rest.rsplit_once(" as ")?;
        let value = one_value(value)?;
        return match wanted {
            "iterable (array or object)" => Some(format!("Cannot iterate over {}", described(&value))),
            "array" => Some(format!("{} cannot be sorted, as it is not an array", described(&value))),
            "number" => Some(format!("{} cannot be negated", described(&value))),
            _ => None,
        };
    }
    let rest = text.strip_prefix("cannot calculate ")?;
    let verbs =
        [(" + ", "added"), (" - ", "subtracted"), (" * ", "multiplied"), (" / ", "divided"), (" % ", "divided")];
    verbs.iter().find_map(|(operator, verb)| {
        let (left, right) = two_values(rest, operator)?;
        let zero = *operator == " % " && matches!((&left, &right), (Val::Num(_), Val::Num(_)));
        let reason = if zero {
            " (remainder) because the divisor is zero"
        } else if *operator == " % " {
            " (remainder)"
        } else {
            ""
        };
        Some(format!("{} and {} cannot be {verb}{reason}", described(&left), described(&right)))
    })
}

/// The two JSON values around a separator.
fn two_values(text: &str, separator: &str) -> Option<(Val, Val)> {
    text.match_indices(separator)
        .find_map(|(at, _)| Some((one_value(&text[..at])?, one_value(&text[at + separator.len()..])?)))
}

/// A text that is one JSON value.
pub(super) fn one_value(text: &str) -> Option<Val> {
    let mut reader = Reader::new();
    let mut found = None;
    for byte in text.bytes() {
        if let Some(value) = reader.byte(byte).ok()?
            && found.replace(value).is_some()
        {
            return None;
        }
    }
    match (found, reader.end().ok()?) {
        (Some(value), None) | (None, Some(value)) => Some(value),
        _ => None,
    }
}
