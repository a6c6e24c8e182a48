//! The table of operations: the SDK's call for each, and the setters of its input. A setter's value is the member of that
//! name; its type says how the value is read. An operation costs one line; a structure or an enumeration that occurs in
//! an input costs one more.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Map, Value};

use crate::target::{AwsClients, TargetError};

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The service refused.
    Refused { code: String, message: String },
    /// There was no answer, or none that can be read.
    NoAnswer { words: String },
}

type Outcome = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

/// Makes the call. The answer is read from the clients, as it was on the wire.
pub(super) type Call = fn(AwsClients, Map<String, Value>) -> Outcome;

/// A value of the command line as the SDK's type.
trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for i32 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_i64().and_then(|number| Self::try_from(number).ok())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_value).collect()
    }
}

impl<T: FromValue> FromValue for HashMap<String, T> {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_object()?.iter().map(|(key, value)| Some((key.clone(), T::from_value(value)?))).collect()
    }
}

macro_rules! enumerations {
    ($($name:path),* $(,)?) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                value.as_str().map(Self::from)
            }
        }
    )*};
}

macro_rules! structures {
    ($($name:path { $($set:ident),* };)*) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                let members = value.as_object()?;
                let builder = <$name>::builder();
                $(let builder = builder.$set(member(members, stringify!($set)));)*
                Built::built(builder.build())
            }
        }
    )*};
}

/// What a builder gives: the structure, or an error where a required member is missing.
trait Built<T> {
    fn built(self) -> Option<T>;
}

impl<T, E> Built<T> for Result<T, E> {
    fn built(self) -> Option<T> {
        self.ok()
    }
}

macro_rules! operations {
    ($function:ident: $client:ident { $($name:literal => $method:ident($($set:ident),*),)* }) => {
        fn $function(name: &str) -> Option<Call> {
            match name {
                $($name => Some(|clients, input| Box::pin(async move {
                    let _ = &input;
                    let call = clients.$client().$method();
                    $(let call = call.$set(member(&input, stringify!($set)));)*
                    call.send().await.map(|_| ()).map_err(failed)
                })),)*
                _ => None,
            }
        }

        #[cfg(test)]
        pub(super) mod $function {
            pub(crate) const TABLE: &[(&str, &[&str])] = &[$(($name, &[$(stringify!($set)),*])),*];
        }
    };
}

/// The member that a setter sets: `set_cluster_name` sets `clusterName`.
fn member<T: FromValue>(members: &Map<String, Value>, setter: &str) -> Option<T> {
    let wanted = setter_key(setter);
    members.iter().find(|(name, _)| name.to_ascii_lowercase() == wanted).and_then(|(_, value)| T::from_value(value))
}

fn setter_key(setter: &str) -> String {
    setter.strip_prefix("set_").unwrap_or(setter).replace('_', "")
}

fn failed<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    error: SdkError<E, HttpResponse>,
) -> CallError {
    if let SdkError::ServiceError(context) = &error {
        let metadata = context.err();
        return CallError::Refused {
            code: metadata.code().unwrap_or("Unknown").to_owned(),
            message: metadata.message().unwrap_or("None").to_owned(),
        };
    }
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        if let Some(refused @ TargetError::Refused { .. }) = inner.downcast_ref::<TargetError>() {
            return CallError::NoAnswer { words: refused.to_string() };
        }
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    CallError::NoAnswer { words }
}

/// The call of an operation, if the table has it.
pub(super) fn find(service: &str, operation: &str) -> Option<Call> {
    match service {
        "eks" => eks(operation),
        "iam" => iam(operation),
        "sts" => sts(operation),
        _ => None,
    }
}

enumerations!(aws_sdk_iam::types::EntityType, aws_sdk_iam::types::PolicyScopeType, aws_sdk_iam::types::PolicyUsageType,);

structures! {
    aws_sdk_iam::types::Tag { set_key, set_value };
}

operations!(eks: eks {
    "CreatePodIdentityAssociation" => create_pod_identity_association(set_cluster_name, set_namespace, set_service_account, set_role_arn, set_client_request_token, set_tags, set_disable_session_tags, set_target_role_arn, set_policy),
    "DeletePodIdentityAssociation" => delete_pod_identity_association(set_cluster_name, set_association_id),
    "DescribeAccessEntry" => describe_access_entry(set_cluster_name, set_principal_arn),
    "DescribeAddon" => describe_addon(set_cluster_name, set_addon_name),
    "DescribeCluster" => describe_cluster(set_name),
    "DescribeFargateProfile" => describe_fargate_profile(set_cluster_name, set_fargate_profile_name),
    "DescribeNodegroup" => describe_nodegroup(set_cluster_name, set_nodegroup_name),
    "DescribePodIdentityAssociation" => describe_pod_identity_association(set_cluster_name, set_association_id),
    "DescribeUpdate" => describe_update(set_name, set_update_id, set_nodegroup_name, set_addon_name, set_capability_name),
    "ListAccessEntries" => list_access_entries(set_cluster_name, set_associated_policy_arn, set_max_results, set_next_token),
    "ListAccessPolicies" => list_access_policies(set_max_results, set_next_token),
    "ListAddons" => list_addons(set_cluster_name, set_max_results, set_next_token),
    "ListAssociatedAccessPolicies" => list_associated_access_policies(set_cluster_name, set_principal_arn, set_max_results, set_next_token),
    "ListClusters" => list_clusters(set_max_results, set_next_token, set_include),
    "ListFargateProfiles" => list_fargate_profiles(set_cluster_name, set_max_results, set_next_token),
    "ListIdentityProviderConfigs" => list_identity_provider_configs(set_cluster_name, set_max_results, set_next_token),
    "ListNodegroups" => list_nodegroups(set_cluster_name, set_max_results, set_next_token),
    "ListPodIdentityAssociations" => list_pod_identity_associations(set_cluster_name, set_namespace, set_service_account, set_max_results, set_next_token),
    "ListTagsForResource" => list_tags_for_resource(set_resource_arn),
    "ListUpdates" => list_updates(set_name, set_nodegroup_name, set_addon_name, set_capability_name, set_next_token, set_max_results),
    "TagResource" => tag_resource(set_resource_arn, set_tags),
    "UntagResource" => untag_resource(set_resource_arn, set_tag_keys),
    "UpdatePodIdentityAssociation" => update_pod_identity_association(set_cluster_name, set_association_id, set_role_arn, set_client_request_token, set_disable_session_tags, set_target_role_arn, set_policy),
});

operations!(iam: iam {
    "AttachRolePolicy" => attach_role_policy(set_role_name, set_policy_arn),
    "CreatePolicy" => create_policy(set_policy_name, set_path, set_policy_document, set_description, set_tags),
    "CreatePolicyVersion" => create_policy_version(set_policy_arn, set_policy_document, set_set_as_default),
    "CreateRole" => create_role(set_path, set_role_name, set_assume_role_policy_document, set_description, set_max_session_duration, set_permissions_boundary, set_tags),
    "DeletePolicy" => delete_policy(set_policy_arn),
    "DeletePolicyVersion" => delete_policy_version(set_policy_arn, set_version_id),
    "DeleteRole" => delete_role(set_role_name),
    "DeleteRolePolicy" => delete_role_policy(set_role_name, set_policy_name),
    "DetachRolePolicy" => detach_role_policy(set_role_name, set_policy_arn),
    "GetInstanceProfile" => get_instance_profile(set_instance_profile_name),
    "GetOpenIDConnectProvider" => get_open_id_connect_provider(set_open_id_connect_provider_arn),
    "GetPolicy" => get_policy(set_policy_arn),
    "GetPolicyVersion" => get_policy_version(set_policy_arn, set_version_id),
    "GetRole" => get_role(set_role_name),
    "GetRolePolicy" => get_role_policy(set_role_name, set_policy_name),
    "GetUser" => get_user(set_user_name),
    "ListAccountAliases" => list_account_aliases(set_marker, set_max_items),
    "ListAttachedRolePolicies" => list_attached_role_policies(set_role_name, set_path_prefix, set_marker, set_max_items),
    "ListEntitiesForPolicy" => list_entities_for_policy(set_policy_arn, set_entity_filter, set_path_prefix, set_policy_usage_filter, set_marker, set_max_items),
    "ListInstanceProfiles" => list_instance_profiles(set_path_prefix, set_marker, set_max_items),
    "ListInstanceProfilesForRole" => list_instance_profiles_for_role(set_role_name, set_marker, set_max_items),
    "ListOpenIDConnectProviders" => list_open_id_connect_providers(),
    "ListPolicies" => list_policies(set_scope, set_only_attached, set_path_prefix, set_policy_usage_filter, set_marker, set_max_items),
    "ListPolicyTags" => list_policy_tags(set_policy_arn, set_marker, set_max_items),
    "ListPolicyVersions" => list_policy_versions(set_policy_arn, set_marker, set_max_items),
    "ListRolePolicies" => list_role_policies(set_role_name, set_marker, set_max_items),
    "ListRoleTags" => list_role_tags(set_role_name, set_marker, set_max_items),
    "ListRoles" => list_roles(set_path_prefix, set_marker, set_max_items),
    "ListUsers" => list_users(set_path_prefix, set_marker, set_max_items),
    "PutRolePolicy" => put_role_policy(set_role_name, set_policy_name, set_policy_document),
    "SetDefaultPolicyVersion" => set_default_policy_version(set_policy_arn, set_version_id),
    "TagPolicy" => tag_policy(set_policy_arn, set_tags),
    "TagRole" => tag_role(set_role_name, set_tags),
    "UntagPolicy" => untag_policy(set_policy_arn, set_tag_keys),
    "UntagRole" => untag_role(set_role_name, set_tag_keys),
    "UpdateAssumeRolePolicy" => update_assume_role_policy(set_role_name, set_policy_document),
    "UpdateRole" => update_role(set_role_name, set_description, set_max_session_duration),
});

operations!(sts: sts {
    "GetCallerIdentity" => get_caller_identity(),
});

#[cfg(test)]
mod tests {
    use super::super::model;
    use super::*;

    #[test]
    fn the_table_has_every_member_of_every_input() {
        for (service, table) in [("eks", eks::TABLE), ("iam", iam::TABLE), ("sts", sts::TABLE)] {
            let service = model::service(service).unwrap();
            for (name, setters) in table {
                let operation = service.operations.get(*name).unwrap_or_else(|| panic!("{name} is not in the model"));
                let mut members: Vec<String> =
                    service.input(operation).iter().map(|member| member.name.to_ascii_lowercase()).collect();
                let mut set: Vec<String> = setters.iter().map(|setter| setter_key(setter)).collect();
                members.sort();
                set.sort();
                assert_eq!(members, set, "{name}");
                assert!(find(&service.name, name).is_some());
            }
        }
    }
}
