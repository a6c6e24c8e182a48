//! STS: who the caller is. Everything else of it has nothing behind it yet.

use super::seed::Principal;
use super::wire::{self, Refusal, WireRequest, WireResponse, escape};

pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(super) fn call(request: &WireRequest, account: &str, principal: &Principal) -> WireResponse {
    let action = wire::form(&String::from_utf8_lossy(request.body()))
        .into_iter()
        .find_map(|(key, value)| (key == "Action").then_some(value))
        .unwrap_or_default();
    if action != "GetCallerIdentity" {
        return wire::xml_refusal(NAMESPACE, &Refusal::absent("sts", &action));
    }
    let inner = format!(
        "<UserId>{}</UserId><Account>{account}</Account><Arn>{}</Arn>",
        escape(&principal.user_id),
        escape(&principal.arn)
    );
    wire::xml(NAMESPACE, &action, Some(&inner))
}
