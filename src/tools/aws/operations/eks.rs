//! EKS's calls. Written by assets/aws/generate.py from the sources of the SDK.

use aws_sdk_eks::types;

use super::*;

enumerations! {
    types::AccessScopeType,
    types::AmiTypes,
    types::ArgoCdRole,
    types::AuthenticationMode,
    types::CapabilityDeletePropagationPolicy,
    types::CapabilityType,
    types::CapacityTypes,
    types::Category,
    types::ClusterVersionStatus,
    types::ConnectorConfigProvider,
    types::ControlPlaneEgressModeType,
    types::EksAnywhereSubscriptionLicenseType,
    types::EksAnywhereSubscriptionStatus,
    types::EksAnywhereSubscriptionTermUnit,
    types::InsightStatusValue,
    types::IpFamily,
    types::LogType,
    types::NodegroupUpdateStrategies,
    types::ProvisionedControlPlaneTier,
    types::RepairAction,
    types::ResolveConflicts,
    types::ScoringStrategyType,
    types::SpreadLevel,
    types::SsoIdentityType,
    types::SupportType,
    types::TaintEffect,
    types::VersionStatus,
    types::WarmPoolState,
}

structures! {
    types::AccessScope { set_type, set_namespaces };
    types::AckConfigRequest { set_enable_cross_namespace, set_disabled_services };
    types::AddonNamespaceConfigRequest { set_namespace };
    types::AddonPodIdentityAssociations { set_service_account, set_role_arn };
    types::ArgoCdAwsIdcConfigRequest { set_idc_instance_arn, set_idc_region };
    types::ArgoCdConfigRequest { set_namespace, set_aws_idc, set_rbac_role_mappings, set_network_access, set_endpoint_prefix };
    types::ArgoCdNetworkAccessConfigRequest { set_vpce_ids };
    types::ArgoCdRoleMapping { set_role, set_identities };
    types::BlockStorage { set_enabled };
    types::CapabilityConfigurationRequest { set_argo_cd, set_ack };
    types::ComputeConfigRequest { set_enabled, set_node_pools, set_node_role_arn };
    types::ConnectorConfigRequest { set_role_arn, set_provider };
    types::ControlPlanePlacementRequest { set_group_name, set_spread_level };
    types::ControlPlaneScalingConfig { set_tier };
    types::CrdManagementConfiguration { set_managed };
    types::CreateAccessConfigRequest { set_bootstrap_cluster_creator_admin_permissions, set_authentication_mode };
    types::EksAnywhereSubscriptionTerm { set_duration, set_unit };
    types::ElasticLoadBalancing { set_enabled, set_gateway_api };
    types::EncryptionConfig { set_resources, set_provider };
    types::EtcdPlacementRequest { set_spread_level };
    types::FargateProfileSelector { set_namespace, set_labels };
    types::GatewayApiConfiguration { set_crds };
    types::HorizontalPodAutoscalerControllerConfigRequest { set_horizontal_pod_autoscaler_sync_period };
    types::IdentityProviderConfig { set_type, set_name };
    types::InsightsFilter { set_categories, set_kubernetes_versions, set_statuses };
    types::KubeApiServerConfigRequest { set_event_ttl, set_service_node_port_range };
    types::KubeControllerManagerConfigRequest { set_pod_gc_controller_config, set_horizontal_pod_autoscaler_controller_config };
    types::KubeSchedulerConfigRequest { set_node_resources_fit };
    types::KubernetesNetworkConfigRequest { set_service_ipv4_cidr, set_ip_family, set_elastic_load_balancing };
    types::LaunchTemplateSpecification { set_name, set_version, set_id };
    types::LogSetup { set_types, set_enabled };
    types::Logging { set_cluster_logging };
    types::NodeRepairConfig { set_enabled, set_max_unhealthy_node_threshold_count, set_max_unhealthy_node_threshold_percentage, set_max_parallel_nodes_repaired_count, set_max_parallel_nodes_repaired_percentage, set_node_repair_config_overrides };
    types::NodeRepairConfigOverrides { set_node_monitoring_condition, set_node_unhealthy_reason, set_min_repair_wait_time_mins, set_repair_action };
    types::NodeResourcesFitConfig { set_scoring_strategy };
    types::NodegroupScalingConfig { set_min_size, set_max_size, set_desired_size };
    types::NodegroupUpdateConfig { set_max_unavailable, set_max_unavailable_percentage, set_update_strategy };
    types::OidcIdentityProviderConfigRequest { set_identity_provider_config_name, set_issuer_url, set_client_id, set_username_claim, set_username_prefix, set_groups_claim, set_groups_prefix, set_required_claims };
    types::OutpostConfigRequest { set_outpost_arns, set_control_plane_instance_type, set_control_plane_placement, set_etcd_instance_type, set_etcd_placement };
    types::PodGcControllerConfigRequest { set_terminated_pod_gc_threshold };
    types::Provider { set_key_arn };
    types::RemoteAccessConfig { set_ec2_ssh_key, set_source_security_groups };
    types::RemoteNetworkConfigRequest { set_remote_node_networks, set_remote_pod_networks };
    types::RemoteNodeNetwork { set_cidrs };
    types::RemotePodNetwork { set_cidrs };
    types::ResourceWeight { set_name, set_weight };
    types::RollbackConfig { set_timeout_minutes };
    types::ScoringStrategy { set_type, set_resources };
    types::ServiceNodePortRange { set_min_port, set_max_port };
    types::SsoIdentity { set_id, set_type };
    types::StorageConfigRequest { set_block_storage };
    types::Taint { set_key, set_value, set_effect };
    types::UpdateAccessConfigRequest { set_authentication_mode };
    types::UpdateAckConfig { set_enable_cross_namespace, set_disabled_services };
    types::UpdateArgoCdConfig { set_rbac_role_mappings, set_network_access };
    types::UpdateCapabilityConfiguration { set_argo_cd, set_ack };
    types::UpdateLabelsPayload { set_add_or_update_labels, set_remove_labels };
    types::UpdateRoleMappings { set_add_or_update_role_mappings, set_remove_role_mappings };
    types::UpdateTaintsPayload { set_add_or_update_taints, set_remove_taints };
    types::UpgradePolicyRequest { set_support_type };
    types::VpcConfigRequest { set_subnet_ids, set_security_group_ids, set_endpoint_public_access, set_endpoint_private_access, set_public_access_cidrs, set_control_plane_egress_mode };
    types::WarmPoolConfig { set_enabled, set_min_size, set_max_group_prepared_capacity, set_pool_state, set_reuse_on_scale_in };
    types::ZonalShiftConfigRequest { set_enabled };
}

operations! { eks {
    "ActivateCertificateAuthority" => activate_certificate_authority(set_cluster_name, set_certificate_authority_id, set_client_request_token),
    "AssociateAccessPolicy" => associate_access_policy(set_cluster_name, set_principal_arn, set_policy_arn, set_access_scope),
    "AssociateEncryptionConfig" => associate_encryption_config(set_cluster_name, set_encryption_config, set_client_request_token),
    "AssociateIdentityProviderConfig" => associate_identity_provider_config(set_cluster_name, set_oidc, set_tags, set_client_request_token),
    "CancelUpdate" => cancel_update(set_name, set_update_id, set_client_request_token),
    "CreateAccessEntry" => create_access_entry(set_cluster_name, set_principal_arn, set_kubernetes_groups, set_tags, set_client_request_token, set_username, set_type),
    "CreateAddon" => create_addon(set_cluster_name, set_addon_name, set_addon_version, set_service_account_role_arn, set_resolve_conflicts, set_client_request_token, set_tags, set_configuration_values, set_pod_identity_associations, set_namespace_config),
    "CreateCapability" => create_capability(set_capability_name, set_cluster_name, set_client_request_token, set_type, set_role_arn, set_configuration, set_tags, set_delete_propagation_policy),
    "CreateCertificateAuthority" => create_certificate_authority(set_cluster_name, set_client_request_token),
    "CreateCluster" => create_cluster(set_name, set_version, set_role_arn, set_resources_vpc_config, set_kubernetes_network_config, set_logging, set_client_request_token, set_tags, set_encryption_config, set_outpost_config, set_access_config, set_bootstrap_self_managed_addons, set_upgrade_policy, set_zonal_shift_config, set_remote_network_config, set_compute_config, set_storage_config, set_deletion_protection, set_control_plane_scaling_config, set_kube_api_server_config, set_kube_scheduler_config, set_kube_controller_manager_config),
    "CreateEksAnywhereSubscription" => create_eks_anywhere_subscription(set_name, set_term, set_license_quantity, set_license_type, set_auto_renew, set_client_request_token, set_tags),
    "CreateFargateProfile" => create_fargate_profile(set_fargate_profile_name, set_cluster_name, set_pod_execution_role_arn, set_subnets, set_selectors, set_client_request_token, set_tags),
    "CreateNodegroup" => create_nodegroup(set_cluster_name, set_nodegroup_name, set_scaling_config, set_disk_size, set_subnets, set_instance_types, set_ami_type, set_remote_access, set_node_role, set_labels, set_taints, set_tags, set_client_request_token, set_launch_template, set_update_config, set_node_repair_config, set_capacity_type, set_version, set_release_version, set_warm_pool_config),
    "CreatePodIdentityAssociation" => create_pod_identity_association(set_cluster_name, set_namespace, set_service_account, set_role_arn, set_client_request_token, set_tags, set_disable_session_tags, set_target_role_arn, set_policy),
    "DeleteAccessEntry" => delete_access_entry(set_cluster_name, set_principal_arn),
    "DeleteAddon" => delete_addon(set_cluster_name, set_addon_name, set_preserve),
    "DeleteCapability" => delete_capability(set_cluster_name, set_capability_name),
    "DeleteCertificateAuthority" => delete_certificate_authority(set_cluster_name, set_certificate_authority_id, set_client_request_token),
    "DeleteCluster" => delete_cluster(set_name),
    "DeleteEksAnywhereSubscription" => delete_eks_anywhere_subscription(set_id),
    "DeleteFargateProfile" => delete_fargate_profile(set_cluster_name, set_fargate_profile_name),
    "DeleteNodegroup" => delete_nodegroup(set_cluster_name, set_nodegroup_name),
    "DeletePodIdentityAssociation" => delete_pod_identity_association(set_cluster_name, set_association_id),
    "DeregisterCluster" => deregister_cluster(set_name),
    "DescribeAccessEntry" => describe_access_entry(set_cluster_name, set_principal_arn),
    "DescribeAddon" => describe_addon(set_cluster_name, set_addon_name),
    "DescribeAddonConfiguration" => describe_addon_configuration(set_addon_name, set_addon_version),
    "DescribeAddonVersions" => describe_addon_versions(set_kubernetes_version, set_max_results, set_next_token, set_addon_name, set_types, set_publishers, set_owners),
    "DescribeCapability" => describe_capability(set_cluster_name, set_capability_name),
    "DescribeCertificateAuthority" => describe_certificate_authority(set_cluster_name, set_certificate_authority_id),
    "DescribeCluster" => describe_cluster(set_name),
    "DescribeClusterVersions" => describe_cluster_versions(set_cluster_type, set_max_results, set_next_token, set_default_only, set_include_all, set_cluster_versions, set_status, set_version_status),
    "DescribeEksAnywhereSubscription" => describe_eks_anywhere_subscription(set_id),
    "DescribeFargateProfile" => describe_fargate_profile(set_cluster_name, set_fargate_profile_name),
    "DescribeIdentityProviderConfig" => describe_identity_provider_config(set_cluster_name, set_identity_provider_config),
    "DescribeInsight" => describe_insight(set_cluster_name, set_id),
    "DescribeInsightsRefresh" => describe_insights_refresh(set_cluster_name),
    "DescribeNodegroup" => describe_nodegroup(set_cluster_name, set_nodegroup_name),
    "DescribePodIdentityAssociation" => describe_pod_identity_association(set_cluster_name, set_association_id),
    "DescribeUpdate" => describe_update(set_name, set_update_id, set_nodegroup_name, set_addon_name, set_capability_name),
    "DisassociateAccessPolicy" => disassociate_access_policy(set_cluster_name, set_principal_arn, set_policy_arn),
    "DisassociateIdentityProviderConfig" => disassociate_identity_provider_config(set_cluster_name, set_identity_provider_config, set_client_request_token),
    "ListAccessEntries" => list_access_entries(set_cluster_name, set_associated_policy_arn, set_max_results, set_next_token),
    "ListAccessPolicies" => list_access_policies(set_max_results, set_next_token),
    "ListAddons" => list_addons(set_cluster_name, set_max_results, set_next_token),
    "ListAssociatedAccessPolicies" => list_associated_access_policies(set_cluster_name, set_principal_arn, set_max_results, set_next_token),
    "ListCapabilities" => list_capabilities(set_cluster_name, set_next_token, set_max_results),
    "ListCertificateAuthorities" => list_certificate_authorities(set_cluster_name, set_max_results, set_next_token),
    "ListClusters" => list_clusters(set_max_results, set_next_token, set_include),
    "ListEksAnywhereSubscriptions" => list_eks_anywhere_subscriptions(set_max_results, set_next_token, set_include_status),
    "ListFargateProfiles" => list_fargate_profiles(set_cluster_name, set_max_results, set_next_token),
    "ListIdentityProviderConfigs" => list_identity_provider_configs(set_cluster_name, set_max_results, set_next_token),
    "ListInsights" => list_insights(set_cluster_name, set_filter, set_max_results, set_next_token),
    "ListNodegroups" => list_nodegroups(set_cluster_name, set_max_results, set_next_token),
    "ListPodIdentityAssociations" => list_pod_identity_associations(set_cluster_name, set_namespace, set_service_account, set_max_results, set_next_token),
    "ListTagsForResource" => list_tags_for_resource(set_resource_arn),
    "ListUpdates" => list_updates(set_name, set_nodegroup_name, set_addon_name, set_capability_name, set_next_token, set_max_results),
    "RegisterCluster" => register_cluster(set_name, set_connector_config, set_client_request_token, set_tags),
    "StartInsightsRefresh" => start_insights_refresh(set_cluster_name),
    "TagResource" => tag_resource(set_resource_arn, set_tags),
    "UntagResource" => untag_resource(set_resource_arn, set_tag_keys),
    "UpdateAccessEntry" => update_access_entry(set_cluster_name, set_principal_arn, set_kubernetes_groups, set_client_request_token, set_username),
    "UpdateAddon" => update_addon(set_cluster_name, set_addon_name, set_addon_version, set_service_account_role_arn, set_resolve_conflicts, set_client_request_token, set_configuration_values, set_pod_identity_associations),
    "UpdateCapability" => update_capability(set_cluster_name, set_capability_name, set_role_arn, set_configuration, set_client_request_token, set_delete_propagation_policy),
    "UpdateClusterConfig" => update_cluster_config(set_name, set_resources_vpc_config, set_logging, set_client_request_token, set_access_config, set_upgrade_policy, set_zonal_shift_config, set_compute_config, set_kubernetes_network_config, set_storage_config, set_remote_network_config, set_deletion_protection, set_control_plane_scaling_config, set_kube_api_server_config, set_kube_scheduler_config, set_kube_controller_manager_config),
    "UpdateClusterVersion" => update_cluster_version(set_name, set_version, set_client_request_token, set_force, set_rollback_config),
    "UpdateEksAnywhereSubscription" => update_eks_anywhere_subscription(set_id, set_auto_renew, set_client_request_token),
    "UpdateNodegroupConfig" => update_nodegroup_config(set_cluster_name, set_nodegroup_name, set_labels, set_taints, set_scaling_config, set_update_config, set_node_repair_config, set_warm_pool_config, set_client_request_token),
    "UpdateNodegroupVersion" => update_nodegroup_version(set_cluster_name, set_nodegroup_name, set_version, set_release_version, set_launch_template, set_force, set_client_request_token),
    "UpdatePodIdentityAssociation" => update_pod_identity_association(set_cluster_name, set_association_id, set_role_arn, set_client_request_token, set_disable_session_tags, set_target_role_arn, set_policy),
}}
