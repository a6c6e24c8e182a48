//! Ids and names that AWS services give out.

use super::{Kind, Word, is_hex, is_mixed, is_upper_hex};

/// Longest prefix of a resource id in use (`eipassoc`, `rtbassoc`, `subnet`, `sgr`, `fsvol`, `tgw-attach` …).
const LONGEST_PREFIX: usize = 12;
/// Resource ids are 17 hexadecimal digits behind the prefix; those from before 2016 have 8.
const ID_LENGTHS: [usize; 2] = [17, 8];
/// Accounts of Amazon's own registries for EKS add-ons.
/// Source: Amazon EKS User Guide, "View Amazon container image registries".
const REGISTRIES_OF_AWS: [&str; 16] = [
    "602401143452",
    "877085696533",
    "800184023465",
    "558608220178",
    "590381155156",
    "918309763551",
    "961992271922",
    "900612956339",
    "900889452093",
    "066635153087",
    "759879836304",
    "013241004608",
    "151742754352",
    "455263428931",
    "491585149902",
    "761377655185",
];

/// Whether an account is Amazon's own, so that it does not become the learner's.
pub(in super::super) fn is_registry_of_aws(account: &str) -> bool {
    REGISTRIES_OF_AWS.contains(&account)
}

/// Whether a field of this name holds an account id.
pub(in super::super) fn key_names_account(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["account", "accountid", "registryid", "ownerid", "awsaccountid", "userid", "groupownerid"]
        .iter()
        .any(|name| key == *name || (name.len() > 7 && key.ends_with(name)) || key.ends_with("account_id"))
}

/// The length of a region's name at `at`, of the form `us-west-2` or `us-gov-east-1`.
pub(in crate::compare) fn region_at(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    const AREAS: [&[u8]; 11] =
        [b"us-gov-", b"us-", b"eu-", b"ap-", b"ca-", b"sa-", b"me-", b"af-", b"il-", b"mx-", b"cn-"];
    const SIDES: [&[u8]; 9] =
        [b"northeast", b"northwest", b"southeast", b"southwest", b"north", b"south", b"central", b"east", b"west"];
    let area = AREAS.iter().find(|area| rest.starts_with(area))?.len();
    let side = SIDES.iter().find(|side| rest[area..].starts_with(side))?.len();
    let number = rest.get(area + side..area + side + 2)?;
    (number[0] == b'-' && number[1].is_ascii_digit()).then_some(area + side + 2)
}

/// Eight, four, four, four and twelve hexadecimal digits.
pub(super) fn uuid(word: Word<'_>) -> Option<(Kind, usize)> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let rest = word.rest().get(..36)?;
    if rest[8] != b'-' {
        return None;
    }
    let shaped =
        rest.iter().enumerate().all(|(i, &b)| if DASHES.contains(&i) { b == b'-' } else { b.is_ascii_hexdigit() });
    (shaped && !word.peek(36).is_ascii_alphanumeric()).then_some((Kind::Uuid, 36))
}

/// `$AWS_ACCOUNT_ID`, where a page shows the variable instead of its value.
pub(super) fn variable(word: Word<'_>) -> Option<(Kind, usize)> {
    ["$AWS_ACCOUNT_ID", "${AWS_ACCOUNT_ID}"]
        .iter()
        .find(|name| word.rest().starts_with(name.as_bytes()))
        .map(|name| (Kind::Account, name.len()))
}

/// Numbers: accounts and the creation times that Terraform puts into names.
pub(super) fn number(word: Word<'_>) -> Option<(Kind, usize)> {
    let digits = word.run(|b| b.is_ascii_digit());
    let next = word.peek(digits);
    if next.is_ascii_alphanumeric() {
        return None;
    }
    let delimited = matches!(word.previous(), b':' | b'/') && !matches!(next, b'.' | b'-' | b'_');
    let in_arn = delimited && word.before().rsplit([' ', '"']).next().is_some_and(|w| w.contains("arn:aws"));
    // What writers put for an account: `1234567890`, `123456789012`, `111122223333`.
    let invented = word.slice(digits) == "1234567890";
    let in_registry = word.bytes.get(word.at + digits..).is_some_and(|rest| rest.starts_with(b".dkr.ecr"));
    match digits {
        // Pages shorten the id to ten digits; elsewhere ten digits are just a number.
        10..=13 if in_arn || in_registry || invented => Some((Kind::Account, digits)),
        12 => Some((Kind::Account, digits)),
        24..=28 if word.rest().starts_with(b"20") => Some((Kind::CreationSuffix, digits)),
        // The nanoseconds with which the SDKs name a session.
        19 if matches!(word.previous(), b'-' | b'/') && matches!(word.rest()[..2], [b'1', b'4'..=b'9']) => {
            Some((Kind::CreationSuffix, digits))
        }
        10 | 13 if word.previous() == b'-' && matches!(word.rest()[..2], [b'1', b'4'..=b'9']) && next != b'.' => {
            Some((Kind::CreationSuffix, digits))
        }
        6.. if digits <= 10
            && word.previous() == b'-'
            && next == b'.'
            && followed_by_load_balancer_host(word, digits) =>
        {
            Some((Kind::LoadBalancerNumber, digits))
        }
        _ => None,
    }
}

fn followed_by_load_balancer_host(word: Word<'_>, digits: usize) -> bool {
    let start = word.at + digits + 1;
    let Some(region) = region_at(word.bytes, start) else { return false };
    word.bytes.get(start + region..).is_some_and(|rest| rest.starts_with(b".elb."))
}

/// Everything else that starts with a letter or digit.
pub(super) fn recognise(word: Word<'_>) -> Option<(Kind, usize)> {
    region(word)
        .or_else(|| resource_id(word))
        .or_else(|| masked(word))
        .or_else(|| upper(word))
        .or_else(|| random_suffix(word))
        .or_else(|| database_host(word))
        .or_else(|| hash(word))
}

/// A region, a zone, or an id with its prefix.
pub(super) fn prefixed(word: Word<'_>) -> Option<(Kind, usize)> {
    region(word).or_else(|| resource_id(word))
}

fn region(word: Word<'_>) -> Option<(Kind, usize)> {
    if let Some(length) = region_at(word.bytes, word.at) {
        let next = word.peek(length);
        if !next.is_ascii_alphanumeric() {
            return Some((Kind::Region, length));
        }
        if matches!(next, b'a'..=b'h') && !word.peek(length + 1).is_ascii_alphanumeric() {
            return Some((Kind::Zone, length + 1));
        }
    }
    zone_id(word)
}

/// `usw2-az1`: three to five letters, a digit, `-az`, a digit.
fn zone_id(word: Word<'_>) -> Option<(Kind, usize)> {
    let letters = word.run(|b| b.is_ascii_lowercase());
    if !(3..=5).contains(&letters) || !word.peek(letters).is_ascii_digit() {
        return None;
    }
    let rest = word.rest().get(letters + 1..)?;
    (rest.starts_with(b"-az") && rest.get(3).is_some_and(u8::is_ascii_digit)).then_some((Kind::ZoneId, letters + 5))
}

/// A prefix, `-`, and 17 or 8 hexadecimal digits; `a-` and 17 letters or digits.
fn resource_id(word: Word<'_>) -> Option<(Kind, usize)> {
    let prefix = word.run(|b| b.is_ascii_lowercase());
    if prefix == 0 || prefix > LONGEST_PREFIX || word.peek(prefix) != b'-' {
        return None;
    }
    let id = Word { at: word.at + prefix + 1, ..word };
    let length = id.run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    // Eight digits and a dash begin a UID: `pvc-719c8ef2-…`.
    if id.peek(length).is_ascii_alphanumeric() || (length == 8 && id.peek(length) == b'-') {
        return None;
    }
    let text = id.slice(length);
    if prefix == 1 && word.bytes[word.at] == b'a' && length == 17 {
        return Some((Kind::Association, prefix + 1 + length));
    }
    let hexadecimal = text.bytes().all(is_hex);
    // Eight digits alone could be a template hash or a date; a resource id of that age starts a word.
    let plausible = length == 17 || (is_mixed(text) && !matches!(word.previous(), b'-'));
    (hexadecimal && ID_LENGTHS.contains(&length) && plausible).then_some((Kind::AwsId, prefix + 1 + length))
}

/// `xxxxxxxxxx`, `XXXXXXXX`: where the page masks a value.
fn masked(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b == b'x').max(word.run(|b| b == b'X'));
    (length >= 4 && !word.peek(length).is_ascii_alphanumeric()).then_some((Kind::Mask, length))
}

fn upper(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if length < 12 || word.peek(length).is_ascii_alphanumeric() || word.peek(length) == b'_' {
        return None;
    }
    let text = word.slice(length);
    if length == 32 && text.bytes().all(is_upper_hex) && is_mixed(text) {
        return Some((Kind::IssuerId, length));
    }
    let first_four = text.get(..4).unwrap_or_default();
    let of_iam = ["AROA", "AIDA", "AKIA", "ASIA", "AGPA", "ANPA", "AIPA", "ANVA", "APKA", "ASCA"].contains(&first_four);
    if text.contains("EXAMPLE") && length >= 20 && !of_iam {
        return Some((Kind::Mask, length));
    }
    let of_route53 = matches!(text.as_bytes()[0], b'Z' | b'E') && (13..=32).contains(&length) && is_mixed(text);
    (of_iam && (16..=128).contains(&length) || of_route53).then_some((Kind::UpperId, length))
}

/// Secrets Manager appends `-` and six letters or digits, CloudFormation twelve or thirteen.
fn random_suffix(word: Word<'_>) -> Option<(Kind, usize)> {
    if word.previous() != b'-' {
        return None;
    }
    let length = word.run(|b| b.is_ascii_alphanumeric());
    if matches!(word.peek(length), b'-' | b'_' | b'.') {
        return None;
    }
    let text = word.slice(length);
    let of_secret = length == 6 && word.before().contains(":secret:");
    let cases = text.bytes().any(|b| b.is_ascii_lowercase()) as u8
        + text.bytes().any(|b| b.is_ascii_uppercase()) as u8
        + text.bytes().any(|b| b.is_ascii_digit()) as u8;
    let title_case = text.bytes().skip(1).all(|b| b.is_ascii_lowercase());
    let random = match length {
        6 => cases >= 2 && text.bytes().any(|b| b.is_ascii_uppercase()) && !title_case && has_inner_mix(text),
        12 | 13 => cases >= 2 && text.bytes().any(|b| b.is_ascii_uppercase()) && has_inner_mix(text),
        _ => false,
    };
    (of_secret || random).then_some((Kind::RandomSuffix, length))
}

/// Words in camel case change case once or twice; random text has a digit within, or changes often.
fn has_inner_mix(text: &str) -> bool {
    let changes = text.as_bytes().windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    text.bytes().any(|b| b.is_ascii_digit()) || changes >= 2
}

/// `cjkatqd1cnrz.us-west-2.rds.amazonaws.com`: the label that RDS, ElastiCache and DocumentDB give to an account, and OpenSearch to a
/// domain.
fn database_host(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !(3..=32).contains(&length) || word.peek(length) != b'.' || !matches!(word.previous(), b'.' | b'-') {
        return None;
    }
    let managed = is_database_domain(word.bytes, word.at + length + 1);
    (managed && is_mixed(word.slice(length)) && (length >= 6 || is_endpoint_of_eks(word, length)))
        .then_some((Kind::HostLabel, length))
}

/// `gr7.us-west-2.eks.amazonaws.com`: part of the endpoint of a cluster.
fn is_endpoint_of_eks(word: Word<'_>, length: usize) -> bool {
    let start = word.at + length + 1;
    region_at(word.bytes, start)
        .and_then(|region| word.bytes.get(start + region..))
        .is_some_and(|rest| rest.starts_with(b".eks.amazonaws.com"))
}

/// Whether a region and the name of a managed database's service stand at `at`.
pub(in super::super) fn is_database_domain(bytes: &[u8], at: usize) -> bool {
    region_at(bytes, at).and_then(|region| bytes.get(at + region..)).is_some_and(|service| {
        [b".rds.".as_slice(), b".docdb.", b".neptune.", b".cache.", b".es.", b".aoss.", b".eks."]
            .iter()
            .any(|name| service.starts_with(name))
    })
}

/// Hexadecimal digits with letters and decimal digits among them: commits, digests, container ids, load balancers.
fn hash(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(is_hex);
    let next = word.peek(length);
    if !matches!(length, 7..=64) || next.is_ascii_alphanumeric() {
        return None;
    }
    let text = word.slice(length);
    let long = matches!(length, 32 | 40 | 64);
    (is_mixed(text) || (long && text.bytes().any(|b| b.is_ascii_alphabetic()))).then_some((Kind::Hash, length))
}
