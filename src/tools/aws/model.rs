//! Service models as the AWS CLI knows them: operations, members in order, types. They are data under `assets/aws`, made
//! from botocore's by the script beside them.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// A service: its operations and the shapes of what goes in and comes out.
#[derive(Debug, Deserialize)]
pub(super) struct Service {
    #[serde(rename = "service")]
    pub name: String,
    pub protocol: Protocol,
    pub operations: HashMap<String, Operation>,
    shapes: HashMap<String, Shape>,
}

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Protocol {
    /// JSON bodies, moments as seconds since 1970.
    RestJson,
    /// Forms in, XML out, moments as ISO 8601.
    Query,
}

/// An operation.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub input: Option<String>,
    pub output: Option<String>,
    /// The element around the result, in the query protocol.
    pub wrapper: Option<String>,
    pub page: Option<Page>,
    /// Whether it changes something.
    #[serde(default)]
    pub mutating: bool,
}

/// How a list is paged.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// Members of the input that say where to go on.
    pub input: Vec<String>,
    /// Expressions on the output that give their next values.
    pub output: Vec<String>,
    /// Expressions on the output that are joined over the pages.
    pub result: Vec<String>,
    /// The member of the input that limits a page.
    pub limit_key: Option<String>,
    /// An expression on the output that is true while there is more.
    pub more_results: Option<String>,
    /// Expressions that are taken from the first page alone.
    #[serde(default)]
    pub rest: Vec<String>,
}

/// What a value looks like.
#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub members: Vec<Member>,
    pub member: Option<String>,
    pub value: Option<String>,
    /// Of a list: the name of its members' shape, where `member` is only its type.
    pub called: Option<String>,
    /// What a string may be.
    #[serde(default, rename = "enum")]
    pub choices: Vec<String>,
    /// The least length, or value of a number.
    pub min: Option<f64>,
    #[serde(default)]
    pub document: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Timestamp,
    Blob,
}

impl Kind {
    pub fn is_scalar(self) -> bool {
        !matches!(self, Self::Structure | Self::List | Self::Map)
    }
}

/// A member of a structure.
#[derive(Debug, Deserialize)]
#[serde(from = "MemberRow")]
pub(super) struct Member {
    pub name: String,
    pub shape: String,
    pub required: bool,
    /// Whether the SDK fills it in when it is absent.
    pub token: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MemberRow {
    Plain((String, String)),
    Flagged((String, String, String)),
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        let (name, shape, flags) = match row {
            MemberRow::Plain((name, shape)) => (name, shape, String::new()),
            MemberRow::Flagged(row) => row,
        };
        Self { name, shape, required: flags.contains('r'), token: flags.contains('i') }
    }
}

impl Service {
    /// The shape of that name; a type's own name is a shape without limits.
    pub fn shape(&self, name: &str) -> &Shape {
        self.shapes.get(name).unwrap_or_else(|| plain(name))
    }

    /// The members of an operation's input, in the model's order.
    pub fn input(&self, operation: &Operation) -> &[Member] {
        operation.input.as_ref().map_or(&[], |name| &self.shape(name).members)
    }

    /// The operations by their command-line names, sorted.
    pub fn commands(&self) -> Vec<(String, &str)> {
        let mut names: Vec<_> = self.operations.keys().map(|name| (dashed(name), name.as_str())).collect();
        names.sort();
        names
    }
}

fn plain(name: &str) -> &'static Shape {
    static SHAPES: OnceLock<HashMap<&'static str, Shape>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        [
            ("string", Kind::String),
            ("integer", Kind::Integer),
            ("long", Kind::Long),
            ("float", Kind::Float),
            ("double", Kind::Double),
            ("boolean", Kind::Boolean),
            ("timestamp", Kind::Timestamp),
            ("blob", Kind::Blob),
        ]
        .into_iter()
        .map(|(name, kind)| {
            let shape = Shape {
                kind,
                members: Vec::new(),
                member: None,
                value: None,
                called: None,
                choices: Vec::new(),
                min: None,
                document: false,
            };
            (name, shape)
        })
        .collect()
    });
    shapes.get(name).unwrap_or_else(|| &shapes["string"])
}

/// The services of the AWS CLI that lectern makes no calls of.
pub(super) fn is_elsewhere(name: &str) -> bool {
    names().any(|known| known == name) && !SERVICES.contains(&name)
}

/// All that the AWS CLI takes for a service, in its order.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    include_str!("../../../assets/aws/services.txt").lines()
}

/// The services that there are, by their command-line names.
pub(super) const SERVICES: &[&str] = &["eks", "iam", "sts"];

/// The model of a service.
pub(super) fn service(name: &str) -> Option<&'static Service> {
    static MODELS: [OnceLock<Option<Service>>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    const TEXTS: [&str; 3] = [
        include_str!("../../../assets/aws/eks.json"),
        include_str!("../../../assets/aws/iam.json"),
        include_str!("../../../assets/aws/sts.json"),
    ];
    let at = SERVICES.iter().position(|known| *known == name)?;
    // The text is part of the program; that it can be read is tested.
    MODELS[at].get_or_init(|| serde_json::from_str(TEXTS[at]).ok()).as_ref()
}

/// A name of the model as the command line has it: `ListPodIdentityAssociations` is `list-pod-identity-associations`.
/// A run of capitals is one word (`OpenIDConnectProvider` is `open-id-connect-provider`), with the same exceptions that
/// botocore's `xform_name` makes for a plural behind it.
pub(super) fn dashed(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (at, letter) in letters.iter().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            let before = letters[at - 1];
            let after = letters.get(at + 1);
            let plural = after == Some(&'s') && letters.get(at + 2).is_none_or(char::is_ascii_uppercase);
            let new_word = !before.is_ascii_uppercase() || (after.is_some_and(char::is_ascii_lowercase) && !plural);
            if new_word {
                out.push('-');
            }
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read_and_is_closed() {
        for name in SERVICES {
            let service = service(name).expect(name);
            for (operation, entry) in &service.operations {
                for shape in [&entry.input, &entry.output].into_iter().flatten() {
                    assert!(service.shapes.contains_key(shape), "{operation}: {shape}");
                }
            }
            for (name, shape) in &service.shapes {
                let mut used: Vec<&String> = shape.members.iter().map(|member| &member.shape).collect();
                used.extend(shape.member.iter().chain(&shape.value));
                for used in used {
                    assert!(
                        service.shapes.contains_key(used) || plain(used).kind != Kind::String || used == "string",
                        "{name}: {used}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_on_the_command_line() {
        for (name, expected) in [
            ("ListPodIdentityAssociations", "list-pod-identity-associations"),
            ("clusterName", "cluster-name"),
            ("GetOpenIDConnectProvider", "get-open-id-connect-provider"),
            ("SAMLProviderArn", "saml-provider-arn"),
            ("ListMFADevices", "list-mfa-devices"),
            ("CreateEksAnywhereSubscription", "create-eks-anywhere-subscription"),
            ("UploadSSHPublicKey", "upload-ssh-public-key"),
        ] {
            assert_eq!(dashed(name), expected);
        }
    }
}
