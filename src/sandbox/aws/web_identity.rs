//! Web identities: the tokens that clusters sign for their service accounts, and the roles that may be taken with them.
//! Nobody outside asks for the keys of an issuer here, so tokens are signed with a secret of the account (HS256, RFC 7518)
//! where real clusters have a key pair.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use winterbaume_iam::views::{IamStateView, OidcProviderView, RoleView};

use super::access;
use super::wire::Refusal;
use super::{Inner, SandboxError};

/// A block of the hash: what HMAC takes as it is (RFC 2104).
const SECRET_BYTES: usize = 64;

/// What the account's clusters sign tokens with.
pub(super) struct Tokens(Mutex<[u8; SECRET_BYTES]>);

impl Tokens {
    /// With a secret that nobody can guess.
    pub fn new() -> Result<Self, SandboxError> {
        let mut secret = [0; SECRET_BYTES];
        let source = aws_lc_rs::default_provider().secure_random;
        source.fill(&mut secret).map_err(|_| SandboxError::Setup("the system gives no random numbers".into()))?;
        Ok(Self(Mutex::new(secret)))
    }

    pub fn snapshot(&self) -> Value {
        json!(BASE64.encode(*self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Goes back to a snapshot; one of before there were tokens changes nothing.
    pub fn restore(&self, snapshot: &Value) -> Result<(), SandboxError> {
        let Some(text) = snapshot.as_str() else { return Ok(()) };
        let secret = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let secret = secret.ok_or_else(|| SandboxError::Snapshot("the secret of tokens is not one".into()))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = secret;
        Ok(())
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let secret = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mac = Hmac::new(&secret.into());
        mac.update(signed.as_bytes());
        mac
    }

    /// A token with these claims: a signed JWT (RFC 7519) in its compact form.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// What a token says, and whether it was signed here; `None` when it is no token at all.
    fn read(&self, token: &str) -> Option<(Claims, bool)> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let parsed = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        let (header, claims) = (parsed(header)?, parsed(claims)?);
        let genuine = header["alg"] == "HS256"
            && BASE64.decode(signature).is_ok_and(|bytes| self.mac(signed).verify_slice(&bytes).is_ok());
        let audiences = match &claims["aud"] {
            Value::String(one) => vec![one.clone()],
            many => many.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        let claims = Claims {
            issuer: claims["iss"].as_str()?.to_owned(),
            subject: claims["sub"].as_str()?.to_owned(),
            audiences,
            expires: claims["exp"].as_i64()?,
        };
        Some((claims, genuine))
    }
}

/// What a token says that STS asks for.
pub(super) struct Claims {
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
    /// Seconds of the epoch.
    expires: i64,
}

impl Claims {
    /// As those of a token that the cluster's kubelet has made just now for a Pod.
    pub fn of_pod(issuer: String, namespace: &str, service_account: &str, audience: &str) -> Self {
        let subject = format!("system:serviceaccount:{namespace}:{service_account}");
        Self { issuer, subject, audiences: vec![audience.to_owned()], expires: i64::MAX }
    }
}

/// A role that a web identity may take.
pub(super) struct Federated {
    pub role: RoleView,
    /// The ARN of the provider that vouches for it.
    pub provider: String,
    pub audience: String,
    /// What conditions of the role's policies may ask about the session.
    pub context: access::Context,
}

/// Reads a token as STS does.
///
/// # Errors
/// What STS says when it is none, not signed by its issuer, or expired.
pub(super) fn claims(inner: &Inner, token: &str, now: Timestamp) -> Result<Claims, Refusal> {
    let invalid = |message: &str| Refusal::new(400, "InvalidIdentityToken", message);
    let Some((claims, genuine)) = inner.tokens.read(token) else {
        return Err(invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ));
    };
    provider(&inner.iam.view(), &claims)?;
    if !genuine || !inner.eks.is_issuer(&claims.issuer) {
        return Err(invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    if claims.expires <= now.as_second() {
        let message = format!(
            "Token expired: current date/time {} must be before the expiration date/time {}",
            now.as_second(),
            claims.expires
        );
        return Err(Refusal::new(400, "ExpiredTokenException", message));
    }
    Ok(claims)
}

/// The issuer as conditions and ARNs name it.
fn host(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}

/// The account's provider for the token's issuer.
fn provider<'v>(view: &'v IamStateView, claims: &Claims) -> Result<&'v OidcProviderView, Refusal> {
    let found = view.oidc_providers.values().find(|one| host(&one.url) == host(&claims.issuer));
    found.ok_or_else(|| {
        let message = format!("No OpenIDConnect provider found in your account for {}", claims.issuer);
        Refusal::new(400, "InvalidIdentityToken", message)
    })
}

/// The role, if its trust policy lets the token's bearer take it (IAM User Guide, "Create a role for OpenID Connect
/// federation"): the provider is the account's, knows the audience, and the role trusts it on these terms.
///
/// # Errors
/// What STS says when it is not so. A role that is not there and one that does not trust the bearer are refused alike.
pub(super) fn take(inner: &Inner, claims: &Claims, role_arn: &str) -> Result<Federated, Refusal> {
    let view = inner.iam.view();
    let provider = provider(&view, claims)?;
    let audience = claims.audiences.iter().find(|audience| provider.client_id_list.contains(audience));
    let Some(audience) = audience else {
        return Err(Refusal::new(400, "InvalidIdentityToken", "Incorrect token audience"));
    };
    let issuer = host(&claims.issuer).to_lowercase();
    let context = access::Context::from([
        (format!("{issuer}:sub"), claims.subject.clone()),
        (format!("{issuer}:aud"), audience.clone()),
        ("aws:federatedprovider".into(), provider.arn.clone()),
    ]);
    let role = view
        .roles
        .values()
        .find(|role| role.arn == role_arn)
        .filter(|role| access::trusts_federated(role, &provider.arn, "sts:AssumeRoleWithWebIdentity", &context));
    match role {
        Some(role) => {
            Ok(Federated { role: role.clone(), provider: provider.arn.clone(), audience: audience.clone(), context })
        }
        None => Err(Refusal::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")),
    }
}
