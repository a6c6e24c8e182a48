//! Tokens of EKS at the served API server: a GetCallerIdentity request that the caller signed ahead for one cluster. The
//! rules are those of aws-iam-authenticator, which EKS's API server asks; who signed it is known here without asking STS.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::identity::{Identity, same};

/// What every token begins with.
const PREFIX: &str = "k8s-aws-v1.";
/// How long a token is taken after it was signed.
const VALID: SignedDuration = SignedDuration::from_mins(15);
/// How far a caller's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The form of `X-Amz-Date`.
const DATE: &str = "%Y%m%dT%H%M%SZ";

/// Whether `token` was signed with the access key of `identity`, for the cluster of that name, not long before `now`.
/// What is signed is judged by real time: its makers know no other.
pub(super) fn takes(identity: &Identity, cluster: &str, token: &str, now: Timestamp) -> bool {
    signed(identity, cluster, token, now).is_some_and(|right| right)
}

fn signed(identity: &Identity, cluster: &str, token: &str, now: Timestamp) -> Option<bool> {
    let url = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?.trim_end_matches('=')).ok()?;
    let url = String::from_utf8(url).ok()?;
    let (base, query) = url.split_once('?')?;
    let mut parameters = BTreeMap::new();
    let mut asked = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?.into_owned();
        if name.starts_with("X-Amz-") {
            parameters.insert(name, value);
        } else {
            asked.push(pair);
        }
    }
    let parameter = |name: &str| parameters.get(name).map(String::as_str);
    // The credential's scope: KEY/DATE/REGION/sts/aws4_request. A session's token belongs to no key of this account.
    let scope: Vec<&str> = parameter("X-Amz-Credential")?.split('/').collect();
    let [key, _, region, "sts", "aws4_request"] = scope.as_slice() else { return Some(false) };
    let headers: Vec<&str> = parameter("X-Amz-SignedHeaders")?.split(';').collect();
    let action = asked.contains(&"Action=GetCallerIdentity") && asked.contains(&"Version=2011-06-15");
    if !same(key.as_bytes(), identity.access_key.as_bytes())
        || !headers.contains(&"x-k8s-aws-id")
        || !action
        || parameters.contains_key("X-Amz-Security-Token")
    {
        return Some(false);
    }
    let at = DateTime::strptime(DATE, parameter("X-Amz-Date")?).ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    if at + VALID < now || at > now + AHEAD {
        return Some(false);
    }

    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(parameter("X-Amz-Expires")?.parse().ok()?));
    let caller = Credentials::new(&identity.access_key, &identity.secret_key, None, None, "sandbox").into();
    let params = SigningParams::builder()
        .identity(&caller)
        .region(region)
        .name("sts")
        .time(at.into())
        .settings(settings)
        .build()
        .ok()?
        .into();
    let url = format!("{base}?{}", asked.join("&"));
    let bound = std::iter::once(("x-k8s-aws-id", cluster));
    let request = SignableRequest::new("GET", url.as_str(), bound, SignableBody::Bytes(b"")).ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    let (_, own) = instructions.params().iter().find(|(name, _)| *name == "X-Amz-Signature")?;
    Some(same(own.as_bytes(), parameter("X-Amz-Signature")?.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that botocore signed: for the cluster `eks-workshop`, with AWS's example key, on 2026-03-04 at 05:06:07.
    const SIGNED: &str = "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
        &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260304%2Fus-west-2%2Fsts%2Faws4_request\
        &X-Amz-Date=20260304T050607Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
        &X-Amz-Signature=36443d742bb289df7c98b13a8c9e485b15c2fd941026ac8950cff6afeef9b0de";

    #[test]
    fn only_what_the_account_s_key_signed_lately_for_this_cluster_is_taken() {
        let key = |id: &str, secret: &str| Identity::with_key(id, secret).unwrap();
        let own = key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let token = |url: &str| format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(url));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let soon = at("2026-03-04T05:20:00Z");
        assert!(takes(&own, "eks-workshop", &token(SIGNED), soon));
        assert!(takes(&own, "eks-workshop", &format!("{}==", token(SIGNED)), soon), "padding is left alone");

        assert!(!takes(&own, "other", &token(SIGNED), soon), "for another cluster");
        assert!(!takes(&own, "eks-workshop", &token(SIGNED), at("2026-03-04T05:21:08Z")), "too old");
        assert!(!takes(&own, "eks-workshop", &token(SIGNED), at("2026-03-04T05:00:00Z")), "of the future");
        assert!(!takes(&key("AKIDEXAMPLE", "another"), "eks-workshop", &token(SIGNED), soon), "another secret");
        assert!(!takes(
            &key("AKIDOTHER", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            "eks-workshop",
            &token(SIGNED),
            soon
        ));
        for (from, to) in [
            ("Action=GetCallerIdentity", "Action=GetSessionToken"),
            ("&X-Amz-Signature=3", "&X-Amz-Signature=4"),
            ("us-west-2.amazonaws", "us-west-2.example"),
            ("%3Bx-k8s-aws-id", ""),
            ("&X-Amz-Expires=60", "&X-Amz-Expires=x"),
            ("&X-Amz-Date=20260304T050607Z", ""),
        ] {
            assert_ne!(SIGNED.replace(from, to), SIGNED);
            assert!(!takes(&own, "eks-workshop", &token(&SIGNED.replace(from, to)), soon), "{from} for {to}");
        }
        for garbage in ["", "k8s-aws-v1.", "k8s-aws-v1.####", "abc"] {
            assert!(!takes(&own, "eks-workshop", garbage, soon), "{garbage}");
        }
    }
}
