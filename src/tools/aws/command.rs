//! One operation: its options, its input, its pages.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::globals::Globals;
use super::model::{self, Kind, Member, Operation, Service};
use super::operations::{self, CallError};
use super::options::{self, Opt, Parsed, Values};
use super::output::{self, Format};
use super::paginate::{Pages, Paging};
use super::skeleton::{self, Skeleton};
use super::{Argument, End, answer, arguments, claims, help, print};
use crate::target::{AwsClients, AwsOptions, TargetError};
use crate::tools::TargetCall;

/// Runs the operation `name` with the words behind it.
pub(super) async fn run(
    call: &TargetCall,
    globals: &Globals,
    service: &Service,
    name: &str,
    words: &[String],
) -> Result<(), End> {
    let operation = &service.operations[name];
    let arguments = list(service, name, operation);
    if matches!(words, [only] if only == "help") {
        call.out.stdout(help::operation(service, name, operation, &arguments)).await?;
        return Ok(());
    }
    let Asked { mut input, paging, skeleton } = input(call, globals, service, operation, &arguments, words)?;
    if let Some(skeleton) = skeleton {
        return show(call, globals, service, name, skeleton).await;
    }
    if paging.as_ref().and_then(|paging| paging.max_items).is_some_and(|most| most <= 0) {
        let warning = "warning: Non-positive values for --max-items may result in undefined behavior.\n";
        call.out.stderr(warning).await?;
    }
    let sdk_call = sdk_call(service, name)?;
    let clients = clients(call, globals, service).await?;
    if let Some(effects) = call.target.effects().filter(|_| operation.mutating) {
        let effects = effects.of(&format!("aws {} {}", service.name, model::dashed(name)));
        let there = claims::look(&effects, service, name, &input, &clients, &globals.zone).await?;
        return if there.is_null() { Ok(()) } else { print(call, globals, name, &there).await };
    }
    let ask = async |input: &Map<String, Value>| -> Result<Value, End> {
        let result = sdk_call(clients.clone(), input.clone()).await;
        show_calls(call, globals, &clients).await?;
        result.map_err(|error| failed(&error, name, &clients))?;
        let answer = clients.take_answer().map(|answer| answer.body).unwrap_or_default();
        answer::read(service, operation, &answer, &globals.zone).map_err(|problem| {
            Failure::general(format!("Unable to parse response ({problem}), invalid response received")).into()
        })
    };
    let (Some(page), Some(paging)) = (&operation.page, paging) else {
        let value = ask(&input).await?;
        return print(call, globals, name, &value).await;
    };
    let mut pages = Pages::start(page, &paging, &mut input)?;
    let mut first = true;
    loop {
        let value = ask(&input).await?;
        let (counted, more) = pages.take(value, &mut input)?;
        let counted = match counted {
            Value::Object(counted) if first => Value::Object(pages.rest().clone().into_iter().chain(counted).collect()),
            counted => counted,
        };
        first = false;
        // Text and the stream are printed page by page.
        if matches!(globals.format, Format::Text | Format::YamlStream) {
            print(call, globals, name, &counted).await?;
        }
        if !more {
            break;
        }
    }
    if globals.format == Format::Text {
        if let Some(token) = pages.resume() {
            print(call, globals, name, &json!({ "NextToken": { "NextToken": token } })).await?;
        }
        return Ok(());
    }
    if globals.format == Format::YamlStream {
        return Ok(());
    }
    print(call, globals, name, &pages.whole()).await
}

/// Prints what an input or an answer looks like, instead of a call.
async fn show(
    call: &TargetCall,
    globals: &Globals,
    service: &Service,
    name: &str,
    wanted: Skeleton,
) -> Result<(), End> {
    let operation = &service.operations[name];
    let text = match wanted {
        Skeleton::Output => {
            let value = skeleton::value(service, operation.output.as_deref(), true);
            return print(call, globals, name, &value).await;
        }
        Skeleton::YamlInput => skeleton::yaml(service, operation.input.as_deref()),
        Skeleton::Input => {
            let value = skeleton::value(service, operation.input.as_deref(), false);
            if value == json!({}) { "{}\n".to_owned() } else { output::json(&value) }
        }
    };
    Ok(call.out.stdout(text).await?)
}

/// The clients for a service. IAM and STS answer for all regions: without one it is that of their endpoint.
async fn clients(call: &TargetCall, globals: &Globals, service: &Service) -> Result<AwsClients, Failure> {
    let made = match call.target.aws(&globals.aws).await {
        Err(TargetError::NoRegion) if service.name != "eks" => {
            let options = AwsOptions { region: Some("us-east-1".into()), ..globals.aws.clone() };
            call.target.aws(&options).await
        }
        made => made,
    };
    let clients = made.map_err(unusable)?;
    if globals.debug {
        clients.trace();
    }
    Ok(clients)
}

/// For `--debug`: what was sent and came back since the last time, on standard error.
async fn show_calls(call: &TargetCall, globals: &Globals, clients: &AwsClients) -> Result<(), End> {
    if globals.debug {
        for line in clients.take_trace() {
            call.out.stderr(format!("DEBUG - {line}\n")).await?;
        }
    }
    Ok(())
}

/// The SDK's call for an operation.
fn sdk_call(service: &Service, name: &str) -> Result<operations::Call, Failure> {
    operations::find(&service.name, name).ok_or_else(|| {
        Failure::general(format!("lectern's aws does not make this call yet: {} {}", service.name, model::dashed(name)))
    })
}

/// What a service answered to one call.
pub(super) enum Answer {
    Given { status: u16, value: Value },
    Refused { status: u16, code: String, message: String },
}

/// An operation that is ready to be asked, once or again and again.
pub(super) struct Prepared<'a> {
    /// Where calls are shown, if they are.
    shown: Option<(&'a TargetCall, &'a Globals)>,
    service: &'a Service,
    operation: &'a Operation,
    name: &'a str,
    sdk_call: operations::Call,
    clients: AwsClients,
    input: Map<String, Value>,
    zone: jiff::tz::TimeZone,
}

/// Makes the operation `name` ready with the words behind it; nothing when they only ask for help, which is printed.
pub(super) async fn prepare<'a>(
    call: &'a TargetCall,
    globals: &'a Globals,
    service: &'a Service,
    name: &'a str,
    words: &[String],
) -> Result<Option<Prepared<'a>>, End> {
    let operation = &service.operations[name];
    let arguments = list(service, name, operation);
    if matches!(words, [only] if only == "help") {
        call.out.stdout(help::operation(service, name, operation, &arguments)).await?;
        return Ok(None);
    }
    let Asked { input, skeleton, .. } = input(call, globals, service, operation, &arguments, words)?;
    if let Some(skeleton) = skeleton {
        return show(call, globals, service, name, skeleton).await.map(|()| None);
    }
    sdk_call(service, name)?;
    let clients = clients(call, globals, service).await?;
    let prepared = Prepared::of(service, name, input, clients, globals.zone.clone())?;
    Ok(Some(Prepared { shown: Some((call, globals)), ..prepared }))
}

impl<'a> Prepared<'a> {
    /// An operation with its input.
    ///
    /// # Errors
    /// When the call is not built.
    pub fn of(
        service: &'a Service,
        name: &'a str,
        input: Map<String, Value>,
        clients: AwsClients,
        zone: jiff::tz::TimeZone,
    ) -> Result<Self, Failure> {
        let (operation, sdk_call) = (&service.operations[name], sdk_call(service, name)?);
        Ok(Self { shown: None, service, operation, name, sdk_call, clients, input, zone })
    }

    /// A refusal in the CLI's words.
    pub fn refused(&self, code: String, message: String) -> Failure {
        failed(&CallError::Refused { code, message }, self.name, &self.clients)
    }

    /// Asks once.
    ///
    /// # Errors
    /// When there was no answer, or none that can be read. A refusal is an answer.
    pub async fn ask(&self) -> Result<Answer, Failure> {
        let result = (self.sdk_call)(self.clients.clone(), self.input.clone()).await;
        if let Some((call, globals)) = self.shown {
            // That nobody reads it is no reason not to go on.
            let _ = show_calls(call, globals, &self.clients).await;
        }
        let wire = self.clients.take_answer();
        let status = wire.as_ref().map_or(0, |answer| answer.status);
        match result {
            Ok(()) => {
                let body = wire.map(|answer| answer.body).unwrap_or_default();
                let value = answer::read(self.service, self.operation, &body, &self.zone).map_err(|problem| {
                    Failure::general(format!("Unable to parse response ({problem}), invalid response received"))
                })?;
                Ok(Answer::Given { status, value })
            }
            Err(CallError::Refused { code, message }) => Ok(Answer::Refused { status, code, message }),
            Err(other) => Err(failed(&other, self.name, &self.clients)),
        }
    }

    /// Asks once, where a refusal is an error.
    ///
    /// # Errors
    /// With the CLI's words.
    pub async fn value(&self) -> Result<Value, Failure> {
        match self.ask().await? {
            Answer::Given { value, .. } => Ok(value),
            Answer::Refused { code, message, .. } => Err(self.refused(code, message)),
        }
    }
}

/// The options of an operation, as they are read.
pub(super) fn options(service: &Service, name: &str, operation: &Operation) -> Vec<Opt> {
    list(service, name, operation).iter().flat_map(|argument| argument.options(service)).collect()
}

/// The options of an operation, in the CLI's order.
pub(super) fn list<'a>(service: &'a Service, name: &str, operation: &'a Operation) -> Vec<Argument<'a>> {
    let mut list: Vec<Argument<'a>> = service
        .input(operation)
        .iter()
        .map(|member| Argument { name: option_name(&service.name, name, member), member: Some(member) })
        .collect();
    let mut add = |name: &str| {
        if !list.iter().any(|argument| argument.name == name) {
            list.push(Argument { name: name.into(), member: None });
        }
    };
    add("cli-input-json");
    add("cli-input-yaml");
    add("generate-cli-skeleton");
    if let Some(page) = &operation.page {
        add("starting-token");
        if page.limit_key.is_some() {
            add("page-size");
        }
        add("max-items");
    }
    list
}

/// A member's name on the command line. `--version` is global, so EKS's Kubernetes versions are named otherwise.
fn option_name(service: &str, operation: &str, member: &Member) -> String {
    const RENAMED: &[&str] = &[
        "CreateCluster",
        "CreateNodegroup",
        "UpdateClusterComponentsVersion",
        "UpdateClusterVersion",
        "UpdateNodegroupVersion",
    ];
    if service == "eks" && member.name == "version" && RENAMED.contains(&operation) {
        return "kubernetes-version".into();
    }
    model::dashed(&member.name)
}

/// What the words ask for.
struct Asked {
    input: Map<String, Value>,
    /// How to page; none means one call.
    paging: Option<Paging>,
    /// Whether it is to be shown how something looks, instead of a call.
    skeleton: Option<Skeleton>,
}

/// Reads the words.
fn input(
    call: &TargetCall,
    globals: &Globals,
    service: &Service,
    operation: &Operation,
    list: &[Argument<'_>],
    words: &[String],
) -> Result<Asked, Failure> {
    let options: Vec<Opt> = list.iter().flat_map(|argument| argument.options(service)).collect();
    let parsed = options::parse(&options, words)?;
    let given_whole = words.iter().any(|word| word == "--cli-input-json" || word == "--cli-input-yaml");
    let skeleton = parsed.has("generate-cli-skeleton").then(|| Skeleton::named(parsed.last("generate-cli-skeleton")));
    let only_shown = skeleton.is_some_and(|skeleton| skeleton != Skeleton::Output);
    if !given_whole && !only_shown {
        required(service, list, &parsed)?;
    }
    if !parsed.rest.is_empty() || parsed.positional.is_some() {
        let unknown: Vec<String> = parsed.rest.iter().cloned().chain(parsed.positional.clone()).collect();
        return Err(Failure::unknown_options(&unknown));
    }
    let mut paging = paging(globals, operation, &parsed)?;
    let mut input = Map::new();
    for argument in list {
        let Some(member) = argument.member else { continue };
        // The CLI's own --max-items stands in the place of the service's while it pages.
        if paging.is_some() && ["max-items", "starting-token", "page-size"].contains(&argument.name.as_str()) {
            continue;
        }
        if let Some(value) = value(call, service, argument, member, &parsed)? {
            input.insert(member.name.clone(), value);
        }
    }
    if let Some(given) = whole(call, &parsed)? {
        let tokens = operation.page.iter().flat_map(|page| page.input.iter().chain(&page.limit_key));
        if tokens.into_iter().any(|token| given.contains_key(token)) {
            paging = None;
        }
        for (key, value) in given {
            input.entry(key).or_insert(value);
        }
    }
    if !only_shown {
        arguments::validate(service, operation.input.as_deref(), &input)?;
    }
    Ok(Asked { input, paging, skeleton })
}

/// The input that is given as one document.
fn whole(call: &TargetCall, parsed: &Parsed) -> Result<Option<Map<String, Value>>, Failure> {
    let (option, text) = match (parsed.last("cli-input-json"), parsed.last("cli-input-yaml")) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Failure::parameter("Only one --cli-input- parameter may be specified.")),
        (Some(text), None) => ("cli-input-json", text),
        (None, Some(text)) => ("cli-input-yaml", text),
    };
    let text = arguments::file(text, option, Kind::String, &call.invocation.files)?.unwrap_or_else(|| text.to_owned());
    let value = if option == "cli-input-json" {
        arguments::json(option, &text)?
    } else {
        let wrong = |error| Failure::parsing(option, format!("Invalid YAML received: {error}\nYAML received: {text}"));
        serde_saphyr::from_str::<Value>(&text).map_err(wrong)?
    };
    match value {
        Value::Object(given) => Ok(Some(given)),
        other => {
            let received = arguments::python_type(&other);
            Err(Failure::parsing(option, format!("Invalid type: expecting map, received {received}")))
        }
    }
}

fn value(
    call: &TargetCall,
    service: &Service,
    argument: &Argument<'_>,
    member: &Member,
    parsed: &Parsed,
) -> Result<Option<Value>, Failure> {
    if service.shape(&member.shape).kind == Kind::Boolean {
        let negative = format!("no-{}", argument.name);
        // Of both the last one counts.
        let last = parsed.options.iter().rev().find_map(|(name, _)| match name.strip_prefix("--") {
            Some(name) if name == argument.name => Some(true),
            Some(name) if name == negative => Some(false),
            _ => None,
        });
        return Ok(last.map(Value::Bool));
    }
    let Some(words) = parsed.all(&argument.name) else { return Ok(None) };
    arguments::value(service, &member.shape, &argument.name, words, &call.invocation.files).map(Some)
}

fn required(service: &Service, list: &[Argument<'_>], parsed: &Parsed) -> Result<(), Failure> {
    let needed = list.iter().filter_map(|argument| {
        let member = argument.member.filter(|member| member.required && !member.token)?;
        Some((argument, service.shape(&member.shape).kind == Kind::Boolean))
    });
    let (booleans, others): (Vec<_>, Vec<_>) = needed.partition(|(_, boolean)| *boolean);
    let missing: Vec<String> = others
        .iter()
        .filter(|(argument, _)| !parsed.has(&argument.name))
        .map(|(argument, _)| format!("--{}", argument.name))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::usage(format!("the following arguments are required: {}", missing.join(", "))));
    }
    for (argument, _) in booleans {
        let name = &argument.name;
        if !parsed.has(name) && !parsed.has(&format!("no-{name}")) {
            return Err(Failure::usage(format!("one of the arguments --{name} --no-{name} is required")));
        }
    }
    Ok(())
}

/// How to page, or `None` for a single call: when asked for, or when the service's own paging members are given.
fn paging(globals: &Globals, operation: &Operation, parsed: &Parsed) -> Result<Option<Paging>, Failure> {
    let Some(page) = &operation.page else { return Ok(None) };
    let own = page.input.iter().chain(&page.limit_key).map(|name| model::dashed(name));
    let by_hand = own.into_iter().any(|name| name != "max-items" && name != "starting-token" && parsed.has(&name));
    if globals.paginate && !by_hand {
        let number = |name: &str| match parsed.last(name) {
            Some(text) => text
                .trim()
                .parse::<i64>()
                .map(Some)
                .map_err(|_| Failure::usage(format!("argument --{name}: invalid int value: '{text}'"))),
            None => Ok(None),
        };
        return Ok(Some(Paging {
            max_items: number("max-items")?,
            page_size: number("page-size")?,
            starting_token: parsed.last("starting-token").map(str::to_owned),
        }));
    }
    let shadowed = |name: &str| page.limit_key.as_deref().is_some_and(|key| model::dashed(key) == name);
    let used: Vec<String> = ["starting-token", "page-size", "max-items"]
        .into_iter()
        .filter(|name| parsed.has(name) && !shadowed(name))
        .map(|name| format!("--{name}"))
        .collect();
    if used.is_empty() {
        return Ok(None);
    }
    Err(Failure::general(format!(
        "Error during pagination: Cannot specify --no-paginate along with pagination arguments: {}",
        used.join(", ")
    )))
}

/// A target that cannot be called, in the CLI's words.
fn unusable(error: TargetError) -> Failure {
    match error {
        TargetError::NoRegion => Failure::configuration(
            "You must specify a region. You can also configure your region by running \"aws configure\".",
        ),
        TargetError::NoProfile(name) => Failure::general(format!("The config profile ({name}) could not be found")),
        other => Failure::general(other.to_string()),
    }
}

fn failed(error: &CallError, operation: &str, clients: &AwsClients) -> Failure {
    match error {
        CallError::Refused { code, message } => {
            // It is told only when no more attempts were left.
            let retries = clients.attempts().saturating_sub(1);
            let out_of_attempts = retries > 0 && clients.attempts() >= clients.most_attempts();
            let retried = if out_of_attempts { format!(" (reached max retries: {retries})") } else { String::new() };
            Failure::service(format!(
                "An error occurred ({code}) when calling the {operation} operation{retried}: {message}"
            ))
        }
        CallError::NoCredentials => Failure::configuration(
            "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
        ),
        CallError::Unreachable => {
            Failure::general(format!("Could not connect to the endpoint URL: \"{}\"", clients.last_url()))
        }
        CallError::TimedOut => Failure::general(format!("Read timeout on endpoint URL: \"{}\"", clients.last_url())),
        CallError::NoAnswer { words } => Failure::general(words),
    }
}

/// For the help page: what an option takes.
pub(super) fn takes(service: &Service, argument: &Argument<'_>) -> &'static str {
    let values = argument.options(service).first().map(|option| option.values);
    match (values, argument.member.map(|member| service.shape(&member.shape).kind)) {
        (Some(Values::None), _) => "",
        (_, Some(Kind::Integer | Kind::Long)) => " <integer>",
        (_, Some(Kind::List)) => " <values>",
        (_, Some(Kind::Structure | Kind::Map)) => " <JSON or shorthand>",
        (_, Some(Kind::Timestamp)) => " <timestamp>",
        _ => " <value>",
    }
}
