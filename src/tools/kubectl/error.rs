//! What goes wrong in a command, and kubectl's words and exit status for it.

use http::Method;
use serde_json::Value;

use super::options::duration::quote;
use crate::target::TargetError;
use crate::tools::Closed;

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The API server refused.
    Api(Box<ApiFailure>),
    /// kubectl's own complaint, without `error: `.
    Message(String),
    /// A complaint about usage: a hint to the command's help follows.
    Usage {
        /// What is wrong.
        message: String,
        /// The command, as in `kubectl get`.
        command: String,
    },
    /// Text that is printed as it is.
    Plain(String),
    /// Several, one a line.
    Many(Vec<Failure>),
    /// The same after some output was printed.
    Printed {
        /// What is on standard output.
        output: Vec<u8>,
        /// What went wrong then.
        failure: Box<Failure>,
    },
    /// No answer came.
    Away {
        /// kubectl's line for it.
        line: String,
        /// What it was, in the words of Go's net/http: `Get "http://…": dial tcp …`.
        cause: String,
    },
    /// Text that is printed as it is, and the status.
    Coded {
        /// The text.
        text: String,
        /// The status.
        status: u8,
    },
    /// Everything has been said; this is the status.
    Status(u8),
    /// Nobody reads the output.
    Closed,
}

/// A `Status` answer of the API server.
#[derive(Debug, Clone, Default)]
pub struct ApiFailure {
    /// The HTTP status.
    pub code: u16,
    /// `NotFound`, `Conflict`, …
    pub reason: String,
    /// In words.
    pub message: String,
    /// The kind, name and causes, as the server sent them.
    pub details: Value,
}

impl ApiFailure {
    /// Reads the answer of a server that refused. `text` is whether the body is one for people; `subject` is what was asked
    /// for, `get pods web`, if that is to be told.
    pub fn read(code: u16, body: &[u8], text: bool, subject: &str) -> Self {
        if let Ok(value) = serde_json::from_slice::<Value>(body)
            && value["kind"] == "Status"
        {
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            return Self {
                code: value["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(code),
                reason: text("reason"),
                message: text("message"),
                details: value["details"].clone(),
            };
        }
        Self::told_by_status(code, text.then_some(body), subject)
    }

    /// The words of apimachinery (NewGenericServerResponse) for an answer that is no Status.
    pub fn told_by_status(code: u16, body: Option<&[u8]>, subject: &str) -> Self {
        let said = body.map_or("unknown".into(), |body| String::from_utf8_lossy(body).trim().to_owned());
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason".to_owned()),
            401 => ("Unauthorized", "the server has asked for the client to provide credentials".to_owned()),
            403 => ("Forbidden", said),
            404 => ("NotFound", "the server could not find the requested resource".to_owned()),
            405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
            406 if said.is_empty() || said == "unknown" => (
                "NotAcceptable",
                "the server was unable to respond with a content type that the client supports".to_owned(),
            ),
            406 => ("NotAcceptable", said),
            409 if subject.starts_with("post ") => ("AlreadyExists", "the server reported a conflict".to_owned()),
            409 => ("Conflict", "the server reported a conflict".to_owned()),
            415 => ("UnsupportedMediaType", said),
            422 => ("Invalid", "the server rejected our request due to an error in our request".to_owned()),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later".to_owned(),
            ),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned()),
            504 => (
                "Timeout",
                "the server was unable to return a response in the time allotted, but may still be processing the request".to_owned(),
            ),
            500.. => (
                "InternalError",
                format!("an error on the server ({}) has prevented the request from succeeding", quote(&said)),
            ),
            code => {
                ("", format!("the server responded with the status code {code} but did not return more information"))
            }
        };
        let message = if subject.is_empty() { message } else { format!("{message} ({subject})") };
        Self { code, reason: reason.to_owned(), message, details: Value::Null }
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        self.reason == "NotFound" || (self.reason.is_empty() && self.code == 404)
    }

    /// Whether somebody else changed the object.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    fn words(&self) -> String {
        match self.reason.as_str() {
            "Unauthorized" => format!("error: You must be logged in to the server ({})", self.message),
            "" => format!("Error from server: {}", self.message),
            reason => format!("Error from server ({reason}): {}", self.message),
        }
    }

    /// The words for an object that the server finds invalid, which have no prefix.
    fn invalid(&self) -> String {
        let text = |key: &str| self.details[key].as_str().unwrap_or_default();
        let mut head = "The request is invalid".to_owned();
        if self.details.is_null() {
            return format!("{head}: {}", self.message);
        }
        if !text("kind").is_empty() {
            head = format!("The {} {} is invalid", text("kind"), quote(text("name")));
        }
        let causes: Vec<String> = self.details["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cause| {
                let part = |key: &str| cause[key].as_str().unwrap_or_default();
                if part("field").is_empty() {
                    part("message").to_owned()
                } else {
                    format!("{}: {}", part("field"), part("message"))
                }
            })
            .collect();
        match causes.as_slice() {
            [] => head,
            [one] => format!("{head}: {one}"),
            many => many.iter().fold(format!("{head}: "), |text, cause| format!("{text}\n* {cause}")),
        }
    }
}

impl Failure {
    /// An error in kubectl's own words.
    pub fn message(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }

    /// The same with words ahead of its message. It is kubectl's own complaint then, not the server's.
    pub fn prefixed(self, prefix: &str) -> Self {
        match self {
            Self::Api(_) | Self::Message(_) | Self::Away { .. } => Self::Message(format!("{prefix}{}", self.words())),
            other => other,
        }
    }

    /// The same, told of a file: `error when creating "x.yaml": …`. The server's complaint stays the server's.
    pub fn when(self, doing: &str, source: &str) -> Self {
        let head = format!("error when {doing} {}: ", quote(source));
        match self {
            Self::Api(failure) => {
                Self::Api(Box::new(ApiFailure { message: format!("{head}{}", failure.message), ..*failure }))
            }
            Self::Message(message) | Self::Away { cause: message, .. } => Self::Message(format!("{head}{message}")),
            other => other,
        }
    }

    /// The same, told of the request that was not answered.
    pub fn asked(self, method: &Method, url: &str) -> Self {
        let name = method.as_str();
        let name = name.split_at(1).0.to_owned() + &name.split_at(1).1.to_lowercase();
        match self {
            Self::Away { line, cause } => Self::Away { line, cause: format!("{name} {}: {cause}", quote(url)) },
            other => other,
        }
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Api(failure) if failure.is_not_found())
    }

    /// Several failures as one; `Ok` for none.
    ///
    /// # Errors
    /// When there are any.
    pub fn together(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Many(failures)),
        }
    }

    /// What is still to be printed on standard output ahead of the report.
    pub fn output(&self) -> Vec<u8> {
        match self {
            Self::Printed { output, .. } => output.clone(),
            Self::Many(failures) => failures.iter().flat_map(Self::output).collect(),
            _ => Vec::new(),
        }
    }

    /// What is printed on standard error (nothing for [`Failure::Status`] and [`Failure::Closed`]) and the exit status.
    pub fn report(&self) -> (String, u8) {
        let (mut text, status) = match self {
            Self::Closed => return (String::new(), 141),
            Self::Status(status) => return (String::new(), *status),
            Self::Coded { text, status } => (text.clone(), *status),
            Self::Printed { failure, .. } => return failure.report(),
            Self::Usage { message, command } => {
                (format!("error: {message}\nSee '{command} -h' for help and examples"), 1)
            }
            Self::Api(failure) if failure.reason == "Invalid" => (failure.invalid(), 1),
            Self::Many(failures) => (failures.iter().map(|one| one.among_others() + "\n").collect(), 1),
            other => (other.line(), 1),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        (text, status)
    }

    /// As it stands among others: client-go's aggregates have their messages without a prefix.
    fn among_others(&self) -> String {
        match self {
            Self::Api(failure) => failure.words(),
            Self::Message(words) | Self::Away { cause: words, .. } => words.clone(),
            Self::Printed { failure, .. } => failure.among_others(),
            other => other.report().0.trim_end_matches('\n').to_owned(),
        }
    }

    /// One line, with its prefix.
    fn line(&self) -> String {
        match self {
            Self::Api(failure) => failure.words(),
            Self::Message(message) if message.starts_with("error: ") => message.clone(),
            Self::Message(message) => format!("error: {message}"),
            Self::Plain(text) | Self::Away { line: text, .. } | Self::Coded { text, .. } => text.clone(),
            Self::Usage { message, .. } => format!("error: {message}"),
            Self::Printed { failure, .. } => failure.line(),
            Self::Many(failures) => failures.iter().map(Self::line).collect::<Vec<_>>().join("\n"),
            Self::Status(_) | Self::Closed => String::new(),
        }
    }

    /// The words without any prefix, as they stand inside another message.
    pub fn words(&self) -> String {
        match self {
            Self::Api(failure) => failure.message.clone(),
            Self::Message(text) | Self::Plain(text) | Self::Away { cause: text, .. } | Self::Coded { text, .. } => {
                text.clone()
            }
            Self::Usage { message, .. } => message.clone(),
            Self::Printed { failure, .. } => failure.words(),
            Self::Many(failures) => {
                format!("[{}]", failures.iter().map(Self::words).collect::<Vec<_>>().join(", "))
            }
            Self::Status(_) | Self::Closed => String::new(),
        }
    }
}

impl From<Closed> for Failure {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<ApiFailure> for Failure {
    fn from(failure: ApiFailure) -> Self {
        Self::Api(Box::new(failure))
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        match error {
            // These are kubectl's own lines.
            TargetError::Kubeconfig(words) => Self::Plain(words),
            other => Self::Message(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_and_status_are_kubectl_s() {
        let body = json!({"kind": "Status", "reason": "NotFound", "message": "pods \"x\" not found", "code": 404});
        let failure = Failure::from(ApiFailure::read(404, body.to_string().as_bytes(), false, "get pods"));
        assert_eq!(failure.report(), ("Error from server (NotFound): pods \"x\" not found\n".into(), 1));
        assert!(failure.is_not_found());
        let body = json!({"kind": "Status", "reason": "Invalid", "message": "m", "code": 422, "details": {
            "kind": "Deployment", "name": "x", "causes": [{"field": "spec.a", "message": "Required value"},
            {"field": "spec.b", "message": "Invalid value: 1"}]}});
        let failure = Failure::from(ApiFailure::read(422, body.to_string().as_bytes(), false, ""));
        assert_eq!(
            failure.report().0,
            "The Deployment \"x\" is invalid: \n* spec.a: Required value\n* spec.b: Invalid value: 1\n"
        );
        let usage = Failure::Usage { message: "no".into(), command: "kubectl get".into() };
        assert_eq!(usage.report().0, "error: no\nSee 'kubectl get -h' for help and examples\n");
        assert_eq!(Failure::Many(vec![Failure::message("a"), failure]).report().0.lines().next(), Some("a"));
    }
}
