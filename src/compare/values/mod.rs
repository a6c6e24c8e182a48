//! The kinds of value that differ from one account, cluster and moment to another, and how each looks.
//!
//! A recogniser reads text at the start of a word and says how long the value there is. It knows the lexical shape of the
//! value and nothing else: whether a difference is allowed is for [`crate::compare::phrase`] and [`crate::compare::bindings`].

mod aws;
mod kubernetes;
mod network;
mod time;

pub(super) use aws::{is_database_domain, is_registry_of_aws, key_names_account, region_at};
pub(super) use kubernetes::{is_suffix_alphabet, node_version_at, suffix_of_joined};
pub(super) use network::{Reach, reach};
pub(super) use time::{age_at, is_age_cell, order as time_order};

/// What a value is. Two values of one kind may stand for each other; of two kinds never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Twelve digits, or what pages write instead.
    Account,
    /// `us-west-2`.
    Region,
    /// `us-west-2a`.
    Zone,
    /// `usw2-az1`.
    ZoneId,
    /// The name of a cluster; known from the session or learned from the page.
    Cluster,
    /// `vpc-…`, `subnet-…`, `i-…`: a prefix, then 8 or 17 hexadecimal digits.
    AwsId,
    /// `a-…`: a pod identity association.
    Association,
    /// `AROA…`, `AKIA…`, `Z…`, `E…`: upper-case ids of IAM and Route 53.
    UpperId,
    /// Thirty-two upper-case hexadecimal digits: OIDC issuers and EKS endpoints.
    IssuerId,
    /// Random letters and digits of both cases that Secrets Manager and CloudFormation append.
    RandomSuffix,
    /// Digits of a creation time that Terraform appends.
    CreationSuffix,
    /// The whole host name of a load balancer, where the page has the other sort of load balancer.
    LoadBalancer,
    /// The digits in a load balancer's host name.
    LoadBalancerNumber,
    /// What a managed database's host name holds of the account.
    HostLabel,
    /// The host name of a node.
    Node,
    /// An IPv4 or IPv6 address.
    Address,
    /// The address of a network interface.
    HardwareAddress,
    /// A port from the NodePort range.
    NodePort,
    /// A UID.
    Uuid,
    /// A commit, digest, container id or another hexadecimal hash.
    Hash,
    /// The template hash in the name of a ReplicaSet.
    TemplateHash,
    /// The five characters that end a generated name.
    NameSuffix,
    /// The minutes that end the name of a CronJob's Job.
    JobMinute,
    /// A date with a time, or a time of day.
    Time,
    /// How old something is, or how long something took.
    Age,
    /// A version of a node's software.
    NodeVersion,
    /// What a program measured.
    Measure,
    /// A number that the API server counts up.
    Counter,
    /// A number that the system picked when it needed one: a VLAN, the port of a client.
    Picked,
    /// An id without any shape, in a field that says that it holds an id.
    OpaqueId,
    /// What the page masks.
    Mask,
}

impl Kind {
    /// The kind in words for the learner; also its name in saved bindings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Account => "account id",
            Self::Region => "region",
            Self::Zone => "availability zone",
            Self::ZoneId => "availability zone id",
            Self::Cluster => "cluster name",
            Self::AwsId => "AWS resource id",
            Self::Association => "pod identity association id",
            Self::UpperId => "AWS unique id",
            Self::IssuerId => "issuer or endpoint id",
            Self::RandomSuffix => "random name suffix",
            Self::CreationSuffix => "creation time in a name",
            Self::LoadBalancer => "load balancer",
            Self::LoadBalancerNumber => "load balancer number",
            Self::HostLabel => "host label of a database",
            Self::Node => "node name",
            Self::Address => "address",
            Self::HardwareAddress => "hardware address",
            Self::NodePort => "node port",
            Self::Uuid => "UID",
            Self::Hash => "hash",
            Self::TemplateHash => "template hash of generated names",
            Self::NameSuffix => "generated name suffix",
            Self::JobMinute => "scheduled time in a Job's name",
            Self::Time => "time",
            Self::Age => "age or duration",
            Self::NodeVersion => "version of a node's software",
            Self::Measure => "measured value",
            Self::Counter => "counter of the API server",
            Self::Picked => "number that the system picked",
            Self::OpaqueId => "id",
            Self::Mask => "value that the page masks",
        }
    }

    /// Whether one expected value must stand for one actual value. Moments and measurements are new each time.
    pub(super) fn binds(self) -> bool {
        !matches!(
            self,
            Self::Time | Self::Age | Self::NodeVersion | Self::Measure | Self::Counter | Self::Picked | Self::Mask
        )
    }

    /// Whether two expected values may not fall together on one actual value. The learner has one region, however many an
    /// author used.
    pub(super) fn is_distinct(self) -> bool {
        self.binds() && self != Self::Region
    }

    /// Whether that holds from one command to the next too: for accounts, ids and generated names. What is not in use any more
    /// may be given out again (addresses, ports), and equal contents have equal hashes.
    pub(super) fn is_distinct_in_lesson(self) -> bool {
        matches!(
            self,
            Self::Account
                | Self::AwsId
                | Self::Association
                | Self::UpperId
                | Self::IssuerId
                | Self::RandomSuffix
                | Self::CreationSuffix
                | Self::Uuid
                | Self::NameSuffix
                | Self::OpaqueId
        )
    }
}

/// What stands at `at` in `text`, and how many bytes of it. `at` must be a character boundary where a word starts.
pub(super) fn recognise(text: &str, at: usize) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let first = *bytes.get(at)?;
    if !first.is_ascii_alphanumeric() && first != b'$' && first != b':' && first != b'-' {
        return None;
    }
    let word = Word { text, bytes, at };
    match first {
        // A part of a version, or of an address that began before.
        b'0'..=b'9' if word.previous() == b'.' && word.run(|b| b.is_ascii_alphanumeric()) < 4 => None,
        b'0'..=b'9' => time::recognise(word)
            .or_else(|| aws::uuid(word))
            .or_else(|| network::recognise(word))
            .or_else(|| aws::number(word))
            .or_else(|| kubernetes::recognise(word))
            .or_else(|| aws::recognise(word)),
        b'a'..=b'z' => {
            let run = word.run(|b| b.is_ascii_alphanumeric());
            if word.slice(run).bytes().all(|b| b.is_ascii_lowercase()) {
                return plain_word(word, run);
            }
            aws::uuid(word)
                .or_else(|| kubernetes::recognise(word))
                .or_else(|| aws::recognise(word))
                .or_else(|| network::recognise(word))
        }
        b'A'..=b'Z' => time::recognise(word)
            .or_else(|| aws::uuid(word))
            .or_else(|| network::recognise(word))
            .or_else(|| aws::recognise(word)),
        b'$' => aws::variable(word),
        _ => None,
    }
}

/// A word of lower-case letters: a value only if it is the beginning of one, or all of a generated suffix. Most words are
/// neither, so this decides how long a comparison takes.
fn plain_word(word: Word<'_>, run: usize) -> Option<(Kind, usize)> {
    match (word.peek(run), word.previous()) {
        (b'-', before) => kubernetes::node(word)
            .or_else(|| (before == b'-' && matches!(run, 5..=10)).then(|| kubernetes::recognise(word))?)
            .or_else(|| aws::prefixed(word))
            .or_else(|| aws::uuid(word)),
        (b':', before) => {
            network::recognise(word).or_else(|| (before == b'-' && run == 5).then(|| kubernetes::recognise(word))?)
        }
        (_, b'-') if run == 5 => kubernetes::recognise(word),
        _ if word.bytes[word.at] == b'x' => network::recognise(word).or_else(|| aws::recognise(word)),
        _ if run >= 32 => aws::recognise(word),
        (_, b'-') if run == 6 => aws::recognise(word),
        _ => None,
    }
}

/// No value is longer, and none depends on what stands further away: so recognising takes constant time.
const REACH: usize = 160;

/// A place in a text where a word starts.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Word<'a> {
    fn rest(self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The text ahead of the word, as far back as any value reaches.
    fn before(self) -> &'a str {
        let from =
            (self.at.saturating_sub(REACH)..=self.at).find(|&i| self.text.is_char_boundary(i)).unwrap_or(self.at);
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The byte ahead of the word, or a blank at the start of the text.
    fn previous(self) -> u8 {
        self.at.checked_sub(1).and_then(|i| self.bytes.get(i)).copied().unwrap_or(b' ')
    }

    /// The byte `n` behind the start of the word, or a blank at the end of the text.
    fn peek(self, n: usize) -> u8 {
        self.bytes.get(self.at + n).copied().unwrap_or(b' ')
    }

    /// How many bytes from the start satisfy `test`.
    fn run(self, test: impl Fn(u8) -> bool) -> usize {
        self.rest().iter().take(REACH).take_while(|&&b| test(b)).count()
    }

    fn slice(self, length: usize) -> &'a str {
        self.text.get(self.at..self.at + length).unwrap_or_default()
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_upper_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

/// Letters and digits together: a bare word or a bare number is no hash.
fn is_mixed(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_alphabetic())
}
