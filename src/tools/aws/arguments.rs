//! From the words behind an operation's options to the members of its input: numbers, booleans, JSON, shorthand, files.

use serde_json::{Map, Number, Value};

use super::super::Files;
use super::failure::Failure;
use super::json_problem;
use super::model::{Kind, Service, Shape};
use super::shorthand;

/// The value of one option, as the model wants it.
pub(super) fn value(
    service: &Service,
    shape_name: &str,
    option: &str,
    words: &[String],
    files: &Files,
) -> Result<Value, Failure> {
    let shape = service.shape(shape_name);
    let mut words = words.to_vec();
    let mut from_file = false;
    if let [only] = words.as_slice()
        && let Some(content) = file(only, option, shape.kind, files)?
    {
        words = vec![content];
        from_file = true;
    }
    if takes_shorthand(service, shape) && !words.first().is_some_and(|word| word.trim().starts_with(['[', '{'])) {
        let parse = |word: &String| shorthand::parse(word).map_err(|message| Failure::parsing(option, message));
        let mut parsed = match shape.kind {
            Kind::List => Value::Array(words.iter().map(parse).collect::<Result<_, _>>()?),
            _ => parse(&words.first().cloned().unwrap_or_default())?,
        };
        fit(service, shape, &mut parsed)?;
        return Ok(parsed);
    }
    match shape.kind {
        Kind::List => {
            if let [only] = words.as_slice()
                && only.trim().starts_with('[')
            {
                return json(option, only);
            }
            if from_file {
                // The CLI goes through a file's text as it goes through a list (awscli.argprocess): by characters.
                words = words.iter().flat_map(|text| text.chars()).map(String::from).collect();
            }
            let member = shape.member.as_deref().unwrap_or("string");
            words.iter().map(|word| one(service, member, option, word)).collect()
        }
        _ => one(service, shape_name, option, words.first().map_or("", String::as_str)),
    }
}

fn one(service: &Service, shape_name: &str, option: &str, word: &str) -> Result<Value, Failure> {
    let shape = service.shape(shape_name);
    if shape.document {
        return json(option, word);
    }
    match shape.kind {
        Kind::Structure | Kind::Map if word.trim_start().starts_with('{') => json(option, word),
        Kind::List if word.trim_start().starts_with('[') => json(option, word),
        Kind::Structure | Kind::Map | Kind::List => Err(Failure::parsing(option, format!("Invalid JSON:\n{word}"))),
        Kind::Integer | Kind::Long => integer(word).map(Value::from),
        Kind::Float | Kind::Double => word
            .trim()
            .parse::<f64>()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| Failure::general(format!("could not convert string to float: '{word}'"))),
        Kind::Boolean => Ok(Value::Bool(!word.eq_ignore_ascii_case("false"))),
        Kind::String | Kind::Timestamp | Kind::Blob => Ok(Value::String(word.to_owned())),
    }
}

/// A number as Python's `int` reads it.
fn integer(word: &str) -> Result<i64, Failure> {
    word.trim()
        .replace('_', "")
        .parse()
        .map_err(|_| Failure::general(format!("invalid literal for int() with base 10: '{word}'")))
}

/// JSON from the command line.
pub(super) fn json(option: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let problem = json_problem::find(text).unwrap_or_else(|| error.to_string());
        Failure::parsing(option, format!("Invalid JSON: {problem}\nJSON received: {text}"))
    })
}

/// The content of `file://` and `fileb://`, through the one door to files; `None` for a plain value.
pub(super) fn file(word: &str, option: &str, kind: Kind, files: &Files) -> Result<Option<String>, Failure> {
    let (path, text) = match (word.strip_prefix("file://"), word.strip_prefix("fileb://")) {
        (Some(path), _) => (path, true),
        (_, Some(path)) => (path, false),
        _ => return Ok(None),
    };
    let bytes = files.read(path).map_err(|error| {
        let number = error.raw_os_error().unwrap_or(2);
        let words = if error.raw_os_error().is_some() || error.kind() == std::io::ErrorKind::NotFound {
            "No such file or directory".to_owned()
        } else {
            error.to_string()
        };
        let words =
            if number == 2 { words } else { error.to_string().split(" (os error").next().unwrap_or("").to_owned() };
        Failure::parsing(option, format!("Unable to load paramfile {word}: [Errno {number}] {words}: '{path}'"))
    })?;
    if !text && kind == Kind::Blob {
        use base64::Engine;
        return Ok(Some(base64::engine::general_purpose::STANDARD.encode(bytes)));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Failure::parsing(
            option,
            format!(
                "Unable to load paramfile ({path}), text contents could not be decoded.  If this is a binary file, \
                 please use the fileb:// prefix instead of the file:// prefix."
            ),
        )
    })
}

/// Shorthand stands for structures, maps and lists of them, not for lists of scalars or documents.
fn takes_shorthand(service: &Service, shape: &Shape) -> bool {
    match shape.kind {
        Kind::Structure | Kind::Map => !shape.document,
        Kind::List => {
            let member = service.shape(shape.member.as_deref().unwrap_or("string"));
            !member.kind.is_scalar() && !member.document
        }
        _ => false,
    }
}

/// Makes what shorthand gave (text, and single values for lists) into what the shape says.
fn fit(service: &Service, shape: &Shape, value: &mut Value) -> Result<(), Failure> {
    match (shape.kind, &mut *value) {
        (Kind::Structure, Value::Object(map)) => {
            for member in &shape.members {
                if let Some(value) = map.get_mut(&member.name) {
                    fit(service, service.shape(&member.shape), value)?;
                }
            }
        }
        (Kind::Map, Value::Object(map)) => {
            let inner = service.shape(shape.value.as_deref().unwrap_or("string"));
            map.values_mut().try_for_each(|value| fit(service, inner, value))?;
        }
        (Kind::List, Value::Array(items)) => {
            let inner = service.shape(shape.member.as_deref().unwrap_or("string"));
            items.iter_mut().try_for_each(|value| fit(service, inner, value))?;
        }
        (Kind::List, _) => {
            *value = Value::Array(vec![value.take()]);
            fit(service, shape, value)?;
        }
        (Kind::Integer | Kind::Long, Value::String(text)) => {
            *value = Value::from(integer(text)?);
        }
        (Kind::Boolean, Value::String(text)) => *value = Value::Bool(!text.eq_ignore_ascii_case("false")),
        (Kind::Float | Kind::Double, Value::String(text)) => {
            if let Some(number) = text.parse().ok().and_then(Number::from_f64) {
                *value = Value::Number(number);
            }
        }
        _ => {}
    }
    Ok(())
}

/// What is wrong with an input, in botocore's words; `Ok` when nothing is.
pub(super) fn validate(service: &Service, shape_name: Option<&str>, input: &Map<String, Value>) -> Result<(), Failure> {
    let mut problems = Vec::new();
    if let Some(shape) = shape_name {
        check(service, service.shape(shape), &Value::Object(input.clone()), "", &mut problems);
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::parameter(format!("Parameter validation failed:\n{}", problems.join("\n"))))
}

fn check(service: &Service, shape: &Shape, value: &Value, name: &str, problems: &mut Vec<String>) {
    let shown = match name.strip_prefix('.').unwrap_or(name) {
        "" => "input",
        name => name,
    };
    if shape.document {
        return;
    }
    let wanted = match shape.kind {
        Kind::Structure | Kind::Map if !value.is_object() => "<class 'dict'>",
        Kind::List if !value.is_array() => "<class 'list'>, <class 'tuple'>",
        Kind::String if !value.is_string() => "<class 'str'>",
        Kind::Integer | Kind::Long if !(value.is_i64() || value.is_u64()) => "<class 'int'>",
        Kind::Float | Kind::Double if !value.is_number() => "<class 'float'>, <class 'decimal.Decimal'>, <class 'int'>",
        Kind::Boolean if !value.is_boolean() => "<class 'bool'>",
        Kind::Blob if !value.is_string() => "<class 'bytes'>, <class 'bytearray'>, file-like object",
        Kind::Timestamp if !(value.is_string() || value.is_number()) => "<class 'datetime.datetime'>, timestamp-string",
        _ => "",
    };
    if !wanted.is_empty() {
        problems.push(format!(
            "Invalid type for parameter {shown}, value: {}, type: {}, valid types: {wanted}",
            python(value),
            python_type(value)
        ));
        return;
    }
    let too_short = |length: usize| {
        #[expect(clippy::cast_precision_loss, reason = "lengths of command lines are small")]
        let short = shape.min.is_some_and(|min| (length as f64) < min);
        short.then(|| {
            let min = shape.min.unwrap_or_default();
            format!("Invalid length for parameter {shown}, value: {length}, valid min length: {min}")
        })
    };
    match (shape.kind, value) {
        (Kind::Structure, Value::Object(map)) => {
            for member in shape.members.iter().filter(|member| member.required && !member.token) {
                if !map.contains_key(&member.name) {
                    problems.push(format!("Missing required parameter in {shown}: \"{}\"", member.name));
                }
            }
            for key in map.keys().filter(|key| !shape.members.iter().any(|member| member.name == **key)) {
                let known: Vec<&str> = shape.members.iter().map(|member| member.name.as_str()).collect();
                problems.push(format!("Unknown parameter in {shown}: \"{key}\", must be one of: {}", known.join(", ")));
            }
            for (key, value) in map {
                if let Some(member) = shape.members.iter().find(|member| member.name == *key) {
                    check(service, service.shape(&member.shape), value, &format!("{name}.{key}"), problems);
                }
            }
        }
        (Kind::Map, Value::Object(map)) => {
            let inner = service.shape(shape.value.as_deref().unwrap_or("string"));
            for (key, value) in map {
                check(service, inner, value, &format!("{name}.{key}"), problems);
            }
        }
        (Kind::List, Value::Array(items)) => {
            problems.extend(too_short(items.len()));
            let inner = service.shape(shape.member.as_deref().unwrap_or("string"));
            for (at, item) in items.iter().enumerate() {
                check(service, inner, item, &format!("{name}[{at}]"), problems);
            }
        }
        (Kind::String, Value::String(text)) => problems.extend(too_short(text.chars().count())),
        (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, Value::Number(number)) => {
            if let (Some(min), Some(actual)) = (shape.min, number.as_f64())
                && actual < min
            {
                problems.push(format!("Invalid value for parameter {shown}, value: {number}, valid min value: {min}"));
            }
        }
        _ => {}
    }
}

/// A value as Python prints it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let items: Vec<_> = map.iter().map(|(key, value)| format!("'{key}': {}", quoted(value))).collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        value => python(value),
    }
}

/// The name of a value's type in Python.
pub(super) fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(number) if number.is_f64() => "<class 'float'>",
        Value::Number(_) => "<class 'int'>",
        Value::String(_) => "<class 'str'>",
        Value::Array(_) => "<class 'list'>",
        Value::Object(_) => "<class 'dict'>",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model;
    use super::*;

    fn input(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn inputs_are_validated_in_botocores_words() {
        let eks = model::service("eks").unwrap();
        let check = |value| validate(eks, Some("ListClustersRequest"), &input(value)).map_err(|failure| failure.text);
        assert_eq!(check(json!({"maxResults": 1})), Ok(()));
        assert_eq!(
            check(json!({"maxResults": 0})),
            Err("\nParameter validation failed:\nInvalid value for parameter maxResults, value: 0, valid min value: 1\n".into())
        );
        assert_eq!(
            check(json!({"x": "y"})),
            Err("\nParameter validation failed:\nUnknown parameter in input: \"x\", must be one of: maxResults, nextToken, include\n".into())
        );
        assert_eq!(
            check(json!({"maxResults": "a"})),
            Err("\nParameter validation failed:\nInvalid type for parameter maxResults, value: a, type: <class 'str'>, valid types: <class 'int'>\n".into())
        );
    }

    #[test]
    fn words_become_values() {
        let eks = model::service("eks").unwrap();
        let iam = model::service("iam").unwrap();
        let files = Files::new(Vec::new(), "/".into());
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (service, shape, given, expected) in [
            (eks, "TagMap", words(&["a=b,c=d"]), json!({"a": "b", "c": "d"})),
            (eks, "TagMap", words(&["{\"a\": \"b\"}"]), json!({"a": "b"})),
            (
                iam,
                "tagListType",
                words(&["Key=a,Value=b", "Key=c,Value="]),
                json!([{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}]),
            ),
            (eks, "StringList", words(&["a", "b"]), json!(["a", "b"])),
            (eks, "StringList", words(&["[\"a\"]"]), json!(["a"])),
            (eks, "integer", words(&["12"]), json!(12)),
            (eks, "boolean", words(&["False"]), json!(false)),
            (
                eks,
                "VpcConfigRequest",
                words(&["subnetIds=a,endpointPublicAccess=true"]),
                json!({"subnetIds": ["a"], "endpointPublicAccess": true}),
            ),
        ] {
            assert_eq!(value(service, shape, "x", &given, &files).map_err(|f| f.text), Ok(expected), "{given:?}");
        }
        assert_eq!(value(eks, "integer", "x", &words(&["a"]), &files).unwrap_err().status, 255);
        assert_eq!(value(eks, "TagMap", "tags", &words(&["a"]), &files).unwrap_err().status, 252);
    }
}
