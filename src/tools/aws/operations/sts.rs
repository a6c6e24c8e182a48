//! STS's calls. Written by assets/aws/generate.py from the sources of the SDK.

use aws_sdk_sts::types;

use super::*;

structures! {
    types::PolicyDescriptorType { set_arn };
    types::ProvidedContext { set_provider_arn, set_context_assertion };
    types::Tag { set_key, set_value };
}

operations! { sts {
    "AssumeRole" => assume_role(set_role_arn, set_role_session_name, set_policy_arns, set_policy, set_duration_seconds, set_tags, set_transitive_tag_keys, set_external_id, set_serial_number, set_token_code, set_source_identity, set_provided_contexts, set_minimum_session_token_size),
    "AssumeRoleWithSAML" => assume_role_with_saml(set_role_arn, set_principal_arn, set_saml_assertion, set_policy_arns, set_policy, set_duration_seconds, set_minimum_session_token_size),
    "AssumeRoleWithWebIdentity" => assume_role_with_web_identity(set_role_arn, set_role_session_name, set_web_identity_token, set_provider_id, set_policy_arns, set_policy, set_duration_seconds, set_minimum_session_token_size),
    "AssumeRoot" => assume_root(set_target_principal, set_task_policy_arn, set_duration_seconds, set_minimum_session_token_size),
    "DecodeAuthorizationMessage" => decode_authorization_message(set_encoded_message),
    "GetAccessKeyInfo" => get_access_key_info(set_access_key_id),
    "GetCallerIdentity" => get_caller_identity(),
    "GetDelegatedAccessToken" => get_delegated_access_token(set_trade_in_token),
    "GetFederationToken" => get_federation_token(set_name, set_policy, set_policy_arns, set_duration_seconds, set_tags, set_minimum_session_token_size),
    "GetSessionToken" => get_session_token(set_duration_seconds, set_serial_number, set_token_code, set_minimum_session_token_size),
    "GetWebIdentityToken" => get_web_identity_token(set_audience, set_duration_seconds, set_signing_algorithm, set_tags),
}}
